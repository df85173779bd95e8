"""How much to order: base-stock and (s,S) from the demand of the protection interval (see lead_time.py).

All of a policy follows from curves over the inventory position y after ordering (on hand + on order), in cells of a
lattice. A cycle is the R days between the arrival of this order and of the next; shortage is counted once a unit. With
backorders, D(L) the demand before this order arrives and D(L + R) until the next one does:

  ready(y)   P(D(L + R) <= y): no shortage until the next order arrives
  short(y)   E[(D(L + R) - y)+] - E[(D(L) - y)+]: units short in the cycle [1, section 7.9.3]
  held(y)    E[(y - D)+] at the end of a day of the cycle, on average over its days

Where unmet demand is lost, what is sold before the order arrives is bounded by the stock there is, so that less leaves
than is asked for; `lost_sales` corrects short and held for it. It is exact for one order at a time and L <= R, else it
leaves out that stock may come too late within the lead time [2]. Without it the fill rate of backorders
would be met by too much stock.
(s,S): the position after a review moves as a renewal process between s + 1 and S [3]; its stationary chances weigh the
curves, and every pair (s, S) is looked at, so that no shape of the curves is assumed.

[1] Silver, Pyke, Thomas: Inventory and Production Management in Supply Chains, 4th ed. 2017.
[2] Bijvank, Vis: Lost-sales inventory theory: a review, EJOR 215(1), 2011.
[3] Zheng, Federgruen: Finding optimal (s, S) policies is about as simple as evaluating a single policy, OR 39(4), 1991.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.lead_time import CYCLE, DAYS, LEAD, PROTECTION

READY, SHORT, HELD, EARLY, WAITS, KEPT = 0, 1, 2, 3, 4, 5
LINES = 6
"""Lines of the curves. EARLY: units short before this order can arrive, whatever is ordered.
WAITS, KEPT: short and held as they are with backorders."""
LOST_ROUNDS = 4
"""Of the fixed point at each position; it begins with that of the position before."""
FOR_SERVICE, FOR_FILL, FOR_COST = 0, 1, 2
"""What a target is: a chance of no shortage in a cycle, a share of demand served from stock, least cost."""
UNBOUND, PACK, MINIMUM, MAXIMUM, ENOUGH = 0, 1, 2, 3, 4
"""What decided a quantity besides the policy; ENOUGH: nothing is ordered."""


@njit(cache=True, nogil=True)
def cells_used(pmf, order, holding, share):
    """Cells of the protection interval's demand (m,), and of twice the economic order quantity above it, that a plan
    looks at. order, holding: of a cell for a cycle; share: of the interval that is the cycle."""
    m, total, mean, top = len(pmf), 0.0, 0.0, 1
    for k in range(m):
        mean += k * pmf[k]
        if total < 1.0 - 1e-9:
            total += pmf[k]
            top = k + 2
    if order > 0.0 and holding > 0.0:
        top += int(min(2.0 * np.sqrt(2.0 * order * mean * share / holding), 1.0 * m)) + 1
    return min(top, m)


@njit(cache=True, nogil=True)
def curves(pmf, used, lost, out):
    """Writes out (6, m) over positions of 0, 1, ... cells, all but READY in cells, from pmf (4, m) of `protection`.

    used: cells that are looked at, from `cells_used`; lost: whether unmet demand is lost. Returns the demand of a cycle
    in cells.
    """
    cycle, ends = 0.0, np.zeros(3)
    for k in range(pmf.shape[1]):
        cycle += k * pmf[CYCLE, k]
        ends[LEAD] += k * pmf[LEAD, k]
        ends[PROTECTION] += k * pmf[PROTECTION, k]
    below = np.zeros(3)  # P(D < k) of each line
    left = np.zeros(3)  # E[(k - D)+]
    for k in range(used):
        for line in range(3):  # LEAD, PROTECTION, DAYS
            left[line] += below[line]
            below[line] += pmf[line, k]
        early = max(ends[LEAD] - k + left[LEAD], 0.0)
        out[READY, k] = min(below[PROTECTION], 1.0)
        out[EARLY, k] = early
        out[WAITS, k] = min(max(ends[PROTECTION] - k + left[PROTECTION] - early, 0.0), cycle)
        out[KEPT, k] = left[DAYS]
        out[SHORT, k], out[HELD, k] = out[WAITS, k], out[KEPT, k]
    if lost:
        lost_sales(pmf[LEAD], pmf[CYCLE], ends[LEAD], used, out)
    return cycle


@njit(cache=True, nogil=True)
def lost_sales(before, cycle, mean_before, m, out):
    """Corrects SHORT and HELD of out (6, m) for lost sales: at an order-up-to position S, with q what is sold in a
    cycle and Y what is sold before the order arrives, S - Y is there when the cycle begins, and

      P(Y > a) = P(D(L) > a) P(S - q > a),  P(q > a) = P(D(R) > a) P(S - Y > a),  lost = E[(D(R) - (S - Y))+].

    before, cycle: distributions of D(L) and D(R), of which m cells are looked at; mean_before: of D(L).
    """
    over_before, over_cycle = np.zeros(m), np.zeros(m)
    p, q = 1.0, 1.0
    top = 0
    for k in range(m):
        p, q = max(p - before[k], 0.0), max(q - cycle[k], 0.0)
        over_before[k], over_cycle[k] = p, q
        if out[READY, k] < 1.0 - 1e-9:
            top = k + 1
    sold, gone = over_cycle.copy(), over_before.copy()
    for up in range(min(top + 1, m)):
        sold[up:], gone[up:] = 0.0, 0.0
        for _ in range(LOST_ROUNDS):
            for a in range(up):
                gone[a] = over_before[a] * (1.0 - sold[up - a - 1])  # S - q > a: q <= S - a - 1
            for a in range(up):
                sold[a] = over_cycle[a] * (1.0 - gone[up - a - 1])
        short, left = 0.0, 0.0
        for a in range(m):
            if a >= up:
                short += over_cycle[a]  # S - Y <= S <= a
            else:
                short += over_cycle[a] * gone[up - a - 1]  # S - Y <= a: Y > S - a - 1
                left += gone[a]
        out[SHORT, up] = short
        out[HELD, up] = out[KEPT, up] + max(mean_before - left - out[EARLY, up], 0.0)


@njit(cache=True, nogil=True)
def reached(ready, short, cycle, kind, target):
    """Whether a chance of `ready` and `short` units of a cycle's demand meet the target."""
    if kind == FOR_SERVICE:
        return ready >= target - 1e-12
    return short <= (1.0 - target) * cycle + 1e-12


