"""The engines of others: they go on from our plan, and what they find passes our check."""

from __future__ import annotations

import time

import pytest
from route_plans import HOUR_S, planned
from routing_worlds import dear, problem_with, rich_problem

from serving.adapters.routing_ortools import OrTools
from serving.adapters.routing_pyvrp import PyVrp, data_of
from serving.decisions.route.checker import check
from serving.decisions.route.problem import Engine
from serving.decisions.route.search import Search


@pytest.mark.parametrize("engine", [PyVrp(iterations=60), OrTools()], ids=["pyvrp", "or-tools"])
def test_engines_of_others_start_from_our_plan_and_pass_the_check(engine: Engine) -> None:
    """What they return is timed by our own schedule, and costs no more than their start."""
    problem = problem_with(25, 4, seed=6, depots=2, dimensions=2, tight=1.2)
    assert engine.misfit(problem) == ""
    first = planned(problem, Search(steps=1))
    found = engine.improve(
        problem,
        first,
        seed=1,
        deadline=time.monotonic() + (0.5 if engine.name == "or-tools" else HOUR_S),
        on_better=lambda _: None,
        cancelled=lambda: False,
    )
    assert found is not None
    assert check(problem, found) == []
    assert found.cost <= first.cost + 1e-6


def test_or_tools_takes_rich_problems() -> None:
    """Several windows, shipments beside pickups, skills, open ends: all of it as the checker has it."""
    problem = rich_problem(2)
    assert PyVrp().misfit(problem) != ""
    found = OrTools().improve(
        problem,
        None,
        seed=0,
        deadline=time.monotonic() + 0.7,
        on_better=lambda _: None,
        cancelled=lambda: False,
    )
    assert found is not None
    assert check(problem, found) == []


@pytest.mark.parametrize("seed", range(3))
def test_pyvrp_shortens_the_ways_of_no_more_vehicles(seed: int) -> None:
    """It has as many as our plan; with all of them, one that costs so much is all that it looks at."""
    problem = dear(problem_with(60, 10, seed=seed, tight=1.5))
    first = planned(problem, Search(steps=1))
    found = PyVrp(iterations=300).improve(
        problem, first, seed=seed, deadline=time.monotonic() + HOUR_S, on_better=lambda _: None, cancelled=lambda: False
    )
    assert found is not None
    assert check(problem, found) == []
    assert len(found.routes) <= len(first.routes)
    assert found.cost < first.cost
    data, _ = data_of(pytest.importorskip("pyvrp"), problem, len(first.routes))
    assert data.num_vehicles == len(first.routes)
