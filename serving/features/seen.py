"""Views, carts and wishes of this item by the visitor, decayed by the short half-life."""

from __future__ import annotations

from numba import njit

from serving.kernels.logs import log1p_positive
from serving.kernels.signals import S_SEEN


@njit(cache=True, inline="always")
def value(x, r, i):
    return log1p_positive(x.signals[i, S_SEEN])
