"""Which engine improves a plan when: all cores have work, and each engine all its time at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from route_plans import HOUR_S, planned
from routing_worlds import dear, problem_with, rich_problem

from serving.adapters.routing_pyvrp import PyVrp
from serving.decisions.route.checker import check
from serving.decisions.route.planner import Planner
from serving.decisions.route.problem import WHOLE, Engine, Part, Plan, Problem
from serving.decisions.route.search import Search


@pytest.mark.parametrize(
    ("part", "ran"),
    [(Part(0.0, 0.2), "a"), (Part(0.2, 0.4), "ab"), (Part(0.4, 0.5), "b"), (Part(1.0, 1.0), "b"), (WHOLE, "ab")],
)
def test_one_thread_gives_the_engines_their_turns_over_the_whole_search(part: Part, ran: str) -> None:
    """Not in each piece anew: each engine has all its time at once."""
    names: list[str] = []

    class Noted(Search):
        def improve(self, problem: Problem, plan: Plan | None, **how: Any) -> Plan | None:
            names.append(self.name)
            return Search.improve(self, problem, plan, **how)

    problem = problem_with(12, 3)
    Planner((Noted("a", steps=1), Noted("b", steps=1)), threads=1).plan(
        problem, planned(problem), seed=0, deadline=time.monotonic() + HOUR_S, on_better=lambda _: None,
        cancelled=lambda: False, part=part,
    )  # fmt: skip
    assert "".join(names) == ran


class Asked(Search):
    """Notes what it is asked for, and does two rounds."""

    __slots__ = ()
    calls: list[tuple[str, int, bool, float]] = []  # noqa: RUF012 - each test begins with none

    def improve(self, problem: Problem, plan: Plan | None, **how: Any) -> Plan | None:
        self.calls.append((self.name, how["seed"], plan is not None, self.warm))
        return replace(Search(), steps=2).improve(problem, plan, **how)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, bool, float]]:
    """Of a planner that has four cores."""
    monkeypatch.setattr("serving.decisions.route.planner.os.sched_getaffinity", lambda _: range(4))
    Asked.calls.clear()
    return Asked.calls


def planned_by(problem: Problem, start: Plan | None, engines: Sequence[Engine], threads: int) -> Plan:
    return Planner(engines, threads=threads).plan(
        problem, start, seed=5, deadline=time.monotonic() + 0.2, on_better=lambda _: None, cancelled=lambda: False
    )


def test_cores_that_no_other_engine_takes_have_our_own_search_from_other_seeds(
    calls: list[tuple[str, int, bool, float]],
) -> None:
    """Shipments are nothing for PyVRP."""
    problem = rich_problem(0)
    assert PyVrp().misfit(problem)
    assert check(problem, planned_by(problem, None, (Asked("own"), PyVrp()), 3)) == []
    opening, *rest = calls
    assert opening == ("own", 5, False, Search().warm)
    assert sorted(call[1:] for call in rest) == [
        *((seed, True, 0.0) for seed in (5, 6, 7)), *((seed, True, Search().warm) for seed in (15, 16, 17)),
    ]  # fmt: skip


def test_our_own_search_begins_hot_after_an_opening_and_near_to_a_plan_that_is_worth_it(
    calls: list[tuple[str, int, bool, float]],
) -> None:
    """Given, or the best of all when most of the time is over."""
    problem, warm = problem_with(12, 3), Search().warm
    planned_by(problem, None, (Asked("own"), Asked("other")), 2)
    assert [call[1:] for call in calls if call[0] == "other"] == [(6, True, 0.0), (16, True, warm)]
    assert [call[1:] for call in calls if call[0] == "own"] == [(5, False, warm), (5, True, 0.0), (15, True, warm)]
    calls.clear()
    planned_by(problem, planned(problem), (Asked("own"), Asked("other")), 2)
    assert {call[3] for call in calls} == {warm}


def test_where_vehicles_cost_most_all_look_for_fewer_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of the first engine, with other draws; then one, beside the others; then none."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    ran: list[tuple[str, float, int]] = []

    class Noted(Search):
        def improve(self, problem: Problem, plan: Plan | None, *, seed: int, **how: Any) -> Plan | None:
            ran.append((self.name, self.fewer, seed))
            return Search.improve(self, problem, plan, seed=seed, **how)

    for problem, wanted in (
        (problem_with(12, 3), [("a", 0.3, 0), ("b", 0.3, 1), ("a", 0.3, 10), ("b", 0.3, 11)]),
        (
            dear(problem_with(12, 3)),
            [("a", 1.0, 0), ("a", 1.0, 1), ("a", 1.0, 10), ("b", 0.3, 11), ("a", 0.0, 20), ("b", 0.0, 21)],
        ),
    ):
        ran.clear()
        Planner((Noted("a", steps=1), Noted("b", steps=1))).plan(
            problem, planned(problem), seed=0, deadline=time.monotonic() + HOUR_S, on_better=lambda _: None,
            cancelled=lambda: False,
        )  # fmt: skip
        assert ran[0] == ("a", 0.3, 0), "the opening"
        assert sorted(ran[1:], key=lambda one: one[2]) == wanted
