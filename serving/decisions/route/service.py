"""RoutingService: a plan for every query, each checked before it leaves.

Problems are made anew for every call; of the tables of travel times behind them, Travels keeps the last ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import numpy as np

from serving.core.clock import NEVER, Clock
from serving.core.errors import InternalError, InvalidInput, StoregateError
from serving.core.turn import Turn, not_gone
from serving.decisions.route.building import build, check_seconds, check_sizes
from serving.decisions.route.checker import check
from serving.decisions.route.contract import (
    ALWAYS,
    CHANGES_MAX,
    Delay,
    Depots,
    PlanAnswer,
    PlanQuery,
    ReplanQuery,
    RouteRows,
    StopRows,
    Vehicle,
)
from serving.decisions.route.matrix import Travels
from serving.decisions.route.params import Params
from serving.decisions.route.planner import Planner, timed
from serving.decisions.route.problem import TIME_MAX, Cancelled, Engine, Plan, Problem
from serving.decisions.route.replan import replan
from serving.decisions.route.running import known_vehicle, numbers, running_plan, what_fits
from serving.decisions.route.sent import of_change
from serving.decisions.route.warm import warm

WARM_S: Final = 0.05
TOLD_MAX: Final = 5
"""Violations that are logged of a plan that is none."""

_Query = TypeVar("_Query")

log = logging.getLogger(__name__)


class RoutingService:
    """Works from any thread."""

    def __init__(self, engines: Sequence[Engine], travels: Travels, params: Params, clock: Clock) -> None:
        """engines: the first takes every problem."""
        self._planner = Planner(tuple(engines), params.limits.threads)
        self._travels, self.limits, self._clock = travels, params.limits, clock

    def run_plan(self, queries: Sequence[PlanQuery], turn: Turn) -> list[PlanAnswer | StoregateError]:
        """One step of PlanRoutes."""
        return _each(queries, lambda query: self.plan(query, turn.deadline, turn.gone))

    def run_replan(self, queries: Sequence[ReplanQuery], turn: Turn) -> list[PlanAnswer | StoregateError]:
        """ReplanRoutes."""
        return _each(queries, lambda query: self.replan(query, turn.deadline))

    def plan(self, query: PlanQuery, deadline: float, gone: Cancelled = not_gone) -> PlanAnswer:
        """The best plan found within the query's time, before `deadline`, and until the caller has `gone`. Raises
        StoregateError."""
        seconds = check_seconds(self.limits, query.seconds)
        problem = self._problem(query, deadline)
        start = timed(problem, what_fits(problem, query.start)) if query.start else None
        until = min(self._clock.monotonic() + seconds, deadline)
        plan = self._planner.plan(
            problem, start, seed=query.seed, deadline=until, on_better=_nothing, cancelled=gone, bound=query.bound,
            part=query.part,
        )  # fmt: skip
        return PlanAnswer(problem, checked(problem, plan), query.request_id)

    def replan(self, query: ReplanQuery, deadline: float) -> PlanAnswer:
        """The running plan after the changes. Raises StoregateError."""
        try:
            problem = self._problem(query.query, deadline, more=CHANGES_MAX)
        except InvalidInput as error:
            raise of_change(error, query) from None
        before = running_plan(problem, query)
        cancelled = frozenset(_known_stop(problem, field, name) for field, name in query.cancelled)
        vehicles = numbers(problem.vehicles.ids)
        late: dict[int, int] = {}
        for field, delay in query.delays:
            v = known_vehicle(vehicles, f"{field}.vehicle_id", delay.vehicle)
            if not 0 <= delay.seconds <= TIME_MAX:
                raise InvalidInput(f"{field}.delay_s", delay.seconds, f"0 to {TIME_MAX}")
            late[v] = late.get(v, 0) + delay.seconds
        at: dict[int, tuple[int, int]] = {}
        visits = {route.vehicle: len(route.stops) for route in before.routes}
        for number, one in enumerate(query.progress):
            v = known_vehicle(vehicles, f"progress[{number}].vehicle_id", one.vehicle)
            if v in at:
                raise InvalidInput(
                    f"progress[{number}].vehicle_id", one.vehicle, "each vehicle once", reason="REPEATED_ID"
                )
            count = visits.get(v, 0)
            if not 0 <= one.done <= count:
                raise InvalidInput(f"progress[{number}].done", one.done, f"0 to {count}, its visits in the plan")
            if not 0 <= one.ready <= TIME_MAX:
                raise InvalidInput(f"progress[{number}].ready_s", one.ready, f"0 to {TIME_MAX}")
            at[v] = (one.done, one.ready)
        plan = replan(
            problem, before, query.now, at=at, late=late, cancelled=cancelled, interchangeable=query.interchangeable
        )
        return PlanAnswer(problem, plan, query.request_id, _changed(problem, before, plan))

    def warm_plan(self) -> None:
        """Compiles what plans are made with, so that the first caller does not wait for it."""
        warm()
        self.plan(_smallest(), NEVER)

    def warm_replan(self) -> None:
        """Likewise, for changes."""
        query = _smallest()
        plan = timed(self._problem(query, NEVER), [[0]])
        rows = tuple(RouteRows("v", ("a",), one.arrivals, one.begins, one.departures, one.leaves, one.ends)
                     for one in plan.routes)  # fmt: skip
        self.replan(ReplanQuery(query, rows, ("b",), now=0, delays=(("", Delay("v", 60)),)), NEVER)

    def _problem(self, query: PlanQuery, deadline: float, more: int = 0) -> Problem:
        """more: stops that may have come since it was planned."""
        stops = max(len(query.stops.ids) - more, min(len(query.stops.ids), 1))
        check_sizes(self.limits, len(query.depots.ids), len(query.vehicles), stops, len(query.profiles))
        return build(query, self._travels, deadline)


def checked(problem: Problem, plan: Plan) -> Plan:
    """The plan, when it is one. A plan that is none is a defect of ours, and never leaves."""
    wrong = check(problem, plan)
    if wrong:
        log.error("a plan of %s is none: %s", plan.engine, "; ".join(wrong[:TOLD_MAX]))
        raise InternalError(f"the plan that was found is not feasible ({wrong[0]}); see the log")
    return plan


def _smallest() -> PlanQuery:
    """A town with something of everything."""
    points = np.array([[0.0, 0.0], [0.0, 0.01], [0.01, 0.0]])
    stops = StopRows(
        ids=("a", "b"), points=points[1:], deliveries=((1,), (1, 0)), pickups=((1,), (0, 1)),
        windows=((0, 86_400), (0, 2)), service=(0, 60), skills=((), ()), penalty=(None, 1e9), priority=(0, 0),
    )  # fmt: skip
    return PlanQuery(Depots(("d",), points[:1], [ALWAYS]), (Vehicle("v"),), stops, seconds=WARM_S)


def _nothing(plan: Plan) -> None:
    """Nobody is told: a step ends soon."""


def _known_stop(problem: Problem, field: str, name: str) -> int:
    if name not in problem.stops.ids:
        raise InvalidInput(field, name, "the id of one of the stops", reason="UNKNOWN_ID")
    return problem.stops.ids.index(name)


def _changed(problem: Problem, before: Plan, after: Plan) -> tuple[str, ...]:
    """Ids of the vehicles whose visits or times are others than before."""
    rows = [
        {route.vehicle: (route.stops, route.arrivals, route.departures) for route in plan.routes}
        for plan in (before, after)
    ]
    old, new = rows
    return tuple(name for v, name in enumerate(problem.vehicles.ids) if old.get(v) != new.get(v))


def _each(queries: Sequence[_Query], answer: Callable[[_Query], PlanAnswer]) -> list[PlanAnswer | StoregateError]:
    found: list[PlanAnswer | StoregateError] = []
    for query in queries:
        try:
            found.append(answer(query))
        except StoregateError as error:
            found.append(error)
    return found
