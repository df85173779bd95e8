"""How many baskets the visitor bought, log scale."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.features.columns import U_BASKETS


@njit(cache=True, inline="always")
def value(x, r, i):
    return np.log1p(x.users[r, U_BASKETS])
