"""When a vehicle is where, and what it costs: routes of stops made a plan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.decisions.route.arrays import Arrays
from serving.decisions.route.problem import Dropped, Ints, Plan, Reason, Route
from serving.kernels.route_mend import timetables


def plan_of(
    arrays: Arrays, routes: Sequence[Sequence[int]], engine: str, dropped: Sequence[Dropped] | None = None
) -> Plan:
    """A plan of stops by vehicle; a vehicle leaves as late as the earliest end of its stops allows.

    dropped: None = every stop that is in no route, its reason not looked for yet.
    """
    problem, world = arrays.problem, arrays.world
    fleet, wide = len(routes), max(map(len, routes), default=0) + 2
    seq, counts = np.zeros((fleet, wide), np.int64), np.array([len(stops) for stops in routes], np.int64)
    seq[:, 0] = world.start
    for v, stops in enumerate(routes):
        seq[v, 1 : len(stops) + 1] = stops
        seq[v, 1 : len(stops) + 1] += world.depots
        seq[v, len(stops) + 1] = world.end[v]
    times, ends = np.zeros((fleet, wide, 3), np.int64), np.zeros((fleet, 2), np.int64)
    timetables(world, seq, counts, times, ends)
    made = tuple(
        _route(arrays, v, tuple(stops), seq[v, : len(stops) + 2], times[v, 1 : len(stops) + 1], *ends[v].tolist())
        for v, stops in enumerate(routes)
        if len(stops)
    )
    if dropped is None:
        there = {stop for stops in routes for stop in stops}
        dropped = [Dropped(stop, Reason.NOT_FOUND) for stop in range(len(problem.stops.ids)) if stop not in there]
    cost = float(sum(route.cost for route in made))
    left_out = float(sum(problem.drop_costs[drop.stop] for drop in dropped))
    return Plan(made, tuple(dropped), cost + left_out, cost, engine)


def _route(arrays: Arrays, v: int, stops: tuple[int, ...], nodes: Ints, table: Ints, leaves: int, ends: int) -> Route:
    world, progress, stops_ = arrays.world, arrays.problem.progress, arrays.problem.stops
    lock, p = int(world.lock[v]), int(world.profile[v])
    if progress is not None and lock:
        table[:lock] = progress.driven[v]
    arrivals, begins, departures = table.T.tolist()
    arcs = nodes if nodes[-1] >= 0 else nodes[:-1]
    distance = int(world.distance[p, arcs[:-1], arcs[1:]].sum(dtype=np.int64))
    load = stops_.delivery[nodes[1:-1] - world.depots].sum(axis=0) + world.held[v]
    return Route(
        vehicle=v,
        stops=stops,
        arrivals=tuple(arrivals),
        begins=tuple(begins),
        departures=tuple(departures),
        leaves=leaves,
        ends=ends,
        distance=distance,
        waiting=sum(begins) - sum(arrivals),
        load=tuple(load.tolist()),
        cost=float(world.fixed[v] + world.per_metre[v] * distance + world.per_second[v] * (ends - leaves)),
        done=lock,
    )
