"""Which promise a plan breaks, by the plan's own times: every route in one pass. Shares no code with what makes plans.

`decisions/route/checker.py` says the same in words, route by route: that is the definition, and a test compares.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

CLOSED = 2**30
"""An arc of this duration or distance is closed (`FAR` of decisions/route/problem.py)."""
ANYWHERE, ON_EVERY_VEHICLE = -1, -2
"""As there."""
HOUR_S, HOURS = 3600, 24
TOLERANCE = 1e-6
"""Relative, of costs."""
TELLABLE = 2**40
"""Seconds: no time of a plan is beyond, so that all sums fit into 64 bits."""
KEPT = 0
UNTOLD, ONCE, VEHICLE, SHIFT, TIME, HOME, LIMITS, LOAD, SHIPMENT, DRIVEN, COST = range(1, 12)
"""The promises."""


class Asked(NamedTuple):
    """A problem. n stops, k dimensions of load, w windows, v vehicles, p profiles: as in problem.py, int64.

    speed: (p, 24) float64; (0, 24) = the same all day. done: (v,) stops of each vehicle that are driven. ready, left,
    aboard, held: of the progress; without one nobody has left, and every vehicle has all goods aboard.
    """

    opens: np.ndarray
    closes: np.ndarray
    service: np.ndarray
    delivery: np.ndarray
    pickup: np.ndarray
    carried: np.ndarray
    partner: np.ndarray
    need: np.ndarray
    start: np.ndarray
    end: np.ndarray
    capacity: np.ndarray
    shift_opens: np.ndarray
    shift_closes: np.ndarray
    duration_max: np.ndarray
    distance_max: np.ndarray
    stops_max: np.ndarray
    fixed: np.ndarray
    per_metre: np.ndarray
    per_second: np.ndarray
    profile: np.ndarray
    skills: np.ndarray
    depot_opens: np.ndarray
    depot_closes: np.ndarray
    distance: np.ndarray
    duration: np.ndarray
    speed: np.ndarray
    done: np.ndarray
    ready: np.ndarray
    left: np.ndarray
    aboard: np.ndarray
    held: np.ndarray


class Told(NamedTuple):
    """A plan of r routes with m stops in all, one route's after the other's: int64, costs float64.

    vehicle, leaves, ends, metres, costs: (r,). first: (r + 1,) where each route's stops begin. load: (r, k).
    stop, arrival, begin, departure: (m,). dropped: (q,) stops.
    """

    vehicle: np.ndarray
    leaves: np.ndarray
    ends: np.ndarray
    metres: np.ndarray
    costs: np.ndarray
    first: np.ndarray
    load: np.ndarray
    stop: np.ndarray
    arrival: np.ndarray
    begin: np.ndarray
    departure: np.ndarray
    dropped: np.ndarray


@njit(cache=True, nogil=True)
def broken(asked, told, routes_cost):
    """The first promise found that the plan does not keep; KEPT = it keeps all."""
    found = _once(asked, told)
    if found != KEPT:
        return found
    routes, seen = len(told.vehicle), np.zeros(len(asked.start), np.bool_)
    for r in range(routes):
        v = told.vehicle[r]
        if v < 0 or v >= len(seen) or seen[v]:
            return VEHICLE
        seen[v] = True
    for v in range(len(seen)):
        if asked.done[v] > 0 and not seen[v]:
            return DRIVEN
    route, place = np.full(len(asked.service), -1, np.int64), np.zeros(len(asked.service), np.int64)
    for r in range(routes):
        for at in range(told.first[r], told.first[r + 1]):
            route[told.stop[at]], place[told.stop[at]] = r, at - told.first[r]
    for r in range(routes):
        found = _shift(asked, told, r)
        if found == KEPT:
            found = _times(asked, told, r)
        if found == KEPT:
            found = _limits(asked, told, r)
        if found == KEPT:
            found = _loads(asked, told, r)
        if found == KEPT:
            found = _shipments(asked, told, r, route, place)
        if found == KEPT:
            found = _goods(asked, told, r)
        if found != KEPT:
            return found
    return _costs(asked, told, routes_cost)


@njit(cache=True, nogil=True)
def _once(asked, told):
    """Every stop is visited or left out, and once; and every time is one."""
    times = np.zeros(len(asked.service), np.int64)
    for stops in (told.stop, told.dropped):
        for stop in stops:
            if stop < 0 or stop >= len(times):
                return ONCE
            times[stop] += 1
    for count in times:
        if count != 1:
            return ONCE
    for moments in (told.leaves, told.ends, told.arrival, told.begin, told.departure):
        for moment in moments:
            if moment < -TELLABLE or moment > TELLABLE:
                return UNTOLD
    return KEPT


@njit(cache=True, nogil=True)
def _shift(asked, told, r):
    """When the vehicle leaves; of one on its way, that it left then."""
    v, leaves = told.vehicle[r], told.leaves[r]
    if told.first[r + 1] == told.first[r]:
        return SHIFT
    start = asked.start[v]
    if asked.left[v] >= 0:
        return DRIVEN if leaves != asked.left[v] else KEPT
    if asked.done[v] == 0 and leaves < asked.ready[v]:
        return DRIVEN
    if leaves < asked.shift_opens[v] or leaves < asked.depot_opens[start]:
        return SHIFT
    if leaves > asked.shift_closes[v] or leaves > asked.depot_closes[start]:
        return SHIFT
    return KEPT


@njit(cache=True, nogil=True)
def _times(asked, told, r):
    """Every stop behind what is driven, and the end, in time."""
    distance, duration, speed, v = asked.distance, asked.duration, asked.speed, told.vehicle[r]
    opens, closes, service = asked.opens, asked.closes, asked.service
    first, count, done, p = told.first[r], told.first[r + 1] - told.first[r], asked.done[v], asked.profile[v]
    depots, here, now = len(asked.depot_opens), asked.start[v], told.leaves[r]
    for at in range(count):
        stop = told.stop[first + at]
        arrival, begin, departure = told.arrival[first + at], told.begin[first + at], told.departure[first + at]
        if at >= done:  # what is driven took as long as it took
            way = np.int64(duration[p, here, depots + stop])
            if way >= CLOSED or distance[p, here, depots + stop] >= CLOSED:
                return TIME
            if arrival < _there(speed, p, way, now) or begin < arrival or departure < begin + service[stop]:
                return TIME
            within = False
            for w in range(opens.shape[1]):
                within = within or (opens[stop, w] <= begin and begin <= closes[stop, w])
            if not within:
                return TIME
        here, now = depots + stop, departure
        if at == done - 1:
            now = max(now, asked.ready[v])
    end, shuts = asked.end[v], asked.shift_closes[v]
    if end != ANYWHERE:
        way = np.int64(duration[p, here, end])
        if way >= CLOSED or distance[p, here, end] >= CLOSED:
            return HOME
        now, shuts = _there(speed, p, way, now), min(shuts, asked.depot_closes[end])
    if told.ends[r] < now or (told.ends[r] > shuts and count != done):
        return HOME
    return KEPT


@njit(cache=True, nogil=True)
def _there(speed, p, way, t):
    """When one who leaves at t on a way of so many seconds has driven it."""
    if len(speed) == 0:
        return t + way
    base, clock = float(way), float(t)
    while base > 1e-6:
        factor = speed[p, int(clock // HOUR_S) % HOURS]
        until = (clock // HOUR_S + 1) * HOUR_S
        drive = min(base, (until - clock) * factor)
        clock = until if drive < base else clock + drive / factor
        base -= drive
    return int(np.ceil(clock - 1e-5))


@njit(cache=True, nogil=True)
def _limits(asked, told, r):
    """Metres as told; metres, hours, stops and skills as the vehicle has them."""
    v, first, last = told.vehicle[r], told.first[r], told.first[r + 1]
    p, depots, here, metres = asked.profile[v], len(asked.depot_opens), asked.start[v], np.int64(0)
    for at in range(first, last):
        stop = told.stop[at]
        metres += asked.distance[p, here, depots + stop]
        here = depots + stop
        if asked.need[stop] & ~asked.skills[v]:
            return LIMITS
    if asked.end[v] != ANYWHERE:
        metres += asked.distance[p, here, asked.end[v]]
    if metres != told.metres[r] or last - first > asked.stops_max[v]:
        return LIMITS
    if last - first == asked.done[v]:  # nothing is left to leave out
        return KEPT
    if metres > asked.distance_max[v] or told.ends[r] - told.leaves[r] > asked.duration_max[v]:
        return LIMITS
    return KEPT


@njit(cache=True, nogil=True)
def _loads(asked, told, r):
    """The load at the start as told, and room for it everywhere."""
    v = told.vehicle[r]
    for k in range(asked.capacity.shape[1]):
        load = asked.held[v, k]
        for at in range(told.first[r], told.first[r + 1]):
            load += asked.delivery[told.stop[at], k]
        if load != told.load[r, k] or load > asked.capacity[v, k]:
            return LOAD
        for at in range(told.first[r], told.first[r + 1]):
            stop = told.stop[at]
            load += asked.pickup[stop, k] + asked.carried[stop, k] - asked.delivery[stop, k]
            if load > asked.capacity[v, k]:
                return LOAD
    return KEPT


@njit(cache=True, nogil=True)
def _shipments(asked, told, r, route, place):
    """Both stops on one route, the collecting one first. route, place: (n,) of each stop."""
    for at in range(told.first[r], told.first[r + 1]):
        stop = told.stop[at]
        other = asked.partner[stop]
        if other < 0:
            continue
        if route[other] != r:
            if place[stop] < asked.done[told.vehicle[r]]:
                continue  # collected already, and it cannot be handed over any more
            return SHIPMENT
        here, there = asked.carried[stop].sum(), asked.carried[other].sum()
        if (here > there or (here == there and stop < other)) and place[stop] > place[other]:
            return SHIPMENT
    return KEPT


@njit(cache=True, nogil=True)
def _goods(asked, told, r):
    """What is brought is aboard, or can be."""
    v = told.vehicle[r]
    for at in range(told.first[r], told.first[r + 1]):
        stop = told.stop[at]
        where = asked.aboard[stop]
        if where in (v, ON_EVERY_VEHICLE) or (where < 0 and asked.left[v] < 0):
            continue
        for k in range(asked.delivery.shape[1]):
            if asked.delivery[stop, k] != 0:
                return DRIVEN
    return KEPT


@njit(cache=True, nogil=True)
def _costs(asked, told, routes_cost):
    """Of each route, and of all."""
    total = 0.0
    for r in range(len(told.vehicle)):
        v = told.vehicle[r]
        cost = (
            asked.fixed[v] + asked.per_metre[v] * told.metres[r] + asked.per_second[v] * (told.ends[r] - told.leaves[r])
        )
        total += cost
        if abs(cost - told.costs[r]) > TOLERANCE * (abs(cost) if abs(cost) > 1.0 else 1.0):
            return COST
    if abs(total - routes_cost) > TOLERANCE * (total if total > 1.0 else 1.0):
        return COST
    return KEPT
