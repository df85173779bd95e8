"""OR-Tools' routing library as an engine, from our plan on: what PyVRP has no word for, it does.

Stops may be left out at their cost, so that it always has a plan.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from serving.decisions.route.arrays import arrays_of, by_stop_allowed, by_vehicle, leads
from serving.decisions.route.problem import ANYWHERE, TIME_MAX, Cancelled, OnBetter, Plan, Problem
from serving.decisions.route.schedule import plan_of

NAME: Final = "or-tools"
UNIT: Final = 100
"""Parts of a cost unit where costs are no whole numbers: OR-Tools counts in integers."""
COST_MAX: Final = 2**50
STOPS_MAX: Final = 1_000
TOO_LATE_S: Final = 0.002


@dataclass(frozen=True, slots=True)
class OrTools:
    """See `Engine`."""

    name: str = NAME

    def misfit(self, problem: Problem) -> str:
        """What of the problem it has no word for here."""
        if problem.progress is not None:
            return "a running plan"
        if problem.speed is not None:
            return "speeds by hour"
        if not 0 < len(problem.stops.ids) <= STOPS_MAX:
            return f"more than {STOPS_MAX} stops, or none"
        if float(problem.drop_costs.max()) * _unit(problem) > COST_MAX:
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
        """See `Engine`. It takes no seed; `cancelled` is asked at each solution."""
        from ortools.constraint_solver import pywrapcp, routing_enums_pb2

        model = _Model(pywrapcp, problem)
        routing, arrays = model.routing, model.arrays
        parameters = pywrapcp.DefaultRoutingSearchParameters()
        parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
        parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        left = deadline - time.monotonic()
        if left <= TOO_LATE_S:
            return None
        parameters.time_limit.FromMilliseconds(max(int(left * 1e3), 1))
        routing.CloseModelWithParameters(parameters)
        best: list[Plan] = []

        def at_solution() -> None:
            if cancelled():
                routing.solver().FinishCurrentSearch()
            found = plan_of(arrays, model.routes(lambda index: routing.NextVar(index).Value()), self.name)
            if not best or found.cost < best[0].cost:
                best[:] = [found]
                on_better(found)

        routing.AddAtSolutionCallback(at_solution)
        left = deadline - time.monotonic()
        parameters.time_limit.FromMilliseconds(max(int(left * 1e3), 1))
        start = None
        if plan is not None:
            start = routing.ReadAssignmentFromRoutes(model.start(plan), True)
        if start is not None:
            routing.SolveFromAssignmentWithParameters(start, parameters)
        else:
            routing.SolveWithParameters(parameters)
        return best[0] if best else None


def _unit(problem: Problem) -> int:
    """1 where all costs are whole numbers already."""
    vehicles = problem.vehicles
    given = problem.stops.penalty[np.isfinite(problem.stops.penalty)]
    costs = (vehicles.fixed_cost, vehicles.cost_per_metre, vehicles.cost_per_second, given)
    return 1 if all((np.rint(values) == values).all() for values in costs) else UNIT


class _Model:
    """OR-Tools' model of a problem. Its nodes: depots, stops, and one more for routes that end anywhere."""

    def __init__(self, pywrapcp: Any, problem: Problem) -> None:
        self.problem, self.arrays = problem, arrays_of(problem, near=False)
        self.nodes, self.unit = problem.distance.shape[1], _unit(problem)
        self.size = self.nodes + int((problem.vehicles.end == ANYWHERE).any())
        ends = np.where(problem.vehicles.end == ANYWHERE, self.size - 1, problem.vehicles.end)
        self.manager = pywrapcp.RoutingIndexManager(
            self.size, len(ends), problem.vehicles.start.tolist(), ends.tolist()
        )
        self.routing = pywrapcp.RoutingModel(self.manager)
        self._matrices: dict[tuple[object, ...], int] = {}
        self._costs()
        self._times()
        self._metres()
        self._loads()
        self._stops()

    def _matrix(self, key: tuple[object, ...], values: Any) -> int:
        """The number of a transit matrix; one for all that are alike."""
        if key not in self._matrices:
            whole = np.zeros((self.size, self.size), np.int64)
            whole[: self.nodes, : self.nodes] = values
            self._matrices[key] = self.routing.RegisterTransitMatrix(whole.tolist())
        return self._matrices[key]

    def _costs(self) -> None:
        vehicles = self.problem.vehicles
        for v in range(len(vehicles.ids)):
            p, rate = int(vehicles.profile[v]), float(vehicles.cost_per_metre[v]) * self.unit
            cost = np.rint(self.problem.distance[p] * rate)
            self.routing.SetArcCostEvaluatorOfVehicle(self._matrix(("cost", p, rate), cost), v)
            self.routing.SetFixedCostOfVehicle(round(float(vehicles.fixed_cost[v]) * self.unit), v)

    def _times(self) -> None:
        problem, vehicles, world = self.problem, self.problem.vehicles, self.arrays.world
        transits = []
        for p in vehicles.profile.tolist():
            transits.append(self._matrix(("time", p), world.duration[p] + world.service[:, None]))
        self.routing.AddDimensionWithVehicleTransits(transits, TIME_MAX, TIME_MAX, False, "time")
        time_ = self.routing.GetDimensionOrDie("time")
        for stop in range(len(problem.stops.ids)):
            cumul = time_.CumulVar(self.index(stop))
            opens, closes = problem.stops.opens[stop].tolist(), problem.stops.closes[stop].tolist()
            cumul.SetRange(opens[0], closes[-1])
            for before, after in zip(closes, opens[1:], strict=False):
                if after > before + 1:
                    cumul.RemoveInterval(before + 1, after - 1)
        for v in range(len(vehicles.ids)):
            start, end = self.routing.Start(v), self.routing.End(v)
            time_.CumulVar(start).SetRange(int(world.begin[v]), int(world.begin_last[v]))
            time_.CumulVar(end).SetRange(int(world.begin[v]), int(world.finish[v]))
            if world.paid[v]:
                time_.SetSpanUpperBoundForVehicle(int(min(world.duration_max[v], TIME_MAX)), v)
                time_.SetSpanCostCoefficientForVehicle(round(float(world.per_second[v]) * self.unit), v)

    def _metres(self) -> None:
        """Only where a vehicle's way is bounded."""
        problem, vehicles = self.problem, self.problem.vehicles
        most = vehicles.distance_max.clip(0, 2**40)
        if (most >= int(problem.distance.max()) * (len(problem.stops.ids) + 1)).all():
            return
        transits = [self._matrix(("metres", p), problem.distance[p]) for p in vehicles.profile.tolist()]
        self.routing.AddDimensionWithVehicleTransits(transits, 0, int(most.max()), True, "metres")
        metres = self.routing.GetDimensionOrDie("metres")
        for v, bound in enumerate(most.tolist()):
            metres.CumulVar(self.routing.End(v)).SetMax(bound)

    def _loads(self) -> None:
        """Load on leaving a stop; at the start it is what is to be delivered, so that at the end it is what was
        collected for the end."""
        stops, capacity = self.problem.stops, self.problem.vehicles.capacity
        for k in range(capacity.shape[1]):
            room = capacity[:, k].tolist()
            change = stops.pickup[:, k] + stops.carried[:, k] - stops.delivery[:, k]
            if not change.any() and not stops.delivery[:, k].any():
                continue
            if not stops.pickup[:, k].any() and not stops.carried[:, k].any():
                self._load(stops.delivery[:, k], room, True, f"load{k}")
                continue
            load = self._load(change, room, False, f"load{k}")
            kept = self._load(stops.pickup[:, k], [2**40] * len(room), True, f"kept{k}")
            for v in range(len(room)):
                end = self.routing.End(v)
                self.routing.solver().Add(load.CumulVar(end) == kept.CumulVar(end))

    def _load(self, change: Any, room: list[int], from_zero: bool, name: str) -> Any:
        values = np.zeros(self.size, np.int64)
        values[self.problem.depots : self.nodes] = change
        evaluator = self.routing.RegisterUnaryTransitVector(values.tolist())
        self.routing.AddDimensionWithVehicleCapacity(evaluator, 0, room, from_zero, name)
        return self.routing.GetDimensionOrDie(name)

    def _stops(self) -> None:
        problem, routing, solver = self.problem, self.routing, self.routing.solver()
        time_ = routing.GetDimensionOrDie("time")
        allowed = by_stop_allowed(problem)[:, problem.depots :]
        for depot in (
            set(range(problem.depots)) - set(problem.vehicles.start.tolist()) - set(problem.vehicles.end.tolist())
        ):
            routing.AddDisjunction([self.manager.NodeToIndex(depot)], 0)
        for stop, cost in enumerate(problem.drop_costs.tolist()):
            routing.AddDisjunction([self.index(stop)], round(cost * self.unit))
            if not allowed[:, stop].all():
                routing.VehicleVar(self.index(stop)).SetValues([-1, *np.flatnonzero(allowed[:, stop]).tolist()])
        for stop in np.flatnonzero(leads(problem)).tolist():
            first, second = self.index(stop), self.index(int(problem.stops.partner[stop]))
            routing.AddPickupAndDelivery(first, second)
            solver.Add(routing.ActiveVar(first) == routing.ActiveVar(second))
            solver.Add(routing.VehicleVar(first) == routing.VehicleVar(second))
            solver.Add(time_.CumulVar(first) <= time_.CumulVar(second))
        if (problem.vehicles.stops_max < len(problem.stops.ids)).any():
            ones = np.zeros(self.size, np.int64)
            ones[problem.depots : self.nodes] = 1
            evaluator = routing.RegisterUnaryTransitVector(ones.tolist())
            most = problem.vehicles.stops_max.clip(0, len(problem.stops.ids)).tolist()
            routing.AddDimensionWithVehicleCapacity(evaluator, 0, most, True, "stops")

    def index(self, stop: int) -> int:
        return int(self.manager.NodeToIndex(self.problem.depots + stop))

    def start(self, plan: Plan) -> list[list[int]]:
        """Our plan as its nodes by vehicle."""
        depots = self.problem.depots
        return [[self.manager.NodeToIndex(depots + stop) for stop in stops] for stops in by_vehicle(self.problem, plan)]

    def routes(self, following: Any) -> list[list[int]]:
        """Stops by vehicle, from the index that follows each."""
        out: list[list[int]] = []
        for v in range(self.routing.vehicles()):
            stops, index = [], following(self.routing.Start(v))
            while not self.routing.IsEnd(index):
                stops.append(int(self.manager.IndexToNode(index)) - self.problem.depots)
                index = following(index)
            out.append(stops)
        return out
