"""What of a running plan is driven at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import numpy as np

from serving.decisions.route.problem import ON_EVERY_VEHICLE, Plan, Problem, Progress, Route


def progress_at(
    problem: Problem,
    plan: Plan,
    now: int,
    *,
    late: Mapping[int, int] | None = None,
    at: Mapping[int, tuple[int, int]] | None = None,
    cancelled: frozenset[int] = frozenset(),
    interchangeable: bool = False,
) -> Progress:
    """By the plan's own times, less what is known better.

    A vehicle that has set out for a stop visits it, a cancelled one too: nobody knows where on the way it could turn.
    late: seconds behind the plan, by vehicle. at: (stops done, when it can leave the last of them), by vehicle.
    interchangeable: goods are alike, and every vehicle has enough aboard for a new stop.
    """
    stops, fleet, (n, k) = problem.stops, len(problem.vehicles.ids), problem.stops.delivery.shape
    late, at = late or {}, at or {}
    done: list[tuple[int, ...]] = [()] * fleet
    driven: list[tuple[tuple[int, int, int], ...]] = [()] * fleet
    opens = np.maximum(problem.vehicles.opens, problem.depot_opens[problem.vehicles.start])
    delays = np.zeros(fleet, np.int64)
    delays[list(late)] = list(late.values())
    ready = np.maximum(opens, now) + delays
    left, aboard = np.full(fleet, -1, np.int64), np.full(n, -1, np.int64)
    held = np.zeros((fleet, k), np.int64)
    gone: list[Route] = []
    for route in plan.routes:
        v = route.vehicle
        # who has set out for a stop: from the start, and from every stop but the last
        count = (route.leaves <= now) + sum([moment <= now for moment in route.departures[:-1]])
        if v in at:
            count, moment = at[v]
        elif count:
            moment = route.departures[count - 1] + late.get(v, 0)
        if count:
            times = list(zip(route.arrivals[:count], route.begins[:count], route.departures[:count], strict=True))
            times[-1] = (*times[-1][:2], max(moment, times[-1][1]))
            done[v], driven[v] = route.stops[:count], tuple(times)
            ready[v], left[v] = times[-1][2], route.leaves
            gone.append(route)
            if cancelled:
                for stop in route.stops[count:]:
                    if stop in cancelled:
                        held[v] += stops.delivery[stop]
        elif v in at:
            ready[v] = max(ready[v], moment)
        elif v in late:
            ready[v] = max(ready[v], route.leaves + late[v])
    if interchangeable:
        aboard[:] = ON_EVERY_VEHICLE
    elif gone:
        loaded = np.array(list(chain.from_iterable([route.stops for route in gone])), np.int64)
        aboard[loaded] = np.repeat([route.vehicle for route in gone], [len(route.stops) for route in gone])
    return Progress(tuple(done), tuple(driven), ready, left, aboard, held)
