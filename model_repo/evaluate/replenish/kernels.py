"""Curves of many items at once, so that any safety can be tried without planning again."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.lead_time import CYCLE, PROTECTION
from serving.kernels.replenish import HELD, KEPT, LINES, READY, SHORT, WAITS, cells_used, curves, reorder_points

LINE_READY, LINE_SHORT, LINE_HELD = 0, 1, 2
LINE_WAITS, LINE_KEPT, LINE_CYCLE = 3, 4, 5
"""Of (s,S) besides: short and held as they are with backorders, the distribution of a cycle's demand."""


@njit(cache=True, nogil=True)
def curves_of(pmf, lost, order, holding, share, out, cycle, used):
    """Writes out (n, l, m) float32, lines as above, l = 3 or, for (s,S), 6; cycle (n,) in cells; used (n,) cells that
    are looked at.

    pmf (n, 4, m): of `protection`; order, of an order, and holding (n,), of a cell for a cycle; share: see
    `cells_used`.
    """
    n, _, m = pmf.shape
    line = np.zeros((LINES, m))
    for i in range(n):
        used[i] = cells_used(pmf[i, PROTECTION], order, holding[i], share)
        cycle[i] = curves(pmf[i], used[i], lost, line)
        for k in range(m):
            at = min(k, used[i] - 1)
            out[i, LINE_READY, k] = line[READY, at]
            out[i, LINE_SHORT, k] = line[SHORT, at] if k < used[i] else 0.0
            out[i, LINE_HELD, k] = line[HELD, at] + (k - at)
        if out.shape[1] > LINE_CYCLE:
            for k in range(m):
                at = min(k, used[i] - 1)
                out[i, LINE_WAITS, k], out[i, LINE_KEPT, k] = line[WAITS, at], line[KEPT, at]
                out[i, LINE_CYCLE, k] = pmf[i, CYCLE, k]


@njit(cache=True, nogil=True)
def pairs_of(lines, cycle, used, crossing, kind, target, holding, shortage, order, out):
    """Writes out (n, 2) int64, (s, S) in cells, from what `curves_of` wrote; the rest as for `reorder_points`, holding
    and shortage (n,) of a cell."""
    n, _, m = lines.shape
    curve = np.zeros((LINES, m))
    demand = np.zeros(m)
    for i in range(n):
        curve[READY], curve[SHORT], curve[HELD] = lines[i, LINE_READY], lines[i, LINE_SHORT], lines[i, LINE_HELD]
        curve[WAITS], curve[KEPT] = lines[i, LINE_WAITS], lines[i, LINE_KEPT]
        demand[:] = lines[i, LINE_CYCLE]
        out[i, 0], out[i, 1], _ = reorder_points(
            curve, used[i], demand, cycle[i], crossing, kind, target, holding[i], shortage[i], order
        )
