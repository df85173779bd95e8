"""Local search: moves between near stops, each tried where it shortens the way, kept where the routes stay feasible.

Or-opt (one to three stops in a row go behind another stop, in the same route or another), exchange of two stops, and
2-opt* (two routes swap what follows) [1, 2]. A move is screened by its metres and, in O(1), by the windows behind it;
what passes is made and its routes are judged as a whole, so that loads, limits and paid time count too.

[1] Or: Traveling salesman-type combinatorial problems, Northwestern University, 1976.
[2] Potvin, Rousseau: An exchange heuristic for routing problems with time windows, JORS 46(12), 1995.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.route_state import NEVER, arrive, first_begin, mark, refresh

NEIGHBOURS = 20
SEGMENT_MAX = 3
GAIN = 1e-6


@njit(cache=True, nogil=True)
def descend(world, state, rounds):
    """Takes moves that lower the cost until a round finds none, at most `rounds`. Returns the cost that was saved.

    Every route must be feasible at the beginning; shipments stay where they are.
    """
    wide, saved = state.seq.shape[1], 0.0
    one, two, old = np.zeros(wide, np.int32), np.zeros(wide, np.int32), np.zeros((2, wide), np.int32)
    for _ in range(rounds):
        before = saved
        for node in range(world.depots, len(world.near)):
            if state.vehicle[node] < 0:
                continue
            for place in range(min(world.near.shape[1], NEIGHBOURS)):
                other = world.near[node, place]
                if state.vehicle[other] < 0:
                    continue
                for length in range(1, SEGMENT_MAX + 1):
                    saved += _or_opt(world, state, node, length, other, one, two, old)
                saved += _exchange(world, state, node, other, one, two, old)
                saved += _tails(world, state, node, other, one, two, old)
        if saved <= before + GAIN:
            break
    return saved


@njit(cache=True, nogil=True, forceinline=True)
def _way(distance, p, i, j):
    return np.int64(0) if j < 0 else np.int64(distance[p, i, j])


@njit(cache=True, nogil=True)
def _or_opt(world, state, node, length, other, one, two, old):
    """`length` stops from `node` on go behind `other`."""
    distance, seq, v, u = world.distance, state.seq, state.vehicle[node], state.vehicle[other]
    at, to, p, q = state.place[node], state.place[other], world.profile[v], world.profile[u]
    last = at + length - 1
    if at <= world.lock[v] or last > state.count[v] or to < world.lock[u] or (v == u and at - 1 <= to <= last):
        return 0.0
    before, after, end, follows = seq[v, at - 1], seq[v, last + 1], seq[v, last], seq[u, to + 1]
    gone = _way(distance, p, before, node) + _way(distance, p, end, after) - _way(distance, p, before, after)
    come = _way(distance, q, other, node) + _way(distance, q, end, follows) - _way(distance, q, other, follows)
    if world.per_metre[u] * come - world.per_metre[v] * gone >= world.fixed[v] * (length == state.count[v]) - GAIN:
        return 0.0
    if v != u:
        t = state.early[u, to]
        for place in range(at, last + 1):
            t = _next(world, q, other if place == at else seq[v, place - 1], seq[v, place], t)
        if t >= NEVER or arrive(world.duration, world.speed, world.timed, q, end, follows, t) > state.late[u, to + 1]:
            return 0.0
    for place in range(at, last + 1):
        if world.partner[seq[v, place]] >= 0 or not world.allowed[u, seq[v, place]]:
            return 0.0
    n = m = np.int64(0)
    for place in range(state.count[v] + 2):
        if not at <= place <= last:
            one[n] = seq[v, place]
            n += 1
            if v == u and place == to:
                for moved in range(at, last + 1):
                    one[n] = seq[v, moved]
                    n += 1
    if v != u:
        if state.count[u] + length > world.stops_max[u] or state.count[u] + length + 2 > len(two):
            return 0.0
        for place in range(state.count[u] + 2):
            two[m] = seq[u, place]
            m += 1
            if place == to:
                for moved in range(at, last + 1):
                    two[m] = seq[v, moved]
                    m += 1
    return _try(world, state, v, one, n, u, two, m, old)


@njit(cache=True, nogil=True, forceinline=True)
def _next(world, p, i, j, t):
    """Departure from stop j of who leaves i at t; NEVER = too late."""
    t = first_begin(world.opens, world.closes, j, arrive(world.duration, world.speed, world.timed, p, i, j, t))
    return t if t >= NEVER else t + world.service[j]


@njit(cache=True, nogil=True)
def _exchange(world, state, node, other, one, two, old):
    """Two stops of different routes take each other's place."""
    distance, seq, v, u = world.distance, state.seq, state.vehicle[node], state.vehicle[other]
    at, to, p, q = state.place[node], state.place[other], world.profile[v], world.profile[u]
    if v == u or at <= world.lock[v] or to <= world.lock[u]:
        return 0.0
    if world.partner[node] >= 0 or world.partner[other] >= 0:
        return 0.0
    a, b, c, d = seq[v, at - 1], seq[v, at + 1], seq[u, to - 1], seq[u, to + 1]
    mine = _way(distance, p, a, other) + _way(distance, p, other, b) - _way(distance, p, a, node)
    mine -= _way(distance, p, node, b)
    its = _way(distance, q, c, node) + _way(distance, q, node, d) - _way(distance, q, c, other)
    its -= _way(distance, q, other, d)
    if world.per_metre[v] * mine + world.per_metre[u] * its >= -GAIN:
        return 0.0
    if not (world.allowed[v, other] and world.allowed[u, node]):
        return 0.0
    n, m = state.count[v] + 2, state.count[u] + 2
    one[:n], two[:m] = seq[v, :n], seq[u, :m]
    one[at], two[to] = other, node
    return _try(world, state, v, one, n, u, two, m, old)


