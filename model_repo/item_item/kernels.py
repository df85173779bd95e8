"""The sparse sweeps of the item-item model. Rows are independent, so any split of them gives the same result."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.core.ports import F32, I32, I64


@njit(cache=True, nogil=True)
def gram_rows(
    lo: int, hi: int, iptr: I64, iusers: I32, iw: F32, uptr: I64, uitems: I32, uw: F32, out: F32
) -> None:  # pragma: no cover
    """Rows lo..hi of X'X into `out` (n, n) float32, zero before. X by item: iptr, iusers, iw; by user: uptr, ..."""
    for i in range(lo, hi):
        row = out[i]
        for a in range(iptr[i], iptr[i + 1]):
            u, w = iusers[a], iw[a]
            for b in range(uptr[u], uptr[u + 1]):
                row[uitems[b]] += w * uw[b]


@njit(cache=True, nogil=True)
def walk_rows(
    lo: int,
    hi: int,
    iptr: I64,
    iusers: I32,
    iw: F32,
    uptr: I64,
    uitems: I32,
    uw: F32,
    discount: F32,
    cols: I32,
    vals: F32,
    counts: I64,
) -> None:  # pragma: no cover
    """Two-step walks item -> user -> item from items lo..hi; keeps the k heaviest ends of each.

    iw: (nnz,) probability of the step item -> user, uw: of user -> item; discount: (n,) factor of the end.
    cols, vals: (n, k) out, the first counts[i] entries of row i are valid, cols ascending.
    """
    n, k = len(discount), cols.shape[1]
    weight = np.zeros(n, np.float32)
    seen = np.empty(n, np.int32)
    for i in range(lo, hi):
        m = 0
        for a in range(iptr[i], iptr[i + 1]):
            u, w = iusers[a], iw[a]
            for b in range(uptr[u], uptr[u + 1]):
                j = uitems[b]
                if j == i:
                    continue
                if weight[j] == 0.0:
                    seen[m] = j
                    m += 1
                weight[j] += w * uw[b]
        ends = np.sort(seen[:m])
        found = weight[ends] * discount[ends]
        if m > k:
            best = np.sort(np.argsort(-found, kind="mergesort")[:k])
            ends, found = ends[best], found[best]
        counts[i] = len(ends)
        cols[i, : len(ends)] = ends
        vals[i, : len(ends)] = found
        weight[seen[:m]] = 0.0
