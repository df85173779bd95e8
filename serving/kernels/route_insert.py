"""The cheapest place for a stop, or for a shipment's two stops, in routes that stay as they are otherwise."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.route_draws import uniform
from serving.kernels.route_state import NEVER, arrive, first_begin, insert, refresh, refresh_inserted, worked

NO_PLACE = np.inf
NOBODY = np.int64(-1)
"""No stop, no position. A plain -1 would be a type of its own, and who gets it be compiled once more."""


@njit(cache=True, nogil=True)
def best_place(world, state, node, blink, rng, tried, stamp, work):
    """(cost, vehicle, position) of the cheapest feasible place of a stop; cost inf = none.

    blink: chance that a position is passed over. tried: (kinds,) int64, `stamp` marks kinds whose empty route was seen.
    work: (L + 4,) int32, scratch.
    """
    duration, speed, timed, opens, closes = world.duration, world.speed, world.timed, world.opens, world.closes
    distances, allowed, capacity, profile, lock = (
        world.distance,
        world.allowed,
        world.capacity,
        world.profile,
        world.lock,
    )
    delivery, after, late, early, seq = world.delivery, world.after, state.late, state.early, state.seq
    before, beyond, metres, kind, counts = state.before, state.beyond, state.metres, world.kind, state.count
    fixed, per_metre, longest, most, paid = (
        world.fixed,
        world.per_metre,
        world.distance_max,
        world.stops_max,
        world.paid,
    )
    best, where, behind = NO_PLACE, -1, -1
    last, service, dimensions = closes[node, closes.shape[1] - 1], world.service[node], capacity.shape[1]
    for v in range(len(counts)):
        if not allowed[v, node]:
            continue
        count = counts[v]
        if count == 0:
            if tried[kind[v]] == stamp:
                continue
            tried[kind[v]] = stamp
        elif count >= most[v]:
            continue
        # the least of what its load must share with others is at the ends of the route
        fits = True
        for k in range(dimensions):
            fits = fits and before[v, 0, k] + delivery[node, k] <= capacity[v, k]
            fits = fits and beyond[v, count, k] + after[node, k] <= capacity[v, k]
        if not fits:
            continue
        first, rate, p = 0.0 if count > 0 else fixed[v], per_metre[v], profile[v]
        for at in range(lock[v], count + 1):
            t = early[v, at]
            if t > last:
                break
            i, j = seq[v, at], seq[v, at + 1]
            more = np.int64(distances[p, i, node])
            if j >= 0:
                more += distances[p, node, j]
                if count > 0:
                    more -= distances[p, i, j]
            cost = first + rate * more
            if cost >= best or (blink > 0.0 and uniform(rng) < blink):
                continue
            if (metres[v] + more if count > 0 else more) > longest[v]:
                continue
            for k in range(dimensions):
                fits = fits and before[v, at, k] + delivery[node, k] <= capacity[v, k]
                fits = fits and beyond[v, at, k] + after[node, k] <= capacity[v, k]
            if not fits:
                fits = True
                continue
            t = first_begin(opens, closes, node, arrive(duration, speed, timed, p, i, node, t))
            if t >= NEVER or arrive(duration, speed, timed, p, node, j, t + service) > late[v, at + 1]:
                continue
            if paid[v]:
                seconds = added_time(world, state, v, at, NOBODY, node, NOBODY, work)
                if seconds < 0:
                    continue
                cost += world.per_second[v] * seconds
                if cost >= best:
                    continue
            best, where, behind = cost, v, at
    return best, where, behind


@njit(cache=True, nogil=True)
def added_time(world, state, v, at, to, node, other, work):
    """Seconds that `node` behind position `at` (and `other` behind position `to`) add to the working time; -1 = too
    long. work: (L + 4,) int32, scratch."""
    duration, speed, timed, opens, closes = world.duration, world.speed, world.timed, world.opens, world.closes
    count, size, p, service = state.count[v], 0, world.profile[v], world.service
    for place in range(count + 2):
        work[size] = state.seq[v, place]
        size += 1
        if place == at:
            work[size] = node
            size += 1
        if place == to:
            work[size] = other
            size += 1
    t = state.early[v, at]
    for place in range(at + 1, size):
        t = arrive(duration, speed, timed, p, work[place - 1], work[place], t)
        if place < size - 1:
            t = first_begin(opens, closes, work[place], t) + service[work[place]]
    seconds = worked(world, v, work, size - 2, t)
    if seconds > world.duration_max[v]:
        return np.int64(-1)
    was = np.int64(0)
    if count > 0:
        was = worked(world, v, state.seq[v], count, state.early[v, count + 1])
    return max(seconds - was, np.int64(0))


@njit(cache=True, nogil=True)
def best_places(world, state, first, second, blink, rng, tried, stamp, work):
    """(cost, vehicle, position of `first`, of `second` in the route without them) of a shipment; cost inf = none.

    Behind the same position, `second` follows `first` at once. Everything up to the second is driven through with the
    first on board, O(L^2) a route.
    """
    duration, speed, timed, opens, closes = world.duration, world.speed, world.timed, world.opens, world.closes
    distances, capacity, service, after, load = world.distance, world.capacity, world.service, world.after, state.load
    seq, early, late, lock = state.seq, state.early, state.late, world.lock
    best, where, one, two = NO_PLACE, -1, -1, -1
    for v in range(len(state.count)):
        if not (world.allowed[v, first] and world.allowed[v, second]):
            continue
        count = state.count[v]
        if count == 0:
            if tried[world.kind[v]] == stamp:
                continue
            tried[world.kind[v]] = stamp
        if count + 2 > world.stops_max[v]:
            continue
        base, p, rate = 0.0 if count > 0 else world.fixed[v], world.profile[v], world.per_metre[v]
        length = state.metres[v] if count > 0 else np.int64(0)
        for at in range(lock[v], count + 1):
            if (blink > 0.0 and uniform(rng) < blink) or not _room(load, after, capacity, v, at, first):
                continue
            x, y = seq[v, at], seq[v, at + 1]
            t = first_begin(opens, closes, first, arrive(duration, speed, timed, p, x, first, early[v, at]))
            if t >= NEVER:
                continue
            t += service[first]
            x, through = first, np.int64(distances[p, x, first])
            if count > 0 and y >= 0:
                through -= distances[p, seq[v, at], y]
            for to in range(at, count + 1):
                # here x is the stop before the second one, left at t, and y the next stop of the route
                more = through + distances[p, x, second]
                if y >= 0:
                    more += distances[p, second, y]
                if to > at and y >= 0:
                    more -= distances[p, x, y]
                cost = base + rate * more
                if cost < best and length + more <= world.distance_max[v]:
                    u = first_begin(opens, closes, second, arrive(duration, speed, timed, p, x, second, t))
                    if (
                        u < NEVER
                        and arrive(duration, speed, timed, p, second, y, u + service[second]) <= late[v, to + 1]
                    ):
                        if world.paid[v]:
                            seconds = added_time(world, state, v, at, to, first, second, work)
                            cost = NO_PLACE if seconds < 0 else cost + world.per_second[v] * seconds
                        if cost < best:
                            best, where, one, two = cost, v, at, to
                if to == count:
                    break
                t = arrive(duration, speed, timed, p, x, y, t)
                if t > late[v, to + 1] or not _room(load, after, capacity, v, to + 1, first):
                    break
                t = first_begin(opens, closes, y, t) + service[y]
                if to == at:
                    through += distances[p, x, y]
                x, y = y, seq[v, to + 2]
    return best, where, one, two


@njit(cache=True, nogil=True, forceinline=True)
def _room(load, after, capacity, v, at, node):
    """Whether what `node` collects fits on the leg that leaves position `at`."""
    fits = True
    for k in range(capacity.shape[1]):
        fits = fits and load[v, at, k] + after[node, k] <= capacity[v, k]
    return fits


@njit(cache=True, nogil=True)
def place_stop(world, state, node, blink, rng, tried, stamp, work):
    """Puts a stop, or its whole shipment, where it is cheapest. Returns the vehicle; -1 = it is left out."""
    other = world.partner[node]
    if other < 0 or state.vehicle[other] >= 0:
        cost, v, at = best_place(world, state, node, blink, rng, tried, stamp, work)
        if v < 0 or cost > world.drop[node]:
            return -1
        insert(state.seq, state.count, v, at, node)
        refresh_inserted(world, state, v, at + 1)
        return v
    first, second = (node, other) if world.leads[node] else (other, node)
    cost, v, at, to = best_places(world, state, first, second, blink, rng, tried, stamp, work)
    if v < 0 or cost > world.drop[first] + world.drop[second]:
        return -1
    insert(state.seq, state.count, v, to, second)
    insert(state.seq, state.count, v, at, first)
    refresh(world, state, v)
    return v
