"""The same for views: which items are looked at beside those of the page."""

from __future__ import annotations

from numba import njit

from serving.kernels.signals import S_COVIEW


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_COVIEW]
