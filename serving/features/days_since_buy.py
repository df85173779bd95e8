"""Days since the visitor bought this item, log scale, 0 = never."""

from __future__ import annotations

from numba import njit

from serving.kernels.logs import log1p_positive
from serving.kernels.signals import S_DAYS


@njit(cache=True, inline="always")
def value(x, r, i):
    return log1p_positive(x.signals[i, S_DAYS])
