"""Views, carts and wishes of this item by the visitor, decayed by the short half-life."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import S_SEEN


@njit(cache=True, inline="always")
def value(x, r, i):
    return np.log1p(x.signals[i, S_SEEN])
