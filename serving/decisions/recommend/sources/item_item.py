"""EASE, or RP3beta for large catalogues: what having an item says about wanting another (model_repo/item_item)."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def weigh(history, out):
    """By the decayed interest of the fold; out (h,) float32."""
    out[:] = history.interest
