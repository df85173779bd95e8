"""The logarithm of what most candidates have none of."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, inline="always")
def log1p_positive(value):
    """log(1 + value) of a float32 above 0, otherwise 0: no logarithm is computed where there is nothing."""
    return np.log1p(value) if value > 0 else np.float32(0.0)
