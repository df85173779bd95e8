"""Baskets with the item, decayed by a half-life of 28 days at training time: log(0.5 + x)."""

from __future__ import annotations

from numba import njit

from serving.features.columns import I_POPULARITY_28D


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.stats[x.rows[i], I_POPULARITY_28D]
