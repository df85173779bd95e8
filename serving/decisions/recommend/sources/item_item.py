"""EASE, or RP3beta for large catalogues: what having an item says about wanting another (model_repo/item_item)."""

from __future__ import annotations

from numba import njit

from serving.decisions.recommend.contract import Source as Code

CODE, QUOTA = Code.ITEM_ITEM, "from_item_item"


@njit(cache=True, nogil=True)
def weigh(history, out):
    """By the decayed interest of the fold; out (h,) float32."""
    out[:] = history.interest
