"""Fewer routes: against trying every way to share stops out, and what a call leaves behind."""

from __future__ import annotations

import itertools
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from routing_worlds import problem_with

from serving.core.clock import NEVER
from serving.decisions.route.arrays import arrays_of, empty_state, load_routes, routes_of, write_route
from serving.decisions.route.checker import check
from serving.decisions.route.planner import Planner
from serving.decisions.route.problem import Problem
from serving.decisions.route.search import Run, Search
from serving.kernels.route_draws import generator
from serving.kernels.route_fleet import shed
from serving.kernels.route_ruin import construct

DEAR = 1e7


def dear(problem: Problem) -> Problem:
    """A vehicle costs more than all ways."""
    return replace(problem, vehicles=replace(problem.vehicles, fixed_cost=np.full(len(problem.vehicles.ids), DEAR)))


def fewest(problem: Problem) -> int:
    """Routes of the best of all ways to share the stops out, each share in its best order."""
    arrays, n = arrays_of(problem), len(problem.stops.ids)
    state = empty_state(arrays)
    fits = [
        len(stops) <= arrays.longest
        and any(write_route(arrays, state, 0, list(order)) for order in itertools.permutations(stops))
        for stops in ([stop for stop in range(n) if mask >> stop & 1] for mask in range(2**n))
    ]
    routes = [0] + [n] * (2**n - 1)
    for mask in range(1, 2**n):
        part = mask
        while part:
            if fits[part]:
                routes[mask] = min(routes[mask], routes[mask ^ part] + 1)
            part = (part - 1) & mask
    return routes[-1]


@pytest.mark.parametrize("seed", range(4))
def test_as_few_routes_as_trying_everything_finds(seed: int) -> None:
    """Seven vehicles for seven stops, whose windows and loads decide how few do."""
    problem = dear(problem_with(7, 7, seed=seed, tight=2.5))
    found = Planner((Search(steps=400),)).plan(
        problem, None, seed=seed, deadline=time.monotonic() + 3600.0, on_better=lambda _: None, cancelled=lambda: False
    )
    assert check(problem, found) == []
    assert not found.dropped
    assert len(found.routes) == fewest(problem)


@pytest.mark.parametrize("seed", range(3))
def test_every_plan_of_fewer_routes_is_whole(seed: int) -> None:
    """From one route a stop, call by call: as many fewer as it says, all feasible, and both states equal."""
    problem = problem_with(30, 30, seed=seed, tight=6.0)
    arrays = arrays_of(problem)
    run = Run(arrays, seed, None)
    assert load_routes(arrays, run.current, [[stop] for stop in range(30)])
    assert load_routes(arrays, run.trial, [[stop] for stop in range(30)])
    seq, count = run.current.seq.copy(), run.current.count.copy()
    waits, out, rng = np.zeros(31, np.int64), np.zeros((2, 31), np.int64), generator(seed)
    for _ in range(6):
        before = int((count > 0).sum())
        fewer = shed(
            arrays.world, run.current, run.trial, seq, count, waits, out, 200, 1, 1000.0, 8.0, rng, run.scratch
        )
        again = empty_state(arrays)
        assert load_routes(arrays, again, routes_of(arrays, seq, count))
        assert (again.vehicle[1:] >= 0).all()
        assert int((count > 0).sum()) <= before - fewer
        waiting = set(out[0, : out[1, 0]].tolist())
        assert waiting == set((np.flatnonzero(run.current.vehicle[1:] < 0) + 1).tolist())
        assert (run.current.vehicle == run.trial.vehicle).all()
        assert (run.current.count == run.trial.count).all()
    assert int((count > 0).sum()) < 30


def test_a_plan_that_needs_no_more_vehicles_than_its_loads_do_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked for below the bound, nor where vehicles cost nothing."""
    called: list[int] = []
    monkeypatch.setattr("serving.decisions.route.search.shed", lambda *_: called.append(1) or 0)
    for problem in (problem_with(12, 6, seed=1), dear(problem_with(3, 1, seed=2, tight=3.0))):
        run = Run(arrays_of(problem), 0, None)
        before = run.routes()
        run.shed(Search(steps=50), NEVER, lambda: False)
        assert run.routes() == before
    assert not called


def test_kernels_that_borrow_leave_the_references_of_their_arrays_as_they_were() -> None:
    """Neither freed nor kept."""
    arrays = arrays_of(problem_with(20, 5, seed=3))
    run = Run(arrays, 0, None)
    fields = [*arrays.world, *run.current, *run.trial, run.rng]
    before = [sys.getrefcount(one) for one in fields]
    for _ in range(5):
        run.round(Search(), run.mean_arc(), 0.0, 1.0, 50)
        construct(arrays.world, run.current, 0, run.rng)
    assert [sys.getrefcount(one) for one in fields] == before
