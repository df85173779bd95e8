"""What of a running plan is driven at a moment."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from serving.decisions.route.problem import ON_EVERY_VEHICLE, Plan, Problem, Progress


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
    ready = np.maximum(opens, now) + np.array([late.get(v, 0) for v in range(fleet)], np.int64)
    left, aboard = np.full(fleet, -1, np.int64), np.full(n, -1, np.int64)
    held = np.zeros((fleet, k), np.int64)
    for route in plan.routes:
        v = route.vehicle
        setting_out = (route.leaves, *route.departures[:-1])
        count = sum(1 for moment in setting_out if moment <= now)
        if v in at:
            count, moment = at[v]
        elif count:
            moment = route.departures[count - 1] + late.get(v, 0)
        if count:
            times = list(zip(route.arrivals, route.begins, route.departures, strict=True))[:count]
            times[-1] = (*times[-1][:2], max(moment, times[-1][1]))
            done[v], driven[v] = route.stops[:count], tuple(times)
            ready[v], left[v] = times[-1][2], route.leaves
            index = np.array(route.stops, np.int64)
            aboard[index] = v
            for stop in route.stops[count:]:
                if stop in cancelled:
                    held[v] += stops.delivery[stop]
        else:
            ready[v] = max(ready[v], moment) if v in at else max(ready[v], route.leaves + late[v] if v in late else 0)
    if interchangeable:
        aboard[:] = ON_EVERY_VEHICLE
    return Progress(tuple(done), tuple(driven), ready, left, aboard, held)
