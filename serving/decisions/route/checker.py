"""Whether a plan keeps every promise of its problem, by the plan's own times. Shares no code with the solvers.

Every plan is checked before it leaves: at a glance, by compiled loops over all routes (glance.py). What they doubt is
said here in words, by plain loops, O(stops x windows), which are the definition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from serving.decisions.route.glance import first_broken
from serving.decisions.route.problem import ANYWHERE, FAR, ON_EVERY_VEHICLE, Plan, Problem, Route
from serving.kernels.route_check import KEPT, TELLABLE

FOUND_MAX: Final = 20
"""Violations that are named."""
HOUR_S: Final = 3600
COST_TOLERANCE: Final = 1e-6
"""Relative."""


def check(problem: Problem, plan: Plan) -> list[str]:
    """What is wrong with the plan, at most 20 sentences; empty = it is feasible."""
    return [] if first_broken(problem, plan) == KEPT else violations(problem, plan)


def violations(problem: Problem, plan: Plan) -> list[str]:
    """The same in plain loops alone."""
    found = []
    for sentence in _violations(problem, plan):
        found.append(sentence)
        if len(found) == FOUND_MAX:
            break
    return found


def _violations(problem: Problem, plan: Plan) -> Iterator[str]:
    yield from _everyone_once(problem, plan)
    seen: set[int] = set()
    for route in plan.routes:
        if not 0 <= route.vehicle < len(problem.vehicles.ids) or route.vehicle in seen:
            yield f"vehicle {route.vehicle} is not known, or has two routes"
            continue
        seen.add(route.vehicle)
        if any(not 0 <= stop < len(problem.stops.ids) for stop in route.stops):
            continue  # said above
        yield from _times(problem, route)
        yield from _limits(problem, route)
        yield from _loads(problem, route)
        yield from _shipments(problem, route)
        yield from _progress(problem, route)
    if problem.progress is not None:
        for v, done in enumerate(problem.progress.done):
            if done and v not in seen:
                yield f"{_vehicle(problem, v)}: what it has driven is missing"
    yield from _costs(problem, plan)


def _everyone_once(problem: Problem, plan: Plan) -> Iterator[str]:
    times = [0] * len(problem.stops.ids)
    for stop in [*(stop for route in plan.routes for stop in route.stops), *(drop.stop for drop in plan.dropped)]:
        if not 0 <= stop < len(times):
            yield f"stop {stop} is not known"
        else:
            times[stop] += 1
    for stop, count in enumerate(times):
        if count != 1:
            yield f"stop {problem.stops.ids[stop]}: visited or left out {count} times, expected once"


def _times(problem: Problem, route: Route) -> Iterator[str]:
    vehicles, stops, v = problem.vehicles, problem.stops, route.vehicle
    who, depots, p = _vehicle(problem, v), len(problem.depot_ids), int(vehicles.profile[v])
    start = int(vehicles.start[v])
    sizes = {len(route.stops), len(route.arrivals), len(route.begins), len(route.departures)}
    if sizes != {len(route.stops)} or not route.stops:
        yield f"{who}: stops and times are not equally many, or none"
        return
    moments = (route.leaves, route.ends, *route.arrivals, *route.begins, *route.departures)
    if not -TELLABLE <= min(moments) <= max(moments) <= TELLABLE:
        yield f"{who}: times from {min(moments)} to {max(moments)}, beyond what a clock tells"
        return
    if not max(vehicles.opens[v], problem.depot_opens[start]) <= route.leaves and not _began(problem, v):
        yield f"{who}: leaves at {route.leaves}, before its shift or its depot opens"
    if route.leaves > min(vehicles.closes[v], problem.depot_closes[start]) and not _began(problem, v):
        yield f"{who}: leaves at {route.leaves}, after its shift or its depot has closed"
    index = np.array(route.stops, np.int64)
    nodes = np.concatenate(([start], index + depots))
    ways = problem.duration[p, nodes[:-1], nodes[1:]].tolist()
    shut = (
        (problem.distance[p, nodes[:-1], nodes[1:]] >= FAR) | (problem.duration[p, nodes[:-1], nodes[1:]] >= FAR)
    ).tolist()
    opens, closes, service = stops.opens[index].tolist(), stops.closes[index].tolist(), stops.service[index].tolist()
    here, now = start, route.leaves
    done = _done(problem, v)
    for at, stop in enumerate(route.stops):
        arrival, begin, departure = route.arrivals[at], route.begins[at], route.departures[at]
        if at >= done:  # what is driven took as long as it took
            wrong = ""
            if shut[at]:
                wrong = "the way there is closed"
            elif arrival < _after_drive(problem, p, ways[at], now):
                wrong = f"arrives at {arrival}, sooner than it can"
            elif begin < arrival:
                wrong = f"served at {begin}, before it arrives at {arrival}"
            elif not any(first <= begin <= last for first, last in zip(opens[at], closes[at], strict=True)):
                wrong = f"served at {begin}, within none of its windows"
            elif departure < begin + service[at]:
                wrong = f"leaves at {departure}, before its service is over"
            if wrong:
                yield f"{who}, stop {stops.ids[stop]}: {wrong}"
        here, now = depots + stop, departure
        if problem.progress is not None and at == done - 1:
            now = max(now, int(problem.progress.ready[v]))
    yield from _home(problem, route, here, now)


def _home(problem: Problem, route: Route, here: int, now: int) -> Iterator[str]:
    vehicles, v = problem.vehicles, route.vehicle
    who, p, end = _vehicle(problem, v), int(vehicles.profile[v]), int(vehicles.end[v])
    if end == ANYWHERE:
        back, shuts = now, int(vehicles.closes[v])
    else:
        closed = int(problem.distance[p, here, end]) >= FAR or int(problem.duration[p, here, end]) >= FAR
        if closed:
            yield f"{who}: the way to its end is closed"
        back = now if closed else _after_drive(problem, p, int(problem.duration[p, here, end]), now)
        shuts = min(int(vehicles.closes[v]), int(problem.depot_closes[end]))
    if route.ends < back:
        yield f"{who}: ends at {route.ends}, sooner than it can"
    if route.ends > shuts and not _all_driven(problem, route):
        yield f"{who}: ends at {route.ends}, after its shift or its depot has closed at {shuts}"


def _after_drive(problem: Problem, p: int, way: int, t: int) -> int:
    """Arrival of who leaves at t on a way of so many seconds, hour by hour where speeds are given."""
    if problem.speed is None:
        return t + way
    base, clock = float(way), float(t)
    while base > 1e-6:
        factor = float(problem.speed[p, int(clock // HOUR_S) % 24])
        until = (clock // HOUR_S + 1) * HOUR_S
        drive = min(base, (until - clock) * factor)
        clock = until if drive < base else clock + drive / factor
        base -= drive
    return int(np.ceil(clock - 1e-5))


def _limits(problem: Problem, route: Route) -> Iterator[str]:
    vehicles, v, depots = problem.vehicles, route.vehicle, len(problem.depot_ids)
    who = _vehicle(problem, v)
    nodes = [int(vehicles.start[v]), *(depots + stop for stop in route.stops)]
    if vehicles.end[v] != ANYWHERE:
        nodes.append(int(vehicles.end[v]))
    metres = int(problem.distance[vehicles.profile[v], nodes[:-1], nodes[1:]].sum(dtype=np.int64))
    if metres != route.distance:
        yield f"{who}: says {route.distance} m, its arcs have {metres} m"
    driven = _all_driven(problem, route)
    if metres > vehicles.distance_max[v] and not driven:
        yield f"{who}: drives {metres} m, at most {vehicles.distance_max[v]}"
    if route.ends - route.leaves > vehicles.duration_max[v] and not driven:
        yield f"{who}: works {route.ends - route.leaves} s, at most {vehicles.duration_max[v]}"
    if len(route.stops) > vehicles.stops_max[v]:
        yield f"{who}: has {len(route.stops)} stops, at most {vehicles.stops_max[v]}"
    has = int(vehicles.skills[v])
    for stop in route.stops:
        if int(problem.stops.skills[stop]) & ~has:
            yield f"{who}: lacks a skill that stop {problem.stops.ids[stop]} needs"


def _loads(problem: Problem, route: Route) -> Iterator[str]:
    stops, v = problem.stops, route.vehicle
    index = np.array(route.stops, np.int64)
    first = stops.delivery[index].sum(axis=0)
    if problem.progress is not None:
        first = first + problem.progress.held[v]
    if tuple(first.tolist()) != route.load:
        yield f"{_vehicle(problem, v)}: says it starts with {route.load}, it starts with {first.tolist()}"
    changes = stops.pickup[index] + stops.carried[index] - stops.delivery[index]
    loads = np.vstack((first, first + np.cumsum(changes, axis=0)))
    for at in np.flatnonzero((loads > problem.vehicles.capacity[v]).any(axis=1)).tolist():
        place = f"stop {stops.ids[route.stops[at - 1]]}" if at else "its start"
        yield f"{_vehicle(problem, v)}: leaves {place} with a load of {loads[at].tolist()}, above its capacity"


def _shipments(problem: Problem, route: Route) -> Iterator[str]:
    stops = problem.stops
    place = {stop: at for at, stop in enumerate(route.stops)}
    for stop in route.stops:
        other = int(stops.partner[stop])
        if other < 0:
            continue
        if other not in place:
            if place[stop] < _done(problem, route.vehicle):
                continue  # collected already, and it cannot be handed over any more: the plan says why
            yield f"stop {stops.ids[stop]}: its partner {stops.ids[other]} is not on the same route"
            continue
        amounts = (int(stops.carried[stop].sum()), int(stops.carried[other].sum()))
        first = stop if amounts[0] > amounts[1] or (amounts[0] == amounts[1] and stop < other) else other
        if stop == first and place[stop] > place[other]:
            yield f"stop {stops.ids[other]}: delivered before it is collected at {stops.ids[stop]}"


def _progress(problem: Problem, route: Route) -> Iterator[str]:
    progress, v = problem.progress, route.vehicle
    if progress is None:
        return
    who, done = _vehicle(problem, v), progress.done[v]
    if tuple(route.stops[: len(done)]) != tuple(done):
        yield f"{who}: what it has driven is changed"
    elif tuple(zip(route.arrivals, route.begins, route.departures, strict=False))[: len(done)] != progress.driven[v]:
        yield f"{who}: the times of what it has driven are changed"
    gone = int(progress.left[v]) >= 0
    if gone and route.leaves != int(progress.left[v]):
        yield f"{who}: left at {progress.left[v]}, the plan says {route.leaves}"
    if not gone and not done and route.leaves < int(progress.ready[v]):
        yield f"{who}: leaves at {route.leaves}, before it is ready at {progress.ready[v]}"
    for stop in route.stops:
        place = int(progress.aboard[stop])
        if place in (v, ON_EVERY_VEHICLE) or not problem.stops.delivery[stop].any():
            continue
        if place >= 0 or gone:
            yield f"{who}: the goods of stop {problem.stops.ids[stop]} are not aboard, and cannot be"


def _costs(problem: Problem, plan: Plan) -> Iterator[str]:
    vehicles, total = problem.vehicles, 0.0
    for route in plan.routes:
        if not 0 <= route.vehicle < len(vehicles.ids):
            return
        v = route.vehicle
        cost = float(
            vehicles.fixed_cost[v]
            + vehicles.cost_per_metre[v] * route.distance
            + vehicles.cost_per_second[v] * (route.ends - route.leaves)
        )
        total += cost
        if abs(cost - route.cost) > COST_TOLERANCE * max(1.0, abs(cost)):
            yield f"{_vehicle(problem, v)}: says it costs {route.cost:g}, it costs {cost:g}"
    if abs(total - plan.routes_cost) > COST_TOLERANCE * max(1.0, total):
        yield f"the routes cost {total:g}, the plan says {plan.routes_cost:g}"


def _vehicle(problem: Problem, v: int) -> str:
    return f"vehicle {problem.vehicles.ids[v]}"


def _done(problem: Problem, v: int) -> int:
    return 0 if problem.progress is None else len(problem.progress.done[v])


def _began(problem: Problem, v: int) -> bool:
    return problem.progress is not None and int(problem.progress.left[v]) >= 0


def _all_driven(problem: Problem, route: Route) -> bool:
    """Nothing is left to leave out: a vehicle that is late now comes home when it can."""
    return 0 < len(route.stops) == _done(problem, route.vehicle)
