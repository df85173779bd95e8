"""Session score over the best of the request: comparable between long and short sessions."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import S_SESSION


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_SESSION] / max(x.peaks[r, 3], np.float32(1e-6))
