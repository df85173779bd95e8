"""What is bought in one basket with the items of the page or the cart, by significant lift.

The matrix holds significant pairs, by likelihood and the lower bound of their lift (model_repo/together).
"""

from __future__ import annotations

from numba import njit

from serving.decisions.recommend.contract import Source as Code
from serving.kernels.history import CARTED, CONTEXT

CODE, QUOTA = Code.TOGETHER, "from_together"


@njit(cache=True, nogil=True)
def weigh(history, out):
    """Each item of the page or the cart counts once; out (h,) float32."""
    for i in range(len(out)):
        out[i] = 1.0 if history.kind[i] == CONTEXT or history.kind[i] == CARTED else 0.0
