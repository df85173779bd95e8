"""What the features of one candidate need to know of the whole request: peaks and affinities."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import S_BUY_DECAY, S_FACTORS, S_ITEM_ITEM, S_SESSION, S_TRANSITIONS


@njit(cache=True, nogil=True)
def context(rows, ptr, signals, history, category, brand, n_categories, n_brands):
    """peaks (b, 5) and affinity (m, 2) float32 of features/inputs.py. Number 0 (no category, no brand) gets 0."""
    b = len(ptr) - 1
    peaks, affinity = np.zeros((b, 5), np.float32), np.zeros((len(rows), 2), np.float32)
    of_category, of_brand = np.zeros(n_categories, np.float32), np.zeros(n_brands, np.float32)
    for r in range(b):
        total = np.float32(1e-9)
        for h in range(history.ptr[r], history.ptr[r + 1]):
            weight = history.interest[h]
            of_category[category[history.row[h]]] += weight
            of_brand[brand[history.row[h]]] += weight
            total += weight
        for i in range(ptr[r], ptr[r + 1]):
            peaks[r, 0] = max(peaks[r, 0], signals[i, S_ITEM_ITEM])
            peaks[r, 1] = max(peaks[r, 1], signals[i, S_FACTORS])
            peaks[r, 2] = max(peaks[r, 2], signals[i, S_BUY_DECAY])
            peaks[r, 3] = max(peaks[r, 3], signals[i, S_SESSION])
            peaks[r, 4] = max(peaks[r, 4], signals[i, S_TRANSITIONS])
            if category[rows[i]] > 0:
                affinity[i, 0] = of_category[category[rows[i]]] / total
            if brand[rows[i]] > 0:
                affinity[i, 1] = of_brand[brand[rows[i]]] / total
        for h in range(history.ptr[r], history.ptr[r + 1]):
            of_category[category[history.row[h]]] = 0.0
            of_brand[brand[history.row[h]]] = 0.0
    return peaks, affinity
