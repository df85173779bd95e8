"""Scores a replenishment policy on demand as it happens, day by day.

A day: orders that are due arrive, before them waiting backorders are served; on a review day the policy orders; demand
is served as far as stock goes, what is left waits or is lost; stock at the end of the day costs its holding.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.replenish import rounded

DEMAND, SHORT, HELD_DAYS, ORDERS, ORDERED, DRY, COST = 0, 1, 2, 3, 4, 5, 6
"""Columns of what is written: units of demand, units short (once each), unit-days held, orders, units ordered, days
with unmet demand, cost."""
COLUMNS = 7


@njit(cache=True, nogil=True)
def simulate(
    demand,
    first,
    review,
    reorder,
    upto,
    lead,
    pack,
    least,
    most,
    lost,
    holding,
    shortage,
    order,
    start,
    scored_from,
    out,
):
    """Runs n paths and writes out (n, 7) float64, see above, of the days from `scored_from` on.

    demand (n, d) int64 units; reviews of a path on day `first`, `first + review`, ...; reorder, upto (n, r) int64 for
    its r-th review (the last one stays): at a position of `reorder` or less the order is upto - position, in packs
    (`rounded`); lead (n, r) int64: days until that order arrives, 1 or more; pack, least, most (n,); lost: bool;
    holding (n,) of a unit for a day, shortage (n,) of a unit, order (n,) of an order; start (n,) units on hand.
    """
    n, days = demand.shape
    for i in range(n):
        longest = lead[i].max() + 1
        coming = np.zeros(longest, np.int64)
        hand, waiting, on_order, turn = start[i], np.int64(0), np.int64(0), 0
        out[i] = 0.0
        for day in range(days):
            slot = day % longest
            arrived = coming[slot]
            coming[slot] = 0
            on_order -= arrived
            hand += arrived
            served = min(hand, waiting)
            hand, waiting = hand - served, waiting - served
            scored = day >= scored_from
            if day >= first and (day - first) % review == 0:
                r = min(turn, upto.shape[1] - 1)
                turn += 1
                position = hand + on_order - waiting
                if position <= reorder[i, r] and position < upto[i, r]:
                    quantity, _ = rounded(upto[i, r] - position, pack[i], least[i], most[i])
                    coming[(day + lead[i, r]) % longest] += quantity
                    on_order += quantity
                    if scored:
                        out[i, ORDERS] += 1
                        out[i, ORDERED] += quantity
            wanted = demand[i, day]
            met = min(hand, wanted)
            hand -= met
            if not lost:
                waiting += wanted - met
            if scored:
                out[i, DEMAND] += wanted
                out[i, SHORT] += wanted - met
                out[i, HELD_DAYS] += hand
                out[i, DRY] += wanted > met
        out[i, COST] = holding[i] * out[i, HELD_DAYS] + shortage[i] * out[i, SHORT] + order[i] * out[i, ORDERS]


def draw_demand(mean, size, zero, paths, seed):
    """(n, paths, d) int64 demands of zero-inflated negative binomials (n, d), as in `lead_time.daily_pmf`."""
    rng = np.random.default_rng(seed)
    shape = (mean.shape[0], paths, mean.shape[1])
    sizes = np.minimum(size, 1e9)[:, None, :]  # inf: Poisson, as near as counts can tell
    counts = rng.poisson(mean[:, None, :] * rng.gamma(sizes, 1 / sizes, shape))
    return np.where(rng.random(shape) < zero[:, None, :], 0, counts)
