"""Share of the visitor's items that were bought more than once."""

from __future__ import annotations

from numba import njit

from serving.features.columns import U_REPEAT


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.users[r, U_REPEAT]
