"""Share of the visitor's interest in the item's brand."""

from __future__ import annotations

from numba import njit


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.affinity[i, 1]
