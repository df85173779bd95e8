"""How far the item's price lies from what the visitor usually pays, absolute log ratio; 0 = unknown."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.features.columns import I_PRICE, U_PRICE


@njit(cache=True, inline="always")
def value(x, r, i):
    return abs(x.stats[x.rows[i], I_PRICE] - x.users[r, U_PRICE]) if x.users[r, U_PRICE] > 0 else np.float32(0.0)
