"""A cost that no plan is below: every stop has one arc to another stop or an end and one from there, or is left out.

The assignment relaxation, with as many copies of the depots as vehicles, of which those that the loads need must drive;
arcs that cannot be in any feasible route cost too much to be chosen. Exact where the relaxation happens to be a plan.
[1] Toth, Vigo (eds.): Vehicle Routing, 2nd ed. 2014, chapter 2.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from serving.decisions.route.arrays import kinds
from serving.decisions.route.problem import ANYWHERE, FAR, Plan, Problem

SIZE_MAX: Final = 1_500
"""Stops and vehicles together: above it no bound is looked for."""
SECONDS_PER_CELL: Final = 4e-7
"""Of the time that must be left: the assignment takes less, and cannot be stopped."""


def lower_bound(problem: Problem, seconds: float) -> float | None:
    """None where the problem is too large for the time, or runs already."""
    stops, vehicles = problem.stops, problem.vehicles
    n, fleet = len(stops.ids), min(len(vehicles.ids), len(stops.ids))
    size = n + fleet
    if problem.progress is not None or n == 0 or size > SIZE_MAX or size * size * SECONDS_PER_CELL > seconds:
        return None
    way = _ways(problem)
    d = problem.depots
    never = 4.0 * (float(way[np.isfinite(way)].max(initial=1.0)) + float(problem.drop_costs.max()) + 1.0)
    between = way[d:, d:].copy()
    earliest = stops.opens[:, 0] + stops.service
    # with speeds by hour an arc may take less than its duration: then no arc is ruled out by its windows
    if problem.speed is None:
        duration = problem.duration[:, d:, d:].min(axis=0)
        between[earliest[:, None] + duration > stops.closes[:, -1][None, :]] = np.inf
    np.fill_diagonal(between, problem.drop_costs)
    cost = np.full((size, size), np.inf)
    cost[:n, :n] = between
    cost[n:, :n] = (way[np.unique(vehicles.start), d:]).min(axis=0) + float(vehicles.fixed_cost.min())
    ends = [int(end) for end in np.unique(vehicles.end)]
    cost[:n, n:] = 0.0 if ANYWHERE in ends else way[d:, ends].min(axis=1)[:, None]
    must = routes_needed(problem, fleet)
    cost[np.arange(n + must, size), np.arange(n + must, size)] = 0.0
    rows, columns = linear_sum_assignment(np.where(np.isfinite(cost), cost, never))
    picked = cost[rows, columns]
    return float(picked.sum()) if np.isfinite(picked).all() else None


def _ways(problem: Problem) -> Any:
    """(m, m) float64: least cost of an arc for any vehicle; inf = closed for all."""
    vehicles = problem.vehicles
    ways = np.full(problem.distance.shape[1:], np.inf)
    for p in range(len(problem.distance)):
        of_profile = vehicles.profile == p
        if of_profile.any():
            way = problem.distance[p] * float(vehicles.cost_per_metre[of_profile].min())
            closed = (problem.distance[p] >= FAR) | (problem.duration[p] >= FAR)
            ways = np.minimum(ways, np.where(closed, np.inf, way))
    return ways


def routes_needed(problem: Problem, fleet: int) -> int:
    """Routes without which the required stops cannot be served; 0 where stops may be left out for little."""
    stops, vehicles = problem.stops, problem.vehicles
    required = ~np.isfinite(stops.penalty)
    if not required.all():
        return 0
    needed = 1
    for k in range(stops.delivery.shape[1]):
        room = int(vehicles.capacity[:, k].max())
        for load in (stops.delivery[:, k], stops.pickup[:, k]):
            if room > 0:
                needed = max(needed, -(-int(load.sum()) // room))
    return needed if needed <= fleet else 0


def vehicles_enough(problem: Problem, plan: Plan) -> int | None:
    """Vehicles of `plan`, where every plan of more costs more: all are alike, and one costs as much by itself as the
    plan without its vehicles. None = not known."""
    fixed, used = float(problem.vehicles.fixed_cost[0]), len(plan.routes)
    alike = problem.progress is None and not kinds(problem).any()
    return used if alike and used and plan.cost - used * fixed <= fixed else None
