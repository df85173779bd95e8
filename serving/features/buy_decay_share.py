"""Decayed purchases over the visitor's most bought item."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import S_BUY_DECAY


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_BUY_DECAY] / max(x.peaks[r, 2], np.float32(1e-6))
