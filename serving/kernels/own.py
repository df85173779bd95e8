"""What a visitor did with items before, as candidates: bought ones to buy again, viewed ones to come back to."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.heap import drain, offer


@njit(cache=True, nogil=True)
def bought(history, quota, popularity, mask, masks):
    """(b, q) int32 rows of own purchases, most likely to be bought again first, -1 = none.

    Likely: (baskets + decayed purchases) times what others buy now. quota (b,) int32, q its largest; popularity (n,)
    float32; mask (b,) int32 rows of masks (g, n) bool.
    """
    b = len(history.ptr) - 1
    out = np.full((b, max(quota.max(), 0)), -1, np.int32)
    heap_score, heap_row = np.empty(out.shape[1], np.float32), np.empty(out.shape[1], np.int32)
    for r in range(b):
        size = 0
        for i in range(history.ptr[r], history.ptr[r + 1]):
            row = history.row[i]
            if history.buys[i] > 0 and quota[r] > 0 and masks[mask[r], row]:
                score = (history.buys[i] + history.buy_decay[i]) * popularity[row]
                size = offer(heap_score, heap_row, size, quota[r], score, row)
        drain(heap_score, heap_row, size, out[r])
    return out


@njit(cache=True, nogil=True)
def viewed(history, quota, mask, masks):
    """(b, q) int32 rows the visitor viewed, the newest first, -1 = none. Arguments as above."""
    b = len(history.ptr) - 1
    out = np.full((b, max(quota.max(), 0)), -1, np.int32)
    heap_score, heap_row = np.empty(out.shape[1], np.float64), np.empty(out.shape[1], np.int32)
    for r in range(b):
        size = 0
        for i in range(history.ptr[r], history.ptr[r + 1]):
            if history.viewed_s[i] > 0 and quota[r] > 0 and masks[mask[r], history.row[i]]:
                # of one second's views the one with fewer visits behind it is the newer
                score = np.float64(history.viewed_s[i]) - history.rank[i] * 1e-4
                size = offer(heap_score, heap_row, size, quota[r], score, history.row[i])
        drain(heap_score, heap_row, size, out[r])
    return out
