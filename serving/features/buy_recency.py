"""exp(-days / 30) since the visitor bought this item, 0 = never."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import S_DAYS


@njit(cache=True, inline="always")
def value(x, r, i):
    return np.exp(-x.signals[i, S_DAYS] / np.float32(30.0)) if x.signals[i, S_DAYS] >= 0 else np.float32(0.0)