@njit(cache=True, nogil=True)
def base_stock(curve, m, cycle, kind, target, holding, shortage):
    """The order-up-to position in cells: the least that meets the target, or for FOR_COST the cheapest.

    m: cells that are looked at; holding: of a cell over a cycle; shortage: of a cell once.
    """
    if kind == FOR_COST:
        best, cheapest = 0, np.inf
        for k in range(m):
            cost = holding * curve[HELD, k] + shortage * curve[SHORT, k]
            if cost < cheapest - 1e-12:
                best, cheapest = k, cost
        return best
    for k in range(m):
        if reached(curve[READY, k], curve[SHORT, k], cycle, kind, target):
            return k
    return m - 1


@njit(cache=True, nogil=True)
def under_way(crossing, reviews):
    """Share of time that an order is under way: one in `reviews` reviews, for `crossing` review periods."""
    return min(max(crossing, 1.0) / reviews, 1.0)


@njit(cache=True, nogil=True)
def reorder_points(curve, m, demand, cycle, crossing, kind, target, holding, shortage, order):
    """(s, S, reviews from order to order), positions in cells: orders are placed at s or less; least cost a cycle among
    the pairs that meet the target.

    m: cells that are looked at; demand: distribution of a cycle's demand; crossing: mean lead time in review periods;
    order: cost of placing one. s >= 0: nobody waits for stock to fall below nothing, which it never does where demand
    is lost. FOR_COST counts shortage as well; (-1, 0, 1): never to order, all demand short, costs less. Where no pair
    meets the target, the highest. Lost sales are corrected for the share of time that an order is under way (without
    one the curves of backorders are exact).
    """
    visits = np.zeros(m)
    """Expected reviews at S - j since the last order: the renewal function's steps. [3, eq. 2]"""
    still = 1.0 - demand[0]
    best_s, best_up, often, cheapest = max(m - 2, 0), m - 1, 1.0, np.inf
    if still <= 1e-12:
        return -1, 0, 1.0
    used = m
    while used > 1 and demand[used - 1] <= 0.0:
        used -= 1
    visits[0] = 1.0 / still
    for j in range(1, m):
        total = 0.0
        for d in range(1, min(j, used - 1) + 1):
            total += demand[d] * visits[j - d]
        visits[j] = total / still
    for up in range(m):
        reviews, ready = 0.0, 0.0
        short, held, waits, kept = 0.0, 0.0, 0.0, 0.0
        for s in range(up - 1, -1, -1):
            share = visits[up - s - 1]
            reviews += share
            ready += share * curve[READY, s + 1]
            short += share * curve[SHORT, s + 1]
            held += share * curve[HELD, s + 1]
            waits += share * curve[WAITS, s + 1]
            kept += share * curve[KEPT, s + 1]
            way = under_way(crossing, reviews)
            units = way * short + (1.0 - way) * waits
            cost = order + holding * (way * held + (1.0 - way) * kept)
            if kind == FOR_COST:
                cost += shortage * units
            elif not reached(ready / reviews, units / reviews, cycle, kind, target):
                break  # lower positions are added from here on: it only gets worse
            if cost / reviews < cheapest - 1e-12:
                best_s, best_up, often, cheapest = s, up, reviews, cost / reviews
    if kind == FOR_COST and shortage * cycle < cheapest - 1e-12:
        return -1, 0, 1.0
    return best_s, best_up, often


