"""When a vehicle is where, and what it costs: routes of stops made a plan."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise

import numpy as np

from serving.decisions.route.arrays import Arrays, lay, places
from serving.decisions.route.problem import Dropped, Plan, Reason, Route
from serving.kernels.route_mend import timetables


def plan_of(
    arrays: Arrays, routes: Sequence[Sequence[int]], engine: str, dropped: Sequence[Dropped] | None = None
) -> Plan:
    """A plan of stops by vehicle; a vehicle leaves as late as the earliest end of its stops allows.

    dropped: None = every stop that is in no route, its reason not looked for yet.
    """
    problem = arrays.problem
    made = _routes(arrays, routes)
    if dropped is None:
        dropped = [Dropped(stop, Reason.NOT_FOUND) for stop in left_out(problem.stops.ids, routes)]
    cost = float(sum(route.cost for route in made))
    dropping = float(sum(problem.drop_costs[drop.stop] for drop in dropped))
    return Plan(made, tuple(dropped), cost + dropping, cost, engine)


def left_out(ids: Sequence[str], routes: Sequence[Sequence[int]]) -> list[int]:
    """The stops of no route, ascending."""
    absent = np.ones(len(ids), np.bool_)
    absent[np.array(list(chain.from_iterable(routes)), np.int64)] = False
    found: list[int] = np.flatnonzero(absent).tolist()
    return found


def _routes(arrays: Arrays, routes: Sequence[Sequence[int]]) -> tuple[Route, ...]:
    """Of the vehicles that drive. All at once: what is done for each route alone is what takes time."""
    world, progress = arrays.world, arrays.problem.progress
    fleet, wide = len(routes), max(map(len, routes), default=0) + 2
    seq = np.zeros((fleet, wide), np.int64)
    counts = lay(world, routes, seq)
    times, totals = np.zeros((fleet, wide, 3), np.int64), np.zeros((fleet, 3), np.int64)
    loads = np.zeros_like(world.held)
    timetables(world, seq, counts, times, totals, loads)
    arrivals, begins, departures = times[places(counts, wide)].T.tolist()
    leaves, ends, metres = totals.T
    costs = (world.fixed + world.per_metre * metres + world.per_second * (ends - leaves)).tolist()
    rows = zip(pairwise([0, *np.cumsum(counts).tolist()]), totals.tolist(), loads.tolist(), strict=True)
    made = []
    for v, ((first, last), (left, ended, length), load) in enumerate(rows):
        if first == last:
            continue
        done = 0
        if progress is not None and (done := len(progress.done[v])):
            middle = first + done
            arrivals[first:middle], begins[first:middle], departures[first:middle] = zip(
                *progress.driven[v], strict=True
            )
        made.append(
            Route(
                vehicle=v,
                stops=tuple(routes[v]),
                arrivals=tuple(arrivals[first:last]),
                begins=tuple(begins[first:last]),
                departures=tuple(departures[first:last]),
                leaves=left,
                ends=ended,
                distance=length,
                waiting=sum(begins[first:last]) - sum(arrivals[first:last]),
                load=tuple(load),
                cost=costs[v],
                done=done,
            )
        )
    return tuple(made)
