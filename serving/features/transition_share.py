"""Transition score over the best of the request."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import S_TRANSITIONS


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_TRANSITIONS] / max(x.peaks[r, 4], np.float32(1e-6))
