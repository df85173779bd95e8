"""Routes as arrays: what never changes in a search (`World`), what does (`State`), and what a change makes of a route.

Nodes: depots, then stops. Positions of a route: 0 = its start, 1 .. count = its stops, count + 1 = its end.
Feasibility of an insertion takes O(1): by the earliest departure from each position, and the latest arrival at it
that keeps all that follows in time [1, 2]. Both hold for travel times that depend on the hour too, as nobody who leaves
later arrives earlier.

[1] Kindervater, Savelsbergh: Vehicle routing: handling edge exchanges. In: Local Search in Combinatorial Optimization,
1997.
[2] Ichoua, Gendreau, Potvin: Vehicle dispatching with time-dependent travel times, EJOR 144(2), 2003.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

NEVER = 2**60
"""A time that does not come."""
CLOSED = 2**30
"""An arc of this duration or distance is closed (`FAR` of decisions/route/problem.py)."""
HOUR_S, HOURS = 3600, 24


class World(NamedTuple):
    """p profiles, m nodes, w windows, k dimensions of load, v vehicles. Nodes are numbered depots first.

    opens, closes, service, delivery, after (load that a stop adds to what follows: pickup + carried), partner, leads
    (collects for its partner), drop: by node. begin, begin_last, finish: when the vehicle may leave its start, and must
    have ended. lock: positions up to this one stay. ready: earliest departure from there. left: when it left its start,
    -1 = not yet. held: (v, k) aboard for nobody. paid: whether the length of a route's time matters (v,).
    kind: (v,) equal for vehicles that are alike and have not begun. near: (m, g) nearest stops of each stop.
    """

    distance: np.ndarray
    duration: np.ndarray
    speed: np.ndarray
    timed: bool
    depots: int
    opens: np.ndarray
    closes: np.ndarray
    service: np.ndarray
    delivery: np.ndarray
    after: np.ndarray
    partner: np.ndarray
    leads: np.ndarray
    drop: np.ndarray
    start: np.ndarray
    end: np.ndarray
    capacity: np.ndarray
    begin: np.ndarray
    begin_last: np.ndarray
    finish: np.ndarray
    distance_max: np.ndarray
    duration_max: np.ndarray
    stops_max: np.ndarray
    fixed: np.ndarray
    per_metre: np.ndarray
    per_second: np.ndarray
    profile: np.ndarray
    allowed: np.ndarray
    lock: np.ndarray
    ready: np.ndarray
    left: np.ndarray
    held: np.ndarray
    paid: np.ndarray
    kind: np.ndarray
    near: np.ndarray


class State(NamedTuple):
    """By vehicle and position: node, earliest departure, latest arrival, load on leaving, and its largest value up to
    here and from here on. By vehicle: stops, metres, cost. By node: vehicle (-1 = left out) and position."""

    seq: np.ndarray
    early: np.ndarray
    late: np.ndarray
    load: np.ndarray
    before: np.ndarray
    beyond: np.ndarray
    count: np.ndarray
    metres: np.ndarray
    cost: np.ndarray
    vehicle: np.ndarray
    place: np.ndarray


@njit(cache=True, nogil=True, forceinline=True)
def arrive(duration, speed, timed, p, i, j, t):
    """When a vehicle of profile p that leaves node i at t is at node j; NEVER over a closed arc. j = -1: it stays."""
    if j < 0:
        return t
    base = np.int64(duration[p, i, j])
    if base >= CLOSED or t >= NEVER:
        return np.int64(NEVER)
    if not timed:
        return t + base
    return _arrive_by_hour(speed, p, base, t)


@njit(cache=True, nogil=True)
def _arrive_by_hour(speed, p, base, t):
    todo, now = float(base), float(t)
    while todo > 0.0:
        hour = int(now // HOUR_S)
        factor = speed[p, hour % HOURS]
        room = ((hour + 1) * HOUR_S - now) * factor
        if todo <= room:
            return int(np.ceil(now + todo / factor - 1e-6))
        todo -= room
        now = float((hour + 1) * HOUR_S)
    return t


@njit(cache=True, nogil=True, forceinline=True)
def leave(duration, speed, timed, p, i, j, t):
    """Latest departure from i to be at j at t; -1 = none. j = -1: it stays."""
    if j < 0:
        return t
    base = np.int64(duration[p, i, j])
    if base >= CLOSED or t < 0:
        return np.int64(-1)
    if not timed:
        return max(t - base, np.int64(-1))
    return _leave_by_hour(speed, p, base, t)


@njit(cache=True, nogil=True)
def _leave_by_hour(speed, p, base, t):
    todo, now = float(base), float(t)
    while todo > 0.0:
        hour = int(np.ceil(now / HOUR_S)) - 1
        if hour < 0:
            return -1
        factor = speed[p, hour % HOURS]
        room = (now - hour * HOUR_S) * factor
        if todo <= room:
            # floor, and one second less where rounding would arrive late
            found = int(np.floor(now - todo / factor + 1e-6))
            while found >= 0 and _arrive_by_hour(speed, p, base, found) > t:
                found -= 1
            return found
        todo -= room
        now = float(hour * HOUR_S)
    return t


@njit(cache=True, nogil=True, forceinline=True)
def first_begin(opens, closes, node, t):
    """Earliest begin of service of who arrives at t; NEVER = too late."""
    for w in range(opens.shape[1]):
        if t <= closes[node, w]:
            return max(t, opens[node, w])
    return np.int64(NEVER)


@njit(cache=True, nogil=True, forceinline=True)
def last_begin(opens, closes, node, t):
    """Latest begin of service that is not after t; -1 = none."""
    for w in range(opens.shape[1] - 1, -1, -1):
        if t >= opens[node, w]:
            return min(t, closes[node, w])
    return np.int64(-1)


@njit(cache=True, nogil=True)
def worked(world, v, nodes, count, ends):
    """Seconds of a route of `count` stops that ends at `ends` at the earliest and leaves as late as that allows."""
    if world.left[v] >= 0:
        return ends - world.left[v]
    duration, speed, timed, opens, closes = world.duration, world.speed, world.timed, world.opens, world.closes
    service, p, t = world.service, world.profile[v], ends
    for at in range(count, 0, -1):
        node = nodes[at]
        t = leave(duration, speed, timed, p, node, nodes[at + 1], t)
        t = last_begin(opens, closes, node, t - service[node])
    if count > 0:
        t = leave(duration, speed, timed, p, nodes[0], nodes[1], t)
    return ends - max(min(t, world.begin_last[v]), world.ready[v])


@njit(cache=True, nogil=True)
def refresh(world, state, v):
    """Writes all that follows from the stops of route v. Returns whether it keeps time, load and limits."""
    # the arrays by names of their own: a tuple's fields cost a reference count at every use
    duration, distance, speed, timed = world.duration, world.distance, world.speed, world.timed
    opens, closes, service, p = world.opens, world.closes, world.service, world.profile[v]
    vehicle, place = state.vehicle, state.place
    count, lock, ready = state.count[v], world.lock[v], world.ready[v]
    seq, early, late = state.seq[v], state.early[v], state.late[v]
    metres, fine = np.int64(0), True
    for at in range(count + 1):
        node, after = seq[at], seq[at + 1]
        if at > 0:
            vehicle[node], place[node] = v, at
        if after >= 0:
            metres += distance[p, node, after]
    early[0] = ready if lock == 0 else world.begin[v]
    for at in range(1, count + 2):
        if at <= lock:
            early[at] = ready
            continue
        node = seq[at]
        t = arrive(duration, speed, timed, p, seq[at - 1], node, early[at - 1])
        if at <= count:
            t = first_begin(opens, closes, node, t)
            if t < NEVER:
                t += service[node]
        early[at] = t
        fine = fine and t < NEVER
    late[count + 1] = world.finish[v]
    for at in range(count, lock, -1):
        node = seq[at]
        t = leave(duration, speed, timed, p, node, seq[at + 1], late[at + 1])
        late[at] = last_begin(opens, closes, node, t - service[node])
    for at in range(lock, -1, -1):
        late[at] = NEVER
    fine = fine and early[count + 1] <= world.finish[v] and early[0] <= world.begin_last[v]
    fine = _loads(world.capacity, world.held, world.delivery, world.after, seq, state.load, state.before, state.beyond,
                  v, count) and fine  # fmt: skip
    fine = fine and metres <= world.distance_max[v] and count <= world.stops_max[v]
    state.metres[v] = metres
    cost = 0.0
    if count > 0:
        cost = world.fixed[v] + world.per_metre[v] * metres
        if world.paid[v] and early[count + 1] < NEVER:
            seconds = worked(world, v, seq, count, early[count + 1])
            fine = fine and seconds <= world.duration_max[v]
            cost += world.per_second[v] * seconds
    state.cost[v] = cost
    return fine


@njit(cache=True, nogil=True)
def refresh_all(world, state):
    """`refresh` of every route. Returns whether all keep time, load and limits."""
    fine = True
    for v in range(len(state.count)):
        fine = refresh(world, state, v) and fine
    return fine


@njit(cache=True, nogil=True)
def refresh_inserted(world, state, v, at):
    """What `refresh` writes, after one stop came to position `at` of a refreshed route; times as far as they change."""
    duration, distance, speed, timed = world.duration, world.distance, world.speed, world.timed
    opens, closes, service, p = world.opens, world.closes, world.service, world.profile[v]
    vehicle, place, count, lock = state.vehicle, state.place, state.count[v], world.lock[v]
    seq, early, late = state.seq[v], state.early[v], state.late[v]
    node, before, after = seq[at], seq[at - 1], seq[at + 1]
    vehicle[node] = v
    for i in range(count + 1, at, -1):
        early[i], late[i] = early[i - 1], late[i - 1]
        if i <= count:
            place[seq[i]] = i
    place[node] = at
    for i in range(at, count + 2):
        t = arrive(duration, speed, timed, p, seq[i - 1], seq[i], early[i - 1])
        if i <= count:
            t = first_begin(opens, closes, seq[i], t)
            if t < NEVER:
                t += service[seq[i]]
        if i > at and t == early[i]:
            break
        early[i] = t
    for i in range(at, lock, -1):
        t = leave(duration, speed, timed, p, seq[i], seq[i + 1], late[i + 1])
        t = last_begin(opens, closes, seq[i], t - service[seq[i]])
        if i < at and t == late[i]:
            break
        late[i] = t
    metres = state.metres[v] + distance[p, before, node]
    if after >= 0:
        metres += np.int64(distance[p, node, after]) - distance[p, before, after]
    _loads(
        world.capacity, world.held, world.delivery, world.after, seq, state.load, state.before, state.beyond, v, count
    )
    state.metres[v] = metres
    cost = world.fixed[v] + world.per_metre[v] * metres
    if world.paid[v] and early[count + 1] < NEVER:
        cost += world.per_second[v] * worked(world, v, seq, count, early[count + 1])
    state.cost[v] = cost


@njit(cache=True, nogil=True)
def _loads(capacity, held, delivery, after, seq, load, before, beyond, v, count):
    """Load on leaving each position, and its running maxima. Returns whether none is above the capacity."""
    fine = True
    for k in range(capacity.shape[1]):
        now = held[v, k]
        for at in range(1, count + 1):
            now += delivery[seq[at], k]
        most = now
        for at in range(count + 1):
            if at > 0:
                now += after[seq[at], k] - delivery[seq[at], k]
            most = max(most, now)
            load[v, at, k], before[v, at, k] = now, most
        fine = fine and most <= capacity[v, k]
        most = now
        for at in range(count, -1, -1):
            most = max(most, load[v, at, k])
            beyond[v, at, k] = most
    return fine


@njit(cache=True, nogil=True)
def copy_route(source, target, v):
    """Makes route v of `target` that of `source`; `mark` must follow once all routes are copied."""
    vehicle, seq = target.vehicle, target.seq
    for at in range(1, target.count[v] + 1):
        if vehicle[seq[v, at]] == v:
            vehicle[seq[v, at]] = -1
    count = source.count[v]
    target.count[v], target.metres[v], target.cost[v] = count, source.metres[v], source.cost[v]
    other, early, late, load, before, beyond = (
        source.seq, source.early, source.late, source.load, source.before, source.beyond
    )  # fmt: skip
    to_early, to_late, to_load, to_before, to_beyond = (
        target.early, target.late, target.load, target.before, target.beyond
    )  # fmt: skip
    for at in range(count + 2):
        seq[v, at] = other[v, at]
        to_early[v, at], to_late[v, at] = early[v, at], late[v, at]
        for k in range(load.shape[2]):
            to_load[v, at, k], to_before[v, at, k], to_beyond[v, at, k] = (
                load[v, at, k], before[v, at, k], beyond[v, at, k]
            )  # fmt: skip


@njit(cache=True, nogil=True)
def mark(state, v):
    """Says of the stops of route v where they are."""
    seq, vehicle, place = state.seq, state.vehicle, state.place
    for at in range(1, state.count[v] + 1):
        vehicle[seq[v, at]], place[seq[v, at]] = v, at


@njit(cache=True, nogil=True)
def insert(seq, counts, v, after, node):
    """Puts a node behind position `after` of route v; `refresh` must follow."""
    count = counts[v]
    for at in range(count + 1, after, -1):
        seq[v, at + 1] = seq[v, at]
    seq[v, after + 1] = node
    counts[v] = count + 1


@njit(cache=True, nogil=True)
def drop_marked(seq, counts, vehicle, v, gone):
    """Takes the nodes out of route v for which gone (m,) is true; `refresh` must follow."""
    kept, count = 0, counts[v]
    for at in range(1, count + 1):
        node = seq[v, at]
        if gone[node]:
            vehicle[node] = -1
        else:
            kept += 1
            seq[v, kept] = node
    seq[v, kept + 1] = seq[v, count + 1]
    counts[v] = kept
