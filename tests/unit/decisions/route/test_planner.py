"""Plans: feasible whatever the problem is, as good as exhaustive search where that can be had, and honest."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from route_plans import HOUR_S, STEPS, planned
from routing_worlds import problem_with, rich_problem

from serving.adapters.routing_pyvrp import PyVrp
from serving.decisions.route.bound import lower_bound
from serving.decisions.route.checker import check
from serving.decisions.route.planner import Planner, timed
from serving.decisions.route.problem import Plan, Problem, Reason
from serving.decisions.route.search import Search


def cheapest(problem: Problem) -> float:
    """Cost of the best plan of all orders of all stops and all cuts into routes, by the schedule alone."""
    best, n = np.inf, len(problem.stops.ids)
    for order in itertools.permutations(range(n)):
        for cut in range(n + 1):
            found = timed(problem, [order[:cut], order[cut:]])
            best = min(best, found.cost)
    return best


@pytest.mark.parametrize("speed", [False, True], ids=["even", "by-hour"])
@pytest.mark.parametrize("seed", range(8))
def test_every_plan_of_a_rich_problem_passes_the_check(seed: int, speed: bool) -> None:
    """Shipments, pickups, windows, skills, limits, open ends, closed roads, in all combinations."""
    problem = rich_problem(seed, speed=speed)
    found = planned(problem, seed=seed)
    assert check(problem, found) == []
    assert found.routes
    assert sum(len(route.stops) for route in found.routes) + len(found.dropped) == 24
    assert Reason.NOT_FOUND not in {drop.reason for drop in found.dropped}
    assert found.bound is None or found.bound <= found.cost + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_five_stops_are_planned_as_well_as_by_trying_everything(seed: int) -> None:
    """Two vehicles, windows, paid time; the bound stays below."""
    problem = problem_with(5, 2, seed=seed, tight=1.3)
    problem = replace(problem, vehicles=replace(problem.vehicles, cost_per_second=np.full(2, 0.5)))
    found, best = planned(problem), cheapest(problem)
    assert found.cost == pytest.approx(best)
    bound = lower_bound(problem, HOUR_S)
    assert bound is not None
    assert 0 < bound <= best


def test_the_same_seed_gives_the_same_plan() -> None:
    problem = problem_with(30, 4, seed=3)
    assert planned(problem, seed=5) == planned(problem, seed=5)


def test_a_start_is_never_made_worse() -> None:
    """The plan given is feasible, so the answer costs no more."""
    problem = problem_with(30, 4, seed=4)
    first = planned(problem)
    again = planned(problem, Search(steps=1), start=first)
    assert again.cost <= first.cost


def test_an_engine_that_fails_or_cheats_changes_nothing() -> None:
    """Its plan is refused, its error is logged, and the plan of the others stands."""

    class Cheat(Search):
        def improve(self, problem: Problem, plan: Plan | None, **how: object) -> Plan | None:
            assert plan is not None
            route = replace(plan.routes[0], cost=0.0)
            return replace(plan, routes=(route, *plan.routes[1:]), cost=0.0, routes_cost=0.0)

    class Broken(Search):
        def improve(self, problem: Problem, plan: Plan | None, **how: object) -> Plan | None:
            raise RuntimeError("out of luck")

    problem = problem_with(12, 3)
    alone = planned(problem)
    for engine in (Cheat(), Broken()):
        found = planned(problem, Search(steps=STEPS), engine)
        assert check(problem, found) == []
        assert found.cost == pytest.approx(alone.cost)


def test_cancelled_at_once_there_is_a_plan_all_the_same() -> None:
    problem = problem_with(40, 5)
    found = Planner().plan(
        problem,
        None,
        seed=0,
        deadline=time.monotonic() + HOUR_S,
        on_better=lambda _: None,
        cancelled=lambda: True,
    )
    assert check(problem, found) == []
    assert found.routes


def test_a_caller_that_goes_ends_a_plan_under_way() -> None:
    """Of an hour; each engine is asked to end."""
    problem, gone = problem_with(40, 5), threading.Event()
    told: list[Plan] = []

    def on_better(one: Plan) -> None:
        told.append(one)
        gone.set()

    found = Planner((Search(), PyVrp()), threads=2).plan(
        problem, None, seed=0, deadline=time.monotonic() + HOUR_S, on_better=on_better, cancelled=gone.is_set
    )
    assert told
    assert check(problem, found) == []


def test_better_plans_come_in_order_and_the_last_is_the_answer() -> None:
    told: list[Plan] = []
    problem = problem_with(60, 6, seed=2)
    found = Planner((Search(steps=400),)).plan(
        problem,
        None,
        seed=0,
        deadline=time.monotonic() + HOUR_S,
        on_better=told.append,
        cancelled=lambda: False,
    )
    costs = [one.cost for one in told]
    assert costs == sorted(costs, reverse=True)
    assert found.cost == costs[-1]
    assert all(check(problem, one) == [] for one in told)


def test_given_orders_are_timed_and_what_does_not_fit_is_left_out() -> None:
    """An order against the windows is not an error."""
    problem = problem_with(10, 2, seed=3, tight=1.5)

    def orders(stops: Sequence[int]) -> list[list[int]]:
        return [list(stops[:5]), list(stops[5:])]

    late_first = np.argsort(-problem.stops.opens[:, 0])
    found = timed(problem, orders(late_first.tolist()))
    assert check(problem, found) == []
    assert found.dropped
    good = planned(problem)
    by_vehicle: list[list[int]] = [[], []]
    for route in good.routes:
        by_vehicle[route.vehicle] = list(route.stops)
    assert timed(problem, by_vehicle).cost == pytest.approx(good.cost)
