"""PyVRP's iterated local search as an engine, from our plan on [1].

[1] Wouda, Lan, Kool: PyVRP: a high-performance VRP solver package, INFORMS Journal on Computing 36(4), 2024.
"""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from serving.decisions.route.arrays import Arrays, arrays_of, by_stop_allowed, by_vehicle, kinds
from serving.decisions.route.bound import vehicles_enough
from serving.decisions.route.problem import ANYWHERE, FAR, TELL_S, Cancelled, OnBetter, Plan, Problem
from serving.decisions.route.schedule import plan_of

NAME: Final = "pyvrp"
UNIT: Final = 1_000
"""Parts of a cost unit where costs are no whole numbers: PyVRP counts in integers."""
COST_MAX: Final = 2**42
"""PyVRP adds costs and penalties up in 64 bits."""
HOT_LOOP_STOPS: Final = 1_000
"""Above so many stops one of its local searches takes longer than a deadline may be missed by."""
TOLD_STOPS: Final = 300
"""Of more stops every better plan is told: the last one may come too late, as an iteration takes long."""


@dataclass(frozen=True, slots=True)
class PyVrp:
    """See `Engine`. iterations: instead of a time, for answers that do not depend on the machine."""

    name: str = NAME
    iterations: int | None = None

    def misfit(self, problem: Problem) -> str:
        """What of the problem it has no word for."""
        stops, vehicles = problem.stops, problem.vehicles
        if problem.progress is not None:
            return "a running plan"
        if problem.speed is not None:
            return "speeds by hour"
        if stops.opens.shape[1] > 1 and (stops.opens[:, 1:] != stops.opens[:, :1]).any():
            return "several windows of one stop"
        if (vehicles.end == ANYWHERE).any():
            return "a vehicle that ends anywhere"
        if (stops.partner >= 0).any():
            return "shipments"
        if len(stops.ids) > HOT_LOOP_STOPS or not stops.ids:
            return f"more than {HOT_LOOP_STOPS} stops, or none"
        if (vehicles.stops_max < len(stops.ids)).any():
            return "a limit on the stops of a route"
        if not by_stop_allowed(problem)[:, problem.depots :].all():
            return "stops that not every vehicle may visit"
        if (problem.distance >= FAR).any() or (problem.duration >= FAR).any():
            return "closed roads"
        if max(float(problem.drop_costs.max()), float(vehicles.fixed_cost.max())) * _unit(problem) > COST_MAX:
            return "costs that are too large"
        return ""

    def improve(
        self,
        problem: Problem,
        plan: Plan | None,
        *,
        seed: int,
        deadline: float,
        on_better: OnBetter,
        cancelled: Cancelled,
    ) -> Plan | None:
        """See `Engine`."""
        pyvrp = _pyvrp()
        arrays = arrays_of(problem, near=False)
        data, members = data_of(pyvrp, problem, vehicles_enough(problem, plan) if plan is not None else None)
        pause = TELL_S if len(problem.stops.ids) <= TOLD_STOPS else 0.0
        told = time.monotonic() - pause

        class Better(pyvrp.IteratedLocalSearchCallbacks):  # type: ignore[misc]
            def on_best(self, best: Any) -> None:
                nonlocal told
                if best.is_feasible() and time.monotonic() - told >= pause:
                    on_better(_plan(arrays, members, best, NAME))
                    told = time.monotonic()

        rounds = 0

        def stop(best_cost: float) -> bool:
            nonlocal rounds
            rounds += 1
            enough = self.iterations is not None and rounds > self.iterations
            return enough or time.monotonic() >= deadline or (rounds % 16 == 0 and cancelled())

        params = pyvrp.SolveParams(ils=pyvrp.IteratedLocalSearchParams(callbacks=Better()))
        start = _solution(pyvrp, problem, data, members, plan) if plan is not None else None
        found = pyvrp.solve(
            data, stop, seed=seed, collect_stats=False, display=False, params=params, initial_solution=start
        )
        return _plan(arrays, members, found.best, self.name) if found.best.is_feasible() else None


