"""Share of the item's buyers who bought it again (shrunk to the mean)."""

from __future__ import annotations

from numba import njit

from serving.features.columns import I_REPURCHASE


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.stats[x.rows[i], I_REPURCHASE]
