"""How often the visitor bought this item, log scale."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import S_BUYS


@njit(cache=True, inline="always")
def value(x, r, i):
    return np.log1p(x.signals[i, S_BUYS])
