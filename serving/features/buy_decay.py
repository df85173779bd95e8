"""The visitor's purchases of this item, decayed by the short half-life."""

from __future__ import annotations

from numba import njit

from serving.kernels.signals import S_BUY_DECAY


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_BUY_DECAY]
