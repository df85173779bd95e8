"""How much each thing a visitor touched counts for what comes now, by how many visits ago it was."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.history import CONTEXT


@njit(cache=True, nogil=True)
def recency(ptr, rank, interest, kind, context_ptr, decay):
    """(h,) float32 weights of the history's entries (kernels/history.py): decay[rank], the last of decay (k,) float32
    for all that is older; 0 where there is no interest left.

    Where a request names context items (context_ptr (b + 1,) int64 grows), these count alone.
    """
    out = np.zeros(len(rank), np.float32)
    last = len(decay) - 1
    for r in range(len(ptr) - 1):
        on_page = context_ptr[r + 1] > context_ptr[r]
        for i in range(ptr[r], ptr[r + 1]):
            if interest[i] > 0 and (kind[i] == CONTEXT or not on_page):
                out[i] = decay[min(rank[i], last)]
    return out
