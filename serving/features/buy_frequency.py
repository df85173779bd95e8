"""Share of the visitor's baskets that held this item."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.features.columns import U_BASKETS
from serving.kernels.signals import S_BUYS


@njit(cache=True, inline="always")
def value(x, r, i):
    return min(x.signals[i, S_BUYS] / max(x.users[r, U_BASKETS], np.float32(1.0)), np.float32(1.0))
