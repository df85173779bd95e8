"""How often the item came next after what the visitor touched last."""

from __future__ import annotations

from numba import njit

from serving.kernels.signals import S_TRANSITIONS


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_TRANSITIONS]