@cache
def _pyvrp() -> Any:
    """A large package, which only processes that plan load."""
    import pyvrp
    from pyvrp.exceptions import PenaltyBoundWarning

    warnings.filterwarnings("ignore", category=PenaltyBoundWarning)  # that a problem is tight is no news
    logging.getLogger("pyvrp").handlers.clear()  # it writes to standard output
    return pyvrp


def _unit(problem: Problem) -> int:
    """1 where all costs are whole numbers already."""
    vehicles = problem.vehicles
    given = problem.stops.penalty[np.isfinite(problem.stops.penalty)]
    costs = (vehicles.fixed_cost, vehicles.cost_per_metre, vehicles.cost_per_second, given)
    return 1 if all((np.rint(values) == values).all() for values in costs) else UNIT


def data_of(pyvrp: Any, problem: Problem, enough: int | None = None) -> tuple[Any, list[list[int]]]:
    """PyVRP's problem, and our vehicles of each of its types.

    enough: of vehicles that are alike, no more; then their number is no matter of cost, which would be all that it
    looks at.
    """
    stops, vehicles, unit = problem.stops, problem.vehicles, _unit(problem)
    finite = np.isfinite(stops.penalty)
    places = [pyvrp.Location(0, 0) for _ in range(problem.distance.shape[1])]
    depots = [
        pyvrp.Depot(d, tw_early=int(problem.depot_opens[d]), tw_late=int(problem.depot_closes[d]))
        for d in range(problem.depots)
    ]
    clients = [
        pyvrp.Client(
            problem.depots + i,
            delivery=stops.delivery[i].tolist(),
            pickup=stops.pickup[i].tolist(),
            service_duration=int(stops.service[i]),
            tw_early=int(stops.opens[i, 0]),
            tw_late=int(stops.closes[i, 0]),
            prize=round(float(stops.penalty[i]) * unit) if finite[i] else 0,
            required=not finite[i],
        )
        for i in range(len(stops.ids))
    ]
    kind = kinds(problem)
    members = [np.flatnonzero(kind == which).tolist() for which in range(int(kind.max()) + 1)]
    types = []
    for alike in members:
        v = alike[0]
        types.append(
            pyvrp.VehicleType(
                num_available=len(alike) if enough is None else enough,
                capacity=vehicles.capacity[v].tolist(),
                start_depot=int(vehicles.start[v]),
                end_depot=int(vehicles.end[v]),
                fixed_cost=round(float(vehicles.fixed_cost[v]) * unit) if enough is None else 0,
                tw_early=int(vehicles.opens[v]),
                tw_late=int(vehicles.closes[v]),
                shift_duration=int(vehicles.duration_max[v]),
                max_distance=int(vehicles.distance_max[v]),
                unit_distance_cost=round(float(vehicles.cost_per_metre[v]) * unit),
                unit_duration_cost=round(float(vehicles.cost_per_second[v]) * unit),
                profile=int(vehicles.profile[v]),
            )
        )
    distance = [np.asarray(matrix, np.int64) for matrix in problem.distance]
    duration = [np.asarray(matrix, np.int64) for matrix in problem.duration]
    return pyvrp.ProblemData(places, clients, depots, types, distance, duration), members


def _solution(pyvrp: Any, problem: Problem, data: Any, members: list[list[int]], plan: Plan) -> Any:
    """Our plan as a start of its search; stops left out may be missing from it."""
    type_of = {v: number for number, alike in enumerate(members) for v in alike}
    routes = [pyvrp.Route(data, list(stops), type_of[v]) for v, stops in enumerate(by_vehicle(problem, plan)) if stops]
    return pyvrp.Solution(data, routes)


def _plan(arrays: Arrays, members: list[list[int]], solution: Any, engine: str) -> Plan:
    """Its routes given to our vehicles, type by type."""
    routes: list[list[int]] = [[] for _ in arrays.problem.vehicles.ids]
    free = [iter(alike) for alike in members]
    for route in solution.routes():
        stops = [activity.idx for activity in route if activity.is_client()]
        if stops:
            routes[next(free[route.vehicle_type()])] = stops
    return plan_of(arrays, routes, engine)
