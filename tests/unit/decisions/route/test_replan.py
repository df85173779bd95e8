"""A running plan after changes: what is driven stays, the rest is feasible again, and moves as little as it must."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from route_plans import planned
from routing_worlds import problem_with, rich_problem

from serving.core.errors import InvalidInput
from serving.decisions.route.planner import timed
from serving.decisions.route.problem import FAR, Plan, Problem, Reason
from serving.decisions.route.progress import progress_at
from serving.decisions.route.replan import replan
from serving.decisions.route.search import Search

NOON = 12 * 3600


def plan(problem: Problem) -> Plan:
    return planned(problem, Search(steps=60))


@pytest.fixture(scope="module")
def problem() -> Problem:
    return problem_with(40, 6, seed=7, tight=1.5)


@pytest.fixture(scope="module")
def running(problem: Problem) -> Plan:
    return plan(problem)


def driven(problem: Problem, running: Plan, now: int) -> dict[int, tuple[int, ...]]:
    return {v: done for v, done in enumerate(progress_at(problem, running, now).done) if done}


def orders(found: Plan) -> dict[int, tuple[int, ...]]:
    return {route.vehicle: route.stops for route in found.routes}


@pytest.mark.parametrize("now", [0, 9 * 3600, NOON, 15 * 3600])
def test_without_changes_nothing_changes(problem: Problem, running: Plan, now: int) -> None:
    found = replan(problem, running, now)
    assert orders(found) == orders(running)
    assert found.cost == pytest.approx(running.cost)


def test_a_cancelled_stop_goes_and_the_others_stay(problem: Problem, running: Plan) -> None:
    stop = running.routes[0].stops[-1]
    found = replan(problem, running, 0, cancelled=frozenset({stop}))
    assert [(drop.stop, drop.reason) for drop in found.dropped] == [(stop, Reason.CANCELLED)]
    expected = {v: tuple(s for s in stops if s != stop) for v, stops in orders(running).items()}
    assert orders(found) == {v: stops for v, stops in expected.items() if stops}


def test_what_is_driven_stays_with_its_times(problem: Problem, running: Plan) -> None:
    """At noon some stops are behind every vehicle: they keep their place and their times."""
    before = driven(problem, running, NOON)
    assert before
    last = running.routes[0].stops[-1]
    found = replan(problem, running, NOON, cancelled=frozenset({last}))
    for route in found.routes:
        done = before.get(route.vehicle, ())
        assert route.stops[: len(done)] == done
        assert route.done == len(done)
        old = next(one for one in running.routes if one.vehicle == route.vehicle)
        assert route.arrivals[: len(done)] == old.arrivals[: len(done)]


def test_a_new_stop_goes_where_it_costs_least(problem: Problem, running: Plan) -> None:
    """Against every place of every route, tried one by one."""
    stop = running.routes[1].stops[0]
    without: list[list[int]] = [[] for _ in problem.vehicles.ids]
    for route in running.routes:
        without[route.vehicle] = [s for s in route.stops if s != stop]
    base = timed(problem, without)
    found = replan(problem, base, 0)
    best = np.inf
    for v, stops in enumerate(without):
        for at in range(len(stops) + 1):
            tried = timed(problem, [*without[:v], [*stops[:at], stop, *stops[at:]], *without[v + 1 :]])
            if not tried.dropped:
                best = min(best, tried.cost)
    assert not found.dropped
    assert found.cost == pytest.approx(best)


def test_goods_at_the_depot_are_for_vehicles_that_have_not_left(problem: Problem, running: Plan) -> None:
    """A new delivery at noon: no vehicle on its way can bring it, unless goods are alike."""
    stop = next(stop for stop in running.routes[0].stops if problem.stops.closes[stop, 0] > NOON + 7200)
    without: list[list[int]] = [[] for _ in problem.vehicles.ids]
    for route in running.routes:
        without[route.vehicle] = [s for s in route.stops if s != stop]
    base = timed(problem, without)
    left = {v for v, done in enumerate(progress_at(problem, base, NOON).done) if done}
    strict, alike = replan(problem, base, NOON), replan(problem, base, NOON, interchangeable=True)
    bringing = [route.vehicle for route in strict.routes if stop in route.stops]
    assert not set(bringing) & left
    assert any(stop in route.stops for route in alike.routes)


def test_a_late_vehicle_hands_over_or_leaves_out_what_it_cannot_reach(problem: Problem, running: Plan) -> None:
    """Three hours late in the morning, nobody on the way yet: others take its stops where they can."""
    v = running.routes[0].vehicle
    found = replan(problem, running, 0, late={v: 3 * 3600})
    mine = next((route for route in found.routes if route.vehicle == v), None)
    old = next(route for route in running.routes if route.vehicle == v)
    assert mine is None or mine.leaves >= old.leaves + 3 * 3600
    assert all(drop.reason is not Reason.NOT_FOUND for drop in found.dropped)


def test_a_vehicle_too_late_for_its_shift_comes_home_when_it_can(problem: Problem, running: Plan) -> None:
    """Overtime that nothing can avoid is no error."""
    route = running.routes[0]
    found = replan(problem, running, route.departures[-1], late={route.vehicle: 12 * 3600})
    mine = next(one for one in found.routes if one.vehicle == route.vehicle)
    assert mine.ends > int(problem.vehicles.closes[route.vehicle])


def test_a_closed_road_is_not_driven(problem: Problem, running: Plan) -> None:
    route = max(running.routes, key=lambda one: len(one.stops))
    i, j = route.stops[-2] + problem.depots, route.stops[-1] + problem.depots
    duration = problem.duration.copy()
    duration[:, i, j] = FAR
    found = replan(replace(problem, duration=duration), running, 0)
    assert not found.dropped
    pairs = {pair for one in found.routes for pair in zip(one.stops, one.stops[1:], strict=False)}
    assert (route.stops[-2], route.stops[-1]) not in pairs


def test_a_vehicle_that_is_cut_off_is_named(problem: Problem, running: Plan) -> None:
    route = running.routes[0]
    duration = problem.duration.copy()
    duration[:, route.stops[-1] + problem.depots, : problem.depots] = FAR
    with pytest.raises(InvalidInput, match=problem.vehicles.ids[route.vehicle]):
        replan(replace(problem, duration=duration), running, route.departures[-1])


@pytest.mark.parametrize("speed", [False, True], ids=["even", "by-hour"])
@pytest.mark.parametrize("seed", range(5))
def test_rich_plans_stay_feasible_through_any_change(seed: int, speed: bool) -> None:
    """Every answer has been checked before it is returned; with time to improve it, too."""
    problem = rich_problem(seed, speed=speed)
    running = plan(problem)
    rng = np.random.default_rng(seed)
    for now in (0, 9 * 3600, NOON, 15 * 3600):
        cancelled = frozenset(int(stop) for stop in rng.choice(24, 2, replace=False))
        late = {running.routes[0].vehicle: int(rng.integers(0, 7200))}
        for seconds in (0.0, 0.01):
            found = replan(problem, running, now, late=late, cancelled=cancelled, seconds=seconds)
            progress = progress_at(problem, running, now, late=late, cancelled=cancelled)
            before = {v: done for v, done in enumerate(progress.done) if done}
            for route in found.routes:
                done = before.get(route.vehicle, ())
                assert route.stops[: len(done)] == done
