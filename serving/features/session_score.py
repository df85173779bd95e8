"""What visits like this one say, in the units of session kNN: a rare thing where it is high."""

from __future__ import annotations

from numba import njit

from serving.kernels.signals import S_SESSION


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_SESSION]
