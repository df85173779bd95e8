"""What a request knows of its visitor: the shape that the fold fills and the other kernels read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

DAY_S = 86_400.0

BOUGHT, SEEN, CONTEXT, CARTED = 1, 2, 3, 4
"""Kinds of history entries: bought before, only viewed or wished for, an item of the page itself, in the cart now."""


class History(NamedTuple):
    """What b visitors did, one entry per visitor and item; entries ptr[r]:ptr[r+1] belong to request r.

    row (h,) int32 catalogue row; interest (h,) float32 decayed sum over events; buys (h,) float32 baskets with the item
    less returns; buy_decay (h,) float32 purchases decayed by the short half-life; seen (h,) float32 views, carts and
    wishes decayed by the short half-life; last_buy_s (h,) int64 epoch seconds, 0 = never; kind (h,) uint8.
    """

    ptr: npt.NDArray[np.int64]
    row: npt.NDArray[np.int32]
    interest: npt.NDArray[np.float32]
    buys: npt.NDArray[np.float32]
    buy_decay: npt.NDArray[np.float32]
    seen: npt.NDArray[np.float32]
    last_buy_s: npt.NDArray[np.int64]
    kind: npt.NDArray[np.uint8]
    rank: npt.NDArray[np.int32]
    viewed_s: npt.NDArray[np.int64]


USER_STATS = ("baskets", "buys", "items", "idle_days", "tenure_days", "mean_log_price", "repeat_share", "gap_days")
"""Columns of the user statistics that events/fold.py returns."""


@njit(cache=True, nogil=True)
def lookup(keys, rows, key):
    """Row of `key` in the catalogue's open-addressing table (see core/catalogue.py), -1 = unknown."""
    mask = np.uint64(len(keys) - 1)
    slot = key & mask
    while keys[slot] != 0:
        if keys[slot] == key:
            return rows[slot]
        slot = (slot + np.uint64(1)) & mask
    return np.int32(-1)
