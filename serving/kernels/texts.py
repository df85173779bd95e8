"""A visitor's taste in words: the content vectors of the history, and which new arrivals are near it."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.heap import drain, offer


@njit(cache=True, nogil=True, fastmath=True)
def content_taste(history, content):
    """(b, c) float32 of length one: interest-weighted sum of the entries' content vectors; zeros where there is none.

    content: (n, c) float32 of length one or 0. With context items the fold has turned the long memory down already.
    """
    b, c = len(history.ptr) - 1, content.shape[1]
    out = np.zeros((b, c), np.float32)
    for r in range(b):
        for i in range(history.ptr[r], history.ptr[r + 1]):
            weight, vector = history.interest[i], content[history.row[i]]
            for k in range(c):
                out[r, k] += weight * vector[k]
        length = np.float32(0.0)
        for k in range(c):
            length += out[r, k] * out[r, k]
        if length > 0:
            scale = np.float32(1.0) / np.sqrt(length)
            for k in range(c):
                out[r, k] *= scale
    return out


@njit(cache=True, nogil=True, fastmath=True)
def nearest_fresh(tastes, content, fresh, quota, mask, masks):
    """(b, q) int32 new arrivals, -1 = none: those most like the visitor's taste first, else the newest.

    tastes: (b, c) of `content_taste`; fresh: (f,) int32 rows, newest first; quota (b,) int32; mask (b,) int32 rows of
    masks (g, n) bool. O(f c) a request.
    """
    b, c = tastes.shape
    out = np.full((b, max(quota.max(), 0) if len(fresh) else 0), -1, np.int32)
    heap_score, heap_row = np.empty(out.shape[1], np.float32), np.empty(out.shape[1], np.int32)
    for r in range(b):
        size = 0
        for i in range(len(fresh) if quota[r] > 0 else 0):
            if not masks[mask[r], fresh[i]]:
                continue
            vector = content[fresh[i]]
            score = -np.float32(i) * np.float32(1e-6)  # the newer one of two equals
            for k in range(c):
                score += tastes[r, k] * vector[k]
            size = offer(heap_score, heap_row, size, quota[r], score, fresh[i])
        drain(heap_score, heap_row, size, out[r])
    return out
