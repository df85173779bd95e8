"""Plans: feasible whatever the problem is, as good as exhaustive search where that can be had, and honest."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from routing_worlds import problem_with, rich_problem

from serving.adapters.routing_ortools import OrTools
from serving.adapters.routing_pyvrp import PyVrp, data_of
from serving.decisions.route.bound import lower_bound, vehicles_enough
from serving.decisions.route.checker import check
from serving.decisions.route.planner import Planner, timed
from serving.decisions.route.problem import FAR, WHOLE, Engine, Part, Plan, Problem, Reason
from serving.decisions.route.search import Search

HOUR_S = 3600.0
STEPS = 150


def plan(problem: Problem, *engines: Engine, seed: int = 0, start: Plan | None = None) -> Plan:
    """By a number of rounds: no test depends on the machine's speed."""
    return Planner(engines or (Search(steps=STEPS),)).plan(
        problem,
        start,
        seed=seed,
        deadline=time.monotonic() + HOUR_S,
        on_better=lambda _: None,
        cancelled=lambda: False,
    )


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
    found = plan(problem, seed=seed)
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
    found, best = plan(problem), cheapest(problem)
    assert found.cost == pytest.approx(best)
    bound = lower_bound(problem, HOUR_S)
    assert bound is not None
    assert 0 < bound <= best


def test_the_same_seed_gives_the_same_plan() -> None:
    problem = problem_with(30, 4, seed=3)
    assert plan(problem, seed=5) == plan(problem, seed=5)


def test_a_start_is_never_made_worse() -> None:
    """The plan given is feasible, so the answer costs no more."""
    problem = problem_with(30, 4, seed=4)
    first = plan(problem)
    again = plan(problem, Search(steps=1), start=first)
    assert again.cost <= first.cost


@pytest.mark.parametrize("engine", [PyVrp(iterations=60), OrTools()], ids=["pyvrp", "or-tools"])
def test_engines_of_others_start_from_our_plan_and_pass_the_check(engine: Engine) -> None:
    """What they return is timed by our own schedule, and costs no more than their start."""
    problem = problem_with(25, 4, seed=6, depots=2, dimensions=2, tight=1.2)
    assert engine.misfit(problem) == ""
    first = plan(problem, Search(steps=1))
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
    alone = plan(problem)
    for engine in (Cheat(), Broken()):
        found = plan(problem, Search(steps=STEPS), engine)
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
        ones.append(plan(problem, Search(steps=2000), seed=seed).cost)
        cooled.append(in_steps(problem, parts, 2000).cost)
    assert in_steps(problem, parts, 2000).cost == cooled[-1]
    assert sum(cooled) <= 1.02 * sum(ones)


def test_a_part_of_a_search_has_its_part_of_the_cooling() -> None:
    search = Search()
    halves = [search.within(Part(0.0, 0.5)), search.within(Part(0.5, 1.0))]
    assert (halves[0].hot, halves[1].cold) == pytest.approx((search.hot, search.cold))
    assert halves[0].cold == pytest.approx(halves[1].hot)
    assert search.within(WHOLE) == search


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
        problem, plan(problem), seed=0, deadline=time.monotonic() + HOUR_S, on_better=lambda _: None,
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
    planned_by(problem, plan(problem), (Asked("own"), Asked("other")), 2)
    assert {call[3] for call in calls} == {warm}


def dear(problem: Problem) -> Problem:
    """A vehicle costs more than all ways."""
    return replace(problem, vehicles=replace(problem.vehicles, fixed_cost=np.full(len(problem.vehicles.ids), 1e7)))


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
            problem, plan(problem), seed=0, deadline=time.monotonic() + HOUR_S, on_better=lambda _: None,
            cancelled=lambda: False,
        )  # fmt: skip
        assert ran[0] == ("a", 0.3, 0), "the opening"
        assert sorted(ran[1:], key=lambda one: one[2]) == wanted


def test_vehicles_are_enough_where_one_more_costs_more_than_all_ways() -> None:
    """Not where it may pay, where vehicles differ, or where none drives."""
    cheap = problem_with(12, 3)
    found = plan(dear(cheap))
    assert vehicles_enough(dear(cheap), found) == len(found.routes)
    assert vehicles_enough(cheap, plan(cheap)) is None
    differ = dear(cheap)
    differ = replace(differ, vehicles=replace(differ.vehicles, fixed_cost=np.array([1e7, 1e7, 2e7])))
    assert vehicles_enough(differ, plan(differ)) is None
    assert vehicles_enough(dear(cheap), replace(found, routes=(), cost=0.0)) is None


@pytest.mark.parametrize("seed", range(3))
def test_pyvrp_shortens_the_ways_of_no_more_vehicles(seed: int) -> None:
    """It has as many as our plan; with all of them, one that costs so much is all that it looks at."""
    problem = dear(problem_with(60, 10, seed=seed, tight=1.5))
    first = plan(problem, Search(steps=1))
    found = PyVrp(iterations=300).improve(
        problem, first, seed=seed, deadline=time.monotonic() + HOUR_S, on_better=lambda _: None, cancelled=lambda: False
    )
    assert found is not None
    assert check(problem, found) == []
    assert len(found.routes) <= len(first.routes)
    assert found.cost < first.cost
    data, _ = data_of(pytest.importorskip("pyvrp"), problem, len(first.routes))
    assert data.num_vehicles == len(first.routes)


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


