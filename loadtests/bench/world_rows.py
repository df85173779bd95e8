"""Neighbours of generated items: CSR rows whose columns lie mostly in the item's own category, popular ones first."""

from __future__ import annotations

import numpy as np
from numba import njit

INSIDE_SHARE = 0.8
"""Of the neighbours that are of the item's own category."""
TRIES = 3
"""Draws for each neighbour wanted: a small category has not as many different ones."""
WEAKEST = 5.7
"""-ln of the weakest value over the strongest one, as between the 1st and 99th percentile of trained rows."""


@njit(cache=True, nogil=True)
def neighbours(counts, category, ptr, members, category_cdf, seed):
    """indptr (n + 1,) int64, cols (e,) int32 ascending within a row, vals (e,) float32 in e^-WEAKEST..1.

    counts (n,) int64 entries wanted a row, less where the draws repeat each other; category (n,) int32; ptr, members,
    category_cdf as in world_items.Shelves; seed uint64. Ranks within a category are log-uniform: Zipf's law with
    exponent 1.
    """
    n = len(counts)
    indptr = np.zeros(n + 1, np.int64)
    room = counts.sum()
    cols, vals = np.empty(room, np.int32), np.empty(room, np.float32)
    taken = np.full(n, -1, np.int32)
    state = np.empty(1, np.uint64)
    state[0] = seed
    fill = np.int64(0)
    for row in range(n):
        start, stop = fill, fill + counts[row]
        taken[row] = row
        for _ in range(TRIES * counts[row]):
            if fill == stop:
                break
            group = category[row]
            if _uniform(state) >= INSIDE_SHARE:
                group = min(np.searchsorted(category_cdf, _uniform(state), side="right"), len(category_cdf) - 1)
            size = ptr[group + 1] - ptr[group]
            rank = np.int64((size + 1.0) ** _uniform(state)) - 1
            col = members[ptr[group] + min(rank, size - 1)]
            if taken[col] != row:
                taken[col] = row
                cols[fill] = col
                fill += 1
        cols[start:fill].sort()
        for at in range(start, fill):
            vals[at] = np.exp(-WEAKEST * _uniform(state))
        indptr[row + 1] = fill
    return indptr, cols[:fill].copy(), vals[:fill].copy()


@njit(cache=True, nogil=True)
def _uniform(state):
    """The next of splitmix64's numbers, as 0 <= u < 1."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.float64((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / 9007199254740992.0
