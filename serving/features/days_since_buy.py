"""Days since the visitor bought this item, log scale, 0 = never."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import S_DAYS


@njit(cache=True, inline="always")
def value(x, r, i):
    return np.log1p(max(x.signals[i, S_DAYS], np.float32(0.0)))
