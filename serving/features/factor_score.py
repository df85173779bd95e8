"""Inner product of visitor and item factors; about 1 = surely wanted."""

from __future__ import annotations

from numba import njit

from serving.kernels.signals import S_FACTORS


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_FACTORS]
