"""Days since the visitor's last event, log scale."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.features.columns import U_IDLE


@njit(cache=True, inline="always")
def value(x, r, i):
    return np.log1p(x.users[r, U_IDLE])
