"""How much each thing a visitor touched counts for what comes now, by how many visits ago it was."""

from __future__ import annotations

from numba import njit

from serving.kernels.history import CONTEXT


@njit(cache=True, nogil=True)
def recency(history, context_ptr, decay, out):
    """Writes the weights (h,) float32 of the history's entries: decay[rank], the last of decay (k,) float32 for all
    that is older; 0 where there is no interest left.

    Where a request names context items (context_ptr (b + 1,) int64 grows), these count alone.
    """
    last = len(decay) - 1
    for r in range(len(history.ptr) - 1):
        on_page = context_ptr[r + 1] > context_ptr[r]
        for i in range(history.ptr[r], history.ptr[r + 1]):
            counts = history.interest[i] > 0 and (history.kind[i] == CONTEXT or not on_page)
            out[i] = decay[min(history.rank[i], last)] if counts else 0.0