def reasons(problem: Problem) -> dict[int, Reason]:
    return {drop.stop: drop.reason for drop in plan(problem).dropped}


def test_every_stop_left_out_has_its_reason() -> None:
    """One stop a reason, in a small world where nothing else is wrong."""
    problem = problem_with(8, 2, seed=1, tight=3.0)
    stops, d = problem.stops, problem.depots
    skills, delivery, closes, opens = (
        stops.skills.copy(),
        stops.delivery.copy(),
        stops.closes.copy(),
        stops.opens.copy(),
    )
    penalty, duration = stops.penalty.copy(), problem.duration.copy()
    skills[0] = 4
    delivery[1] = problem.vehicles.capacity.max() + 1
    opens[2], closes[2] = 0, 60
    penalty[3] = 1.0
    duration[:, :, d + 4] = FAR
    strict = replace(stops, skills=skills, delivery=delivery, opens=opens, closes=closes, penalty=penalty)
    assert reasons(replace(problem, stops=strict, duration=duration)) == {
        0: Reason.NO_VEHICLE_HAS_SKILLS,
        1: Reason.ABOVE_EVERY_CAPACITY,
        2: Reason.OUT_OF_REACH,
        3: Reason.NOT_WORTH_IT,
        4: Reason.OUT_OF_REACH,
    }


def test_a_fleet_that_is_too_small_leaves_out_the_stops_of_the_least_priority() -> None:
    """Room for three of six equal stops: the three of a higher priority are served."""
    problem = problem_with(6, 1, seed=2)
    ones = np.ones((6, 1), np.int64)
    wide = np.full((6, 1), 18 * 3600)
    stops = replace(problem.stops, delivery=ones, opens=ones * 0, closes=wide, priority=np.array([0, 5, 0, 5, 0, 5]))
    vehicles = replace(problem.vehicles, capacity=np.array([[3]]))
    found = plan(replace(problem, stops=stops, vehicles=vehicles))
    assert {drop.stop: drop.reason for drop in found.dropped} == dict.fromkeys((0, 2, 4), Reason.CAPACITY)


def broken(found: Plan, **changes: object) -> Plan:
    return replace(found, routes=(replace(found.routes[0], **changes), *found.routes[1:]))


def test_the_checker_finds_what_is_wrong() -> None:
    """Each promise broken once."""
    problem = problem_with(12, 3)
    found = plan(problem)
    route = found.routes[0]
    assert check(problem, found) == []

    def says(wrong: Plan, words: str, of: Problem = problem) -> None:
        assert any(words in sentence for sentence in check(of, wrong)), check(of, wrong)

    def with_vehicles(**columns: object) -> Problem:
        return replace(problem, vehicles=replace(problem.vehicles, **columns))

    says(replace(found, routes=found.routes[1:]), "0 times")
    says(broken(found, arrivals=(route.leaves, *route.arrivals[1:])), "sooner than it can")
    says(broken(found, begins=(route.arrivals[0] - 1, *route.begins[1:])), "before it arrives")
    says(broken(found, begins=(10**7, *route.begins[1:])), "none of its windows")
    says(broken(found, departures=(route.begins[0], *route.departures[1:])), "before its service is over")
    says(broken(found, ends=route.departures[-1]), "sooner than it can")
    says(broken(found, distance=1), "its arcs have")
    says(broken(found, load=(0,)), "it starts with")
    says(broken(found, cost=0.0), "it costs")
    says(broken(found, vehicle=77), "not known")
    says(found, "above its capacity", with_vehicles(capacity=np.ones((3, 1), np.int64)))
    says(found, "its shift", with_vehicles(closes=np.full(3, 8 * 3600)))
    says(found, "at most 100", with_vehicles(distance_max=np.full(3, 100)))
    says(found, "works", with_vehicles(duration_max=np.full(3, 100)))
    says(found, "stops, at most 1", with_vehicles(stops_max=np.ones(3, np.int64)))
    says(found, "lacks a skill", replace(problem, stops=replace(problem.stops, skills=np.full(12, 2))))
    closed = problem.duration.copy()
    closed[0, 0, :] = FAR
    says(found, "closed", replace(problem, duration=closed))


def test_given_orders_are_timed_and_what_does_not_fit_is_left_out() -> None:
    """An order against the windows is not an error."""
    problem = problem_with(10, 2, seed=3, tight=1.5)

    def orders(stops: Sequence[int]) -> list[list[int]]:
        return [list(stops[:5]), list(stops[5:])]

    late_first = np.argsort(-problem.stops.opens[:, 0])
    found = timed(problem, orders(late_first.tolist()))
    assert check(problem, found) == []
    assert found.dropped
    good = plan(problem)
    by_vehicle: list[list[int]] = [[], []]
    for route in good.routes:
        by_vehicle[route.vehicle] = list(route.stops)
    assert timed(problem, by_vehicle).cost == pytest.approx(good.cost)