@njit(cache=True, nogil=True)
def _tails(world, state, node, other, one, two, old):
    """What follows `node`'s predecessor and what follows `other` change routes, so that `node` follows `other`."""
    distance, seq, v, u = world.distance, state.seq, state.vehicle[node], state.vehicle[other]
    at, to, p, q = state.place[node], state.place[other], world.profile[v], world.profile[u]
    if v == u or at <= world.lock[v] or to < world.lock[u] or p != q or world.end[v] != world.end[u]:
        return 0.0
    before, follows = seq[v, at - 1], seq[u, to + 1]
    more = _way(distance, p, other, node) + _way(distance, p, before, follows)
    more -= _way(distance, p, before, node) + _way(distance, p, other, follows)
    if world.per_metre[v] == world.per_metre[u] and world.per_metre[v] * more >= -GAIN:
        return 0.0
    if arrive(world.duration, world.speed, world.timed, q, other, node, state.early[u, to]) > state.late[v, at]:
        return 0.0
    n = m = np.int64(0)
    if max(at + state.count[u] - to, to + state.count[v] - at + 1) + 2 > len(one):
        return 0.0
    for place in range(at):
        one[n] = seq[v, place]
        n += 1
    for place in range(to + 1, state.count[u] + 2):
        if place <= state.count[u] and (world.partner[seq[u, place]] >= 0 or not world.allowed[v, seq[u, place]]):
            return 0.0
        one[n] = seq[u, place]
        n += 1
    for place in range(to + 1):
        two[m] = seq[u, place]
        m += 1
    for place in range(at, state.count[v] + 2):
        if place <= state.count[v] and (world.partner[seq[v, place]] >= 0 or not world.allowed[u, seq[v, place]]):
            return 0.0
        two[m] = seq[v, place]
        m += 1
    return _try(world, state, v, one, n, u, two, m, old)


@njit(cache=True, nogil=True)
def _try(world, state, v, one, n, u, two, m, old):
    """Makes the first n nodes of `one` route v, and the first m of `two` route u (m = 0: not). Returns what that saves;
    where it saves nothing, or is infeasible, all is as before."""
    cost, count, counted = state.cost[v], state.count[v], state.count[u]
    if m > 0:
        cost += state.cost[u]
        old[1, : counted + 2] = state.seq[u, : counted + 2]
    old[0, : count + 2] = state.seq[v, : count + 2]
    state.seq[v, :n], state.count[v] = one[:n], n - 2
    fine = refresh(world, state, v)
    now = state.cost[v]
    if m > 0:
        state.seq[u, :m], state.count[u] = two[:m], m - 2
        fine = refresh(world, state, u) and fine
        now += state.cost[u]
    if fine and now < cost - GAIN:
        mark(state, v)
        return cost - now
    state.seq[v, : count + 2], state.count[v] = old[0, : count + 2], count
    refresh(world, state, v)
    if m > 0:
        state.seq[u, : counted + 2], state.count[u] = old[1, : counted + 2], counted
        refresh(world, state, u)
    return 0.0
