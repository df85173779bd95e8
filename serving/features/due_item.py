"""Days since the purchase over the item's usual interval between repeat purchases, up to 4; 0 = never bought."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.features.columns import I_INTERVAL
from serving.kernels.signals import S_DAYS


@njit(cache=True, inline="always")
def value(x, r, i):
    return min(
        max(x.signals[i, S_DAYS], np.float32(0.0)) / max(x.stats[x.rows[i], I_INTERVAL], np.float32(1.0)),
        np.float32(4.0),
    )
