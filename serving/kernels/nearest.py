"""What an index found, cut to what each request may have of it."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def trimmed(found, quota, queries):
    """found (b, k) int64 rows, best first, -1 = none -> (b, k) int32: the first quota (b,) int32 of each request, -1
    behind them, and nothing for a query (b, d) of zeros, to which everything is equally near."""
    b, k = found.shape
    out = np.full((b, k), -1, np.int32)
    for r in range(b):
        known = False
        for i in range(queries.shape[1]):
            known = known or queries[r, i] != 0
        if known:
            for i in range(min(np.int64(quota[r]), k)):
                out[r, i] = found[r, i]
    return out
