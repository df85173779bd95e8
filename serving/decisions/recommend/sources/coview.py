"""What is viewed in one visit with the items of the page: as together, over views."""

from __future__ import annotations

from numba import njit

from serving.decisions.recommend.contract import Source as Code
from serving.kernels.history import CONTEXT

CODE, QUOTA = Code.COVIEW, "from_coview"


@njit(cache=True, nogil=True)
def weigh(history, out):
    """Each item of the page counts once; out (h,) float32."""
    for i in range(len(out)):
        out[i] = 1.0 if history.kind[i] == CONTEXT else 0.0
