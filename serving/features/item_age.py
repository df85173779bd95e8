"""Days since the item first sold, log scale."""

from __future__ import annotations

from numba import njit

from serving.features.columns import I_AGE


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.stats[x.rows[i], I_AGE]
