"""A search in pieces, as a stream has them, is one search."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from route_plans import HOUR_S, planned
from routing_worlds import problem_with

from serving.decisions.route.planner import Planner
from serving.decisions.route.problem import WHOLE, Part, Plan, Problem
from serving.decisions.route.search import Search


def in_steps(problem: Problem, parts: Sequence[Part], steps: int) -> Plan:
    """Each from the best plan so far, as a stream has them."""
    found: Plan | None = None
    for number, part in enumerate(parts):
        found = Planner((Search(steps=steps // len(parts)),)).plan(
            problem, found, seed=number, deadline=time.monotonic() + HOUR_S, on_better=lambda _: None,
            cancelled=lambda: False, part=part,
        )  # fmt: skip
    assert found is not None
    return found


def test_one_cooling_in_pieces_is_as_good_as_one_run() -> None:
    """Nearly; and the same every time."""
    ones: list[float] = []
    cooled: list[float] = []
    parts = [Part(i / 20, (i + 1) / 20) for i in range(20)]
    for seed in range(4):
        problem = problem_with(60, 6, seed=seed, tight=1.2)
        ones.append(planned(problem, Search(steps=2000), seed=seed).cost)
        cooled.append(in_steps(problem, parts, 2000).cost)
    assert in_steps(problem, parts, 2000).cost == cooled[-1]
    assert sum(cooled) <= 1.02 * sum(ones)


def test_a_part_of_a_search_has_its_part_of_the_cooling() -> None:
    search = Search()
    halves = [search.within(Part(0.0, 0.5)), search.within(Part(0.5, 1.0))]
    assert (halves[0].hot, halves[1].cold) == pytest.approx((search.hot, search.cold))
    assert halves[0].cold == pytest.approx(halves[1].hot)
    assert search.within(WHOLE) == search
