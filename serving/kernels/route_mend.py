"""A running plan after a change: take out what no longer fits, put what is missing where it costs least."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.route_ruin import BY_DROP_COST, construct
from serving.kernels.route_state import (
    NEVER,
    arrive,
    drop_marked,
    first_begin,
    last_begin,
    leave,
    refresh,
)  # fmt: skip

YES, NO = np.bool_(True), np.bool_(False)
"""Of one type, so that who gets them is compiled once."""


@njit(cache=True, nogil=True)
def mend(world, state, wanted, counts, rng):
    """Makes the routes `wanted` (v, L + 3) with `counts` stops those of `state`, less what makes them infeasible, and
    inserts every stop left out, the dearest to leave out first. Returns how many stops were taken out."""
    gone, out = np.zeros(len(world.service), np.bool_), 0
    for v in range(len(counts)):
        state.count[v] = counts[v]
        for at in range(counts[v] + 2):
            state.seq[v, at] = wanted[v, at]
        fine = refresh(world, state, v)
        while not fine and state.count[v] > world.lock[v]:
            node = _victim(world, state, v, gone)
            _mark_whole(world, state, v, node, gone, YES)
            before = state.count[v]
            drop_marked(state.seq, state.count, state.vehicle, v, gone)
            out += before - state.count[v]
            _mark_whole(world, state, v, node, gone, NO)
            fine = refresh(world, state, v)
    construct(world, state, BY_DROP_COST, rng)
    return out


@njit(cache=True, nogil=True)
def _mark_whole(world, state, v, node, gone, value):
    """The stop and the other one of its shipment, as far as it is not driven."""
    gone[node] = value
    other = world.partner[node]
    if other >= 0 and not (state.vehicle[other] == v and state.place[other] <= world.lock[v]):
        gone[other] = value


@njit(cache=True, nogil=True)
def _victim(world, state, v, gone):
    """The stop that costs least to leave out of those whose absence makes the route feasible; where no single one
    does, the cheapest up to the first that is reached too late."""
    count, lock = state.count[v], world.lock[v]
    seq = state.seq[v, : count + 2].copy()
    best, cheapest = np.int64(-1), np.inf
    spare, spared = np.int64(seq[count]), np.inf
    late = False
    for at in range(lock + 1, count + 1):
        node = np.int64(seq[at])
        if not late and world.drop[node] < spared:
            spare, spared = node, world.drop[node]
        late = late or state.early[v, at] >= NEVER
    for at in range(lock + 1, count + 1):
        node = np.int64(seq[at])
        if world.drop[node] >= cheapest:
            continue
        _mark_whole(world, state, v, node, gone, YES)
        drop_marked(state.seq, state.count, state.vehicle, v, gone)
        if refresh(world, state, v):
            best, cheapest = node, world.drop[node]
        _mark_whole(world, state, v, node, gone, NO)
        state.count[v] = count
        for place in range(count + 2):
            state.seq[v, place] = seq[place]
        refresh(world, state, v)
    return best if best >= 0 else spare


@njit(cache=True, nogil=True)
def timetables(world, seq, counts, times, totals, loads):
    """`timetable` of every route of seq (v, L + 2). times: (v, L + 2, 3). totals: (v, 3), when it leaves, when it ends,
    and its metres. loads: (v, k) at its start."""
    distance, delivery = world.distance, world.delivery
    for v in range(len(counts)):
        count, p = counts[v], world.profile[v]
        if count == 0:
            continue
        nodes = seq[v, : count + 2]
        totals[v, 0], totals[v, 1] = timetable(world, v, nodes, times[v])
        for at in range(count + 1):
            if nodes[at + 1] >= 0:
                totals[v, 2] += distance[p, nodes[at], nodes[at + 1]]
        for k in range(loads.shape[1]):
            loads[v, k] = world.held[v, k]
            for at in range(1, count + 1):
                loads[v, k] += delivery[nodes[at], k]


@njit(cache=True, nogil=True)
def timetable(world, v, nodes, times):
    """Writes (arrival, begin, departure) of the nodes behind what is driven into times (L + 2, 3). Returns (when the
    vehicle leaves, when it ends): it leaves as late as the earliest end allows."""
    duration, speed, timed, opens, closes = world.duration, world.speed, world.timed, world.opens, world.closes
    p, lock, last = world.profile[v], world.lock[v], len(nodes) - 1
    leaves = world.left[v]
    for attempt in range(2):
        now = world.ready[v] if lock > 0 or attempt == 0 else max(leaves, world.ready[v])
        for at in range(lock + 1, last + 1):
            there = arrive(duration, speed, timed, p, nodes[at - 1], nodes[at], now)
            begin = there
            if at < last:
                begin = first_begin(opens, closes, nodes[at], there)
            now = begin
            if at < last and begin < NEVER:
                now += world.service[nodes[at]]
            times[at, 0], times[at, 1], times[at, 2] = there, begin, now
        if leaves >= 0:
            break
        t = now
        for at in range(last, 0, -1):
            t = leave(duration, speed, timed, p, nodes[at - 1], nodes[at], t)
            if at > 1:
                t = last_begin(opens, closes, nodes[at - 1], t - world.service[nodes[at - 1]])
        leaves = max(min(t, world.begin_last[v]), world.ready[v])
        if lock > 0:
            break
    return leaves, now
