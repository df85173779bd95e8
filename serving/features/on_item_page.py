"""1 if the request names context items."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, inline="always")
def value(x, r, i):
    return np.float32(1.0) if x.context[r] else np.float32(0.0)
