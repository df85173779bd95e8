"""Log lift over the items of the basket or the page, its lower bound; 0 = no significant pair."""

from __future__ import annotations

from numba import njit

from serving.kernels.signals import S_TOGETHER


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_TOGETHER]
