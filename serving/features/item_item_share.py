"""Item-item score over the best of the request: comparable between long and short histories."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import S_ITEM_ITEM


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_ITEM_ITEM] / max(x.peaks[r, 0], np.float32(1e-6))