@njit(cache=True, nogil=True)
def at(curve, used, position, step, slope):
    """A line of the curves at a position in units, between the cells in a straight line; `slope` beyond them."""
    place = position / step
    last = used - 1
    if place <= 0.0:
        return curve[0]
    if place >= last:
        return curve[last] + slope * (place - last)
    k = int(place)
    return curve[k] + (place - k) * (curve[k + 1] - curve[k])


@njit(cache=True, nogil=True)
def rounded(wanted, pack, least, most):
    """(quantity, what decided): the least multiple of `pack` that is not below `wanted` and `least`, within `most`.

    wanted > 0. most 0 = none; the largest multiple within it must not be below `least`: then nothing would be allowed.
    """
    floor = -(-least // pack) * pack
    quantity = -(-wanted // pack) * pack
    bound = PACK if quantity != wanted else UNBOUND
    if quantity < floor:
        quantity, bound = floor, MINIMUM
    if most > 0 and quantity > most // pack * pack:
        quantity, bound = most // pack * pack, MAXIMUM
    return quantity, bound


@njit(cache=True, nogil=True)
def order_now(curve, used, step, position, s, up, kind, holding, shortage, pack, least, most):
    """(quantity, what decided) at a position in units, s and up in units too.

    For least cost a whole pack more or less, or nothing where the minimum is far above what is wanted, is chosen by the
    cost of the cycle; for a target the quantity is rounded up.
    """
    if position > s or position >= up:
        return np.int64(0), ENOUGH
    quantity, bound = rounded(up - position, pack, least, most)
    if kind == FOR_COST and quantity > up - position:
        smaller = quantity - pack
        if smaller < max(least, 1):
            smaller = 0
        more = _cost(curve, used, step, position + quantity, holding, shortage)
        if _cost(curve, used, step, position + smaller, holding, shortage) < more:
            return smaller, bound
    return quantity, bound


@njit(cache=True, nogil=True)
def _cost(curve, used, step, position, holding, shortage):
    held, short = at(curve[HELD], used, position, step, 1.0), at(curve[SHORT], used, position, step, 0.0)
    return holding * held + shortage * short


@njit(cache=True, nogil=True)
def plan(
    pmf,
    step,
    lead_days,
    review,
    lost,
    position,
    kind,
    target,
    holding,
    shortage,
    order,
    pack,
    least,
    most,
    out_units,
    out,
):
    """Plans n items. Amounts of money: minor units, float64.

    pmf (n, 4, m), step (n,): as `protection` writes them; lead_days (n,) float64, review (n,) int64 days, lost (n,),
    position (n,) int64 units on hand and on order; kind, target (n,): FOR_...; holding (n,): of a unit for a cycle;
    shortage (n,): of a unit once; order (n,): of an order, 0 = base-stock;
    pack, least, most (n,) int64 units, see `rounded`.

    Writes out_units (n, 4) int64: quantity, order-up-to, reorder point, what decided; and out (n, 8) float64: mean
    demand of the protection interval, of the cycle; safety stock (the order-up-to position above the interval's demand,
    for (s,S) the reorder point above the lead time's); fill rate, chance of no shortage, units held on average and
    units short in the cycle that this order covers; units short before it can arrive.
    """
    m = pmf.shape[2]
    curve = np.zeros((LINES, m))
    for i in range(len(pmf)):
        unit = step[i]
        hold, miss = holding[i] * unit, shortage[i] * unit
        used = cells_used(pmf[i, PROTECTION], order[i], hold, review[i] / (lead_days[i] + review[i]))
        cycle = curves(pmf[i], used, lost[i], curve)
        needed = 0.0
        for k in range(m):
            needed += k * pmf[i, PROTECTION, k]
        if order[i] > 0.0:
            crossing = lead_days[i] / review[i]
            s, up, reviews = reorder_points(
                curve, used, pmf[i, CYCLE], cycle, crossing, kind[i], target[i], hold, miss, order[i]
            )
            way = under_way(crossing, reviews)
            for k in range(used):
                curve[SHORT, k] = way * curve[SHORT, k] + (1.0 - way) * curve[WAITS, k]
                curve[HELD, k] = way * curve[HELD, k] + (1.0 - way) * curve[KEPT, k]
        else:
            up = base_stock(curve, used, cycle, kind[i], target[i], hold, miss)
            s = up - 1
        s_units = s * unit if s >= 0 else np.int64(-1)
        if order[i] <= 0.0:
            s_units = up * unit - 1
        quantity, bound = order_now(
            curve,
            used,
            unit,
            position[i],
            s_units,
            up * unit,
            kind[i],
            holding[i],
            shortage[i],
            pack[i],
            least[i],
            most[i],
        )
        y = position[i] + quantity
        short = at(curve[SHORT], used, y, unit, 0.0) * unit
        out_units[i, 0], out_units[i, 1], out_units[i, 2], out_units[i, 3] = quantity, up * unit, s_units, bound
        out[i, 0], out[i, 1] = needed * unit, cycle * unit
        out[i, 2] = up * unit - needed * unit if order[i] <= 0.0 else s_units - (needed - cycle) * unit
        out[i, 3] = 1.0 - short / (cycle * unit) if cycle > 0.0 else 1.0
        out[i, 4] = at(curve[READY], used, y, unit, 0.0) if y >= 0 else 0.0
        out[i, 5] = at(curve[HELD], used, y, unit, 1.0) * unit
        out[i, 6] = short
        out[i, 7] = at(curve[EARLY], used, y, unit, 0.0) * unit
