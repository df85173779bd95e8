"""How often the visitor bought this item, log scale."""

from __future__ import annotations

from numba import njit

from serving.kernels.logs import log1p_positive
from serving.kernels.signals import S_BUYS


@njit(cache=True, inline="always")
def value(x, r, i):
    return log1p_positive(x.signals[i, S_BUYS])
