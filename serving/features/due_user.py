"""Days since the purchase over the visitor's usual gap between baskets, up to 8; 0 = never bought."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.features.columns import U_GAP
from serving.kernels.signals import S_DAYS


@njit(cache=True, inline="always")
def value(x, r, i):
    return min(max(x.signals[i, S_DAYS], np.float32(0.0)) / max(x.users[r, U_GAP], np.float32(1.0)), np.float32(8.0))
