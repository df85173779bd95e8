"""When a vehicle is where, and what it costs: routes of stops made a plan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.decisions.route.arrays import Arrays
from serving.decisions.route.problem import Dropped, Plan, Reason, Route
from serving.kernels.route_state import NEVER, World, arrive, first_begin, last_begin, leave


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
    world, progress = arrays.world, arrays.problem.progress
    nodes = [int(world.start[v]), *(stop + world.depots for stop in stops), int(world.end[v])]
    lock, p = int(world.lock[v]), int(world.profile[v])
    times = _forward(world, p, nodes, int(world.ready[v]), lock)
    leaves = int(world.left[v])
    if leaves < 0:
        leaves = min(_latest_start(world, p, nodes, times[-1][0]), int(world.begin_last[v]))
        if progress is None or lock == 0:
            times = _forward(world, p, nodes, max(leaves, int(world.ready[v])), lock)
    done = progress.driven[v] if progress is not None and lock else ()
    times = [*done, *times]
    ends = times[-1][0] if nodes[-1] >= 0 else times[-2][2]
    distance = int(sum(world.distance[p, i, j] for i, j in zip(nodes, nodes[1:], strict=False) if j >= 0))
    visits = times[:-1]
    cost = world.fixed[v] + world.per_metre[v] * distance + world.per_second[v] * (ends - leaves)
    load = arrays.problem.stops.delivery[list(stops)].sum(axis=0) + world.held[v]
    return Route(
        vehicle=v,
        stops=tuple(stops),
        arrivals=tuple(visit[0] for visit in visits),
        begins=tuple(visit[1] for visit in visits),
        departures=tuple(visit[2] for visit in visits),
        leaves=leaves,
        ends=ends,
        distance=distance,
        waiting=sum(visit[1] - visit[0] for visit in visits),
        load=tuple(int(value) for value in np.atleast_1d(load)),
        cost=float(cost),
        done=lock,
    )


def _forward(world: World, p: int, nodes: Sequence[int], start: int, lock: int) -> list[tuple[int, int, int]]:
    """(arrival, begin, departure) at every node behind position `lock`, which is left at `start` at the earliest."""
    times, now = [], start
    for i, j in zip(nodes[lock:], nodes[lock + 1 :], strict=False):
        if j < 0:
            times.append((now, now, now))
            continue
        there = int(arrive(world.duration, world.speed, world.timed, p, i, j, now))
        begin = int(first_begin(world.opens, world.closes, j, there)) if there < NEVER else NEVER
        now = min(begin + int(world.service[j]), NEVER)
        times.append((there, begin, now))
    return times


def _latest_start(world: World, p: int, nodes: Sequence[int], ends: int) -> int:
    """Latest departure from the start with which the route still ends then."""
    t = ends
    for i, j in zip(reversed(nodes[:-1]), reversed(nodes[1:]), strict=True):
        t = int(leave(world.duration, world.speed, world.timed, p, i, j, t))
        if i >= world.depots:
            t = int(last_begin(world.opens, world.closes, i, t - int(world.service[i])))
    return t
