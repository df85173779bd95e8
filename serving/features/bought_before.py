"""1 if the visitor ever bought this item."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import S_DAYS


@njit(cache=True, inline="always")
def value(x, r, i):
    return np.float32(1.0) if x.signals[i, S_DAYS] >= 0 else np.float32(0.0)
