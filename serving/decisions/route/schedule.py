"""When a vehicle is where, and what it costs: routes of stops made a plan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.decisions.route.arrays import Arrays
from serving.decisions.route.problem import Dropped, Plan, Reason, Route
from serving.kernels.route_mend import timetable


def plan_of(
    arrays: Arrays, routes: Sequence[Sequence[int]], engine: str, dropped: Sequence[Dropped] | None = None
) -> Plan:
    """A plan of stops by vehicle. dropped: None = every stop that is in no route, its reason not looked for yet."""
    problem = arrays.problem
    made = tuple(route_of(arrays, v, stops) for v, stops in enumerate(routes) if len(stops))
    if dropped is None:
        there = {stop for stops in routes for stop in stops}
        dropped = [Dropped(stop, Reason.NOT_FOUND) for stop in range(len(problem.stops.ids)) if stop not in there]
    cost = float(sum(route.cost for route in made))
    left_out = float(sum(problem.drop_costs[drop.stop] for drop in dropped))
    return Plan(made, tuple(dropped), cost + left_out, cost, engine)


def route_of(arrays: Arrays, v: int, stops: Sequence[int]) -> Route:
    """The route of vehicle v: it leaves as late as the earliest end of its stops allows."""
    world, progress, problem = arrays.world, arrays.problem.progress, arrays.problem
    nodes = np.array([world.start[v], *(stop + world.depots for stop in stops), world.end[v]], np.int64)
    lock, p = int(world.lock[v]), int(world.profile[v])
    table = np.zeros((len(nodes), 3), np.int64)
    leaves, ends = timetable(world, v, nodes, table)
    if progress is not None and lock:
        table[1 : lock + 1] = progress.driven[v]
    arrivals, begins, departures = table[1:-1].T.tolist()
    arcs = nodes if nodes[-1] >= 0 else nodes[:-1]
    distance = int(world.distance[p, arcs[:-1], arcs[1:]].sum(dtype=np.int64))
    cost = world.fixed[v] + world.per_metre[v] * distance + world.per_second[v] * (ends - leaves)
    load = problem.stops.delivery[np.asarray(stops, np.int64)].sum(axis=0) + world.held[v]
    return Route(
        vehicle=v,
        stops=tuple(stops),
        arrivals=tuple(arrivals),
        begins=tuple(begins),
        departures=tuple(departures),
        leaves=int(leaves),
        ends=int(ends),
        distance=distance,
        waiting=sum(begins) - sum(arrivals),
        load=tuple(load.tolist()),
        cost=float(cost),
        done=lock,
    )
