"""Item-item score of the visitor's history for this item (interest-weighted sum), log scale."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.logs import log1p_positive
from serving.kernels.signals import S_ITEM_ITEM


@njit(cache=True, inline="always")
def value(x, r, i):
    return log1p_positive(np.float32(10.0) * x.signals[i, S_ITEM_ITEM])
