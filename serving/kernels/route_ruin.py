"""Slack induction by string removals: tear out strings of neighbouring stops, put them back greedily with blinks, and
accept by simulated annealing [1].

[1] Christiaens, Vanden Berghe: Slack induction by string removals for vehicle routing problems, Transportation Science
54(2), 2020. The removal is its section 5.1, the insertion 5.2 with the orders for time windows, the loop algorithm 1.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.lending import lent
from serving.kernels.route_draws import below, uniform
from serving.kernels.route_insert import place_stop
from serving.kernels.route_settle import keep, mended, settle
from serving.kernels.route_state import drop_marked, refresh

MEAN_REMOVED = 10.0
STRING_MAX = 10.0
SPLIT = 0.5
"""Chance of the removal that keeps some stops amid the string."""
KEEP_MORE = 0.01
"""Chance that it keeps one more."""
BLINK = 0.01
ORDERS = np.array([4, 8, 10, 11, 13, 15, 17], np.int64)
"""Cumulated weights: random, demand, far, close, short window, early opening, early closing."""
BY_DROP_COST = np.int64(7)
"""One more order, which no draw chooses: the dearest to leave out first."""


@njit(cache=True, nogil=True)
def ruin(world, state, rng, gone, torn, absent, absents, weight):
    """Takes strings of stops out of routes near a seed. Returns (torn routes, stops left out, whether every torn route
    is feasible): without a stop between them two others may be too far apart, where a road is closed.

    gone: (m,) bool scratch, all false; torn: (v,) out; absent: (m,) the stops left out, `absents` of them so far.
    weight: mean number of removed stops.
    """
    stops = len(world.near) - world.depots
    routes, visited, torns = 0, 0, np.int64(0)
    for v in range(len(state.count)):
        if state.count[v] > world.lock[v]:
            routes += 1
            visited += state.count[v] - world.lock[v]
    if routes == 0:
        return torns, absents, True
    most = min(STRING_MAX, visited / routes)
    strings = int(uniform(rng) * (4.0 * weight / (1.0 + most) - 1.0) + 1.0)
    seed = world.depots + below(rng, stops)
    for place in range(-1, world.near.shape[1]):
        node = seed if place < 0 else world.near[seed, place]
        v = state.vehicle[node]
        if v < 0 or state.place[node] <= world.lock[v] or _seen(torn, torns, v):
            continue
        free = state.count[v] - world.lock[v]
        length = int(uniform(rng) * min(float(free), most) + 1.0)
        length = min(length, free)
        _string(world, state, rng, gone, v, node, length)
        torn[torns] = v
        torns += 1
        if torns >= strings or torns == len(torn):
            break
    strings = torns
    for which in range(strings):
        v = torn[which]
        for at in range(1, state.count[v] + 1):
            node = state.seq[v, at]
            if not gone[node]:
                continue
            absent[absents] = node
            absents += 1
            other = world.partner[node]
            if other >= 0 and not gone[other] and state.vehicle[other] == v and state.place[other] > world.lock[v]:
                gone[other] = True
                if state.place[other] < at:
                    absent[absents] = other
                    absents += 1
    fine = True
    for which in range(torns):
        drop_marked(state.seq, state.count, state.vehicle, torn[which], gone)
        fine = refresh(world, state, torn[which]) and fine
    for which in range(absents):
        gone[absent[which]] = False
    return torns, absents, fine


@njit(cache=True, nogil=True)
def _seen(torn, torns, v):
    found = False
    for which in range(torns):
        found = found or torn[which] == v
    return found


@njit(cache=True, nogil=True)
def _string(world, state, rng, gone, v, node, length):
    """Marks a string of `length` stops around `node`, or one that keeps some in its middle."""
    count, lock, at = state.count[v], world.lock[v], state.place[node]
    kept = 0
    if length > 1 and uniform(rng) < SPLIT:
        kept = 1
        while length + kept < count - lock and uniform(rng) < KEEP_MORE:
            kept += 1
        if length + kept > count - lock:
            kept = 0
    span = length + kept
    low, high = max(lock + 1, at - span + 1), min(at, count - span + 1)
    first = low + below(rng, high - low + 1)
    skip = first + 1 + below(rng, length - 1) if kept > 0 else first + span
    for place in range(first, first + span):
        if not skip <= place < skip + kept:
            gone[state.seq[v, place]] = True


@njit(cache=True, nogil=True)
def sort_absent(world, rng, absent, absents, keys):
    """Orders the stops to put back by a criterion drawn anew. keys: (m,) float64 scratch."""
    draw = below(rng, ORDERS[len(ORDERS) - 1])
    order = np.int64(0)
    while draw >= ORDERS[order]:
        order += 1
    sort_by(world, rng, absent, absents, keys, order)


@njit(cache=True, nogil=True)
def sort_by(world, rng, absent, absents, keys, order):
    """The same by a given one of the ORDERS."""
    depot = world.start[0]
    last = world.closes.shape[1] - 1
    for which in range(absents):
        node = absent[which]
        if order == 0:
            key = uniform(rng)
        elif order == 1:
            key = 0.0
            for k in range(world.delivery.shape[1]):
                key -= world.delivery[node, k] + abs(world.after[node, k])
        elif order == 2:
            key = -float(world.distance[0, depot, node])
        elif order == 3:
            key = float(world.distance[0, depot, node])
        elif order == 4:
            key = float(world.closes[node, last] - world.opens[node, 0])
        elif order == 5:
            key = float(world.opens[node, 0])
        elif order == 6:
            key = float(world.closes[node, last])
        else:
            key = -world.drop[node]
        at = which
        while at > 0 and keys[at - 1] > key:
            keys[at], absent[at] = keys[at - 1], absent[at - 1]
            at -= 1
        keys[at], absent[at] = key, node


@njit(cache=True, nogil=True)
def recreate(world, state, rng, absent, absents, torn, torns, blink, tried, stamp, work, keys, limit):
    """Puts stops back where they are cheapest. Returns (torn routes, stops still left out, last stamp).

    limit: most routes in use.
    """
    sort_absent(world, rng, absent, absents, keys)
    still = 0
    for which in range(absents):
        node = absent[which]
        if state.vehicle[node] >= 0:
            continue
        stamp += 1
        if limit < len(state.count) and in_use(state) >= limit:
            for kind in range(len(tried)):
                tried[kind] = stamp
        v = place_stop(world, state, node, blink, rng, tried, stamp, work)
        if v < 0:
            absent[still] = node
            still += 1
        elif not _seen(torn, torns, v):
            torn[torns] = v
            torns += 1
    # a shipment may have been placed by its other half after this one was kept
    kept = 0
    for which in range(still):
        if state.vehicle[absent[which]] < 0:
            absent[kept] = absent[which]
            kept += 1
    return torns, kept, stamp


@njit(cache=True, nogil=True)
def in_use(state):
    """Vehicles with stops."""
    routes = 0
    for v in range(len(state.count)):
        if state.count[v] > 0:
            routes += 1
    return routes


@njit(cache=True, nogil=True)
def dropped_cost(world, absent, absents):
    """What the stops left out cost."""
    cost = 0.0
    for which in range(absents):
        cost += world.drop[absent[which]]
    return cost


@njit(cache=True, nogil=True)
def anneal(world, current, trial, best_seq, best_count, numbers, out, steps, hot, cold, weight, rng, scratch):
    """`steps` rounds of ruin and recreate. Returns whether the best plan became better.

    current, trial: equal states at the beginning, and at the end. best_seq, best_count: the best plan so far.
    numbers: (4,) float64, cost of the current and of the best plan, spare. out: (2, m) int64, row 0 the stops that
    `current` leaves out, their number at its end. hot, cold: temperatures at the first and the last round.
    """
    world, current, trial, rng = lent(world), lent(current), lent(trial), lent(rng)
    gone, keys, absent, held, torn, tried, work = lent(scratch)
    tried[:] = 0
    vehicles, stamp, holds = len(current.count), np.int64(0), out[1, 0]
    for which in range(holds):
        held[which] = out[0, which]
    heat, cooling, better = hot, (cold / hot) ** (1.0 / max(steps, 1)), False
    for _ in range(steps):
        heat *= cooling
        absents = holds
        for which in range(holds):
            absent[which] = held[which]
        torns, absents, fine = ruin(world, trial, rng, gone, torn, absent, absents, weight)
        torns, absents, stamp = recreate(
            world, trial, rng, absent, absents, torn, torns, BLINK, tried, stamp, work, keys, vehicles
        )
        cost = numbers[0] - dropped_cost(world, held, holds) + dropped_cost(world, absent, absents)
        for which in range(torns):
            cost += trial.cost[torn[which]] - current.cost[torn[which]]
        fine = fine or mended(world, trial, torn, torns)
        kept = fine and cost < numbers[0] - heat * np.log(1.0 - uniform(rng))
        holds = settle(current, trial, torn, torns, absent, absents, held, holds, kept)
        if kept:
            numbers[0] = cost
            if cost < numbers[1] - 1e-6:
                better = True
                numbers[1] = cost
                keep(current, best_seq, best_count)
    out[1, 0] = holds
    for which in range(holds):
        out[0, which] = held[which]
    return better


@njit(cache=True, nogil=True)
def construct(world, state, order, rng):
    """Inserts every stop that is left out where it is cheapest, in one of the orders of `sort_by`."""
    nodes = len(world.service)
    absent, keys = np.zeros(nodes, np.int64), np.zeros(nodes)
    tried = np.zeros(int(world.kind.max()) + 1, np.int64)
    work, absents = np.zeros(state.seq.shape[1] + 4, np.int32), np.int64(0)
    for node in range(world.depots, nodes):
        if state.vehicle[node] < 0:
            absent[absents] = node
            absents += 1
    sort_by(world, rng, absent, absents, keys, order)
    for which in range(absents):
        if state.vehicle[absent[which]] < 0:
            place_stop(world, state, absent[which], 0.0, rng, tried, which + 1, work)
