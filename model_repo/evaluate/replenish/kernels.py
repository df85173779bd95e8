"""Curves of many items at once, so that any safety can be tried without planning again."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.replenish import HELD, LINES, READY, SHORT, cells_used, curves

LINE_READY, LINE_SHORT, LINE_HELD = 0, 1, 2


@njit(cache=True, nogil=True)
def curves_of(pmf, lost, out, cycle):
    """Writes out (n, 3, m) float32, lines as above, and cycle (n,) in cells, from pmf (n, 4, m) of `protection`."""
    n, _, m = pmf.shape
    line = np.zeros((LINES, m))
    for i in range(n):
        used = cells_used(pmf[i, 1], 0.0, 0.0, 0.0)
        cycle[i] = curves(pmf[i], used, lost, line)
        for k in range(m):
            at = min(k, used - 1)
            out[i, LINE_READY, k] = line[READY, at]
            out[i, LINE_SHORT, k] = line[SHORT, at] if k < used else 0.0
            out[i, LINE_HELD, k] = line[HELD, at] + (k - at)
