"""The kernels of routes against plain Python that tries everything."""

from __future__ import annotations

import numpy as np
import pytest
from routing_worlds import problem_with, rich_problem

from serving.decisions.route.arrays import Arrays, arrays_of, empty_state, load_routes, write_route
from serving.decisions.route.problem import Problem
from serving.decisions.route.search import Run, Search, total
from serving.kernels.route_draws import generator, uniform
from serving.kernels.route_insert import best_place, best_places
from serving.kernels.route_local import descend
from serving.kernels.route_ruin import construct
from serving.kernels.route_state import arrive, leave


def drive(duration: int, speed: np.ndarray, t: int) -> int:
    """Second by second."""
    way, now = float(duration), t
    while way > 1e-9:
        way -= speed[now // 3600 % 24]
        now += 1
    return now


def test_travel_by_hour_is_what_second_by_second_driving_gives() -> None:
    """Forward to a second; and `leave` is the last second from which the arrival is kept."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        speed, t = rng.uniform(0.3, 1.5, (1, 24)), int(rng.integers(0, 90_000))
        duration = np.full((1, 2, 2), rng.integers(1, 9_000), np.int32)
        there = arrive(duration, speed, True, 0, 0, 1, t)
        assert abs(there - drive(int(duration[0, 0, 1]), speed[0], t)) <= 1 + len(speed[0]) // 24
        latest = leave(duration, speed, True, 0, 0, 1, there)
        assert latest >= t
        assert arrive(duration, speed, True, 0, 0, 1, latest) <= there
        assert arrive(duration, speed, True, 0, 0, 1, latest + 1) > there


def routed(problem: Problem, seed: int) -> tuple[Arrays, Run]:
    """A plan with a third of the stops taken out again."""
    arrays = arrays_of(problem)
    run = Run(arrays, seed, None)
    rng = np.random.default_rng(seed)
    gone = set(rng.choice(len(problem.stops.ids), len(problem.stops.ids) // 3, replace=False).tolist())
    gone |= {int(problem.stops.partner[stop]) for stop in gone}
    kept = []
    for v, stops in enumerate(run.routes()):
        left = [stop for stop in stops if stop not in gone]
        # without a stop between them, two others may have a closed road between them: then all stay
        kept.append(left if np.isfinite(cost_with(arrays, v, left)) else stops)
    assert load_routes(arrays, run.current, kept)
    return arrays, run


def cost_with(arrays: Arrays, v: int, stops: list[int]) -> float:
    """Of one route, from nothing; inf = infeasible."""
    state = empty_state(arrays)
    return float(state.cost[v]) if write_route(arrays, state, v, stops) else np.inf


@pytest.mark.parametrize("speed", [False, True], ids=["even", "by-hour"])
@pytest.mark.parametrize("seed", range(4))
def test_the_best_place_is_the_best_of_all_places(seed: int, speed: bool) -> None:
    """O(1) feasibility and cost against whole routes built anew, for stops and for shipments."""
    problem = rich_problem(seed, speed=speed)
    arrays, run = routed(problem, seed)
    world, state, d = arrays.world, run.current, arrays.world.depots
    routes = [(state.seq[v, 1 : state.count[v] + 1] - d).tolist() for v in range(len(state.count))]
    tried, work = np.zeros(int(world.kind.max()) + 1, np.int64), np.zeros(state.seq.shape[1] + 4, np.int32)
    for stamp, stop in enumerate(np.flatnonzero(state.vehicle[d:] < 0).tolist(), 1):
        other, expected = int(problem.stops.partner[stop]), np.inf
        if other >= 0 and not world.leads[stop + d]:
            continue
        for v, stops in enumerate(routes):
            if not world.allowed[v, stop + d] or (other >= 0 and not world.allowed[v, other + d]):
                continue
            for at in range(len(stops) + 1):
                one = [*stops[:at], stop, *stops[at:]]
                ways = [one] if other < 0 else [[*one[:to], other, *one[to:]] for to in range(at + 1, len(one) + 1)]
                for way in ways:
                    expected = min(expected, cost_with(arrays, v, way) - float(state.cost[v]))
        args = (0.0, run.rng, tried, stamp, work)
        if other < 0:
            found = best_place(world, state, stop + d, *args)[0]
        else:
            found = best_places(world, state, stop + d, other + d, *args)[0]
        # what waiting saves is not counted: a stop never makes the day shorter there
        paid = bool(world.paid.any())
        assert (found >= expected - 1e-6) if paid else found == pytest.approx(expected)
        assert np.isfinite(found) == np.isfinite(expected)


@pytest.mark.parametrize("seed", range(4))
def test_the_search_counts_its_cost_right(seed: int) -> None:
    """After many rounds, the running total is the cost of the routes built anew, and of what they leave out."""
    problem = rich_problem(seed) if seed % 2 else problem_with(40, 5, seed=seed)
    arrays = arrays_of(problem)
    run = Run(arrays, seed, None)
    run.round(Search(), run.mean_arc(), 0.0, 0.5, 200)
    assert run.numbers[0] == pytest.approx(total(arrays, run.current))
    again = empty_state(arrays)
    assert load_routes(arrays, again, run.routes())
    assert run.numbers[1] == pytest.approx(total(arrays, again))
    assert (run.current.vehicle == run.trial.vehicle).all()
    assert (run.current.count == run.trial.count).all()


@pytest.mark.parametrize("seed", range(4))
def test_local_search_saves_what_it_says_and_leaves_no_stop_with_a_better_place(seed: int) -> None:
    """On routes in a bad order: feasible afterwards, the saving is the difference, and moving no single stop helps."""
    problem = problem_with(18, 4, seed=seed, tight=1.6)
    arrays = arrays_of(problem)
    state = empty_state(arrays)
    construct(arrays.world, state, 0, generator(seed))
    before = total(arrays, state)
    saved = descend(arrays.world, state, 50)
    assert saved > 0
    assert total(arrays, state) == pytest.approx(before - saved)
    d = arrays.world.depots
    routes = [(state.seq[v, 1 : state.count[v] + 1] - d).tolist() for v in range(len(state.count))]
    again = empty_state(arrays)
    assert load_routes(arrays, again, routes)
    assert total(arrays, again) == pytest.approx(total(arrays, state))
    best = total(arrays, state)
    for v, stops in enumerate(routes):
        for stop in stops:
            left = [s for s in stops if s != stop]
            for u, others in enumerate(routes):
                base = left if u == v else others
                for at in range(1, len(base) + 1):  # a place behind another stop
                    moved = [*base[:at], stop, *base[at:]]
                    change = cost_with(arrays, u, moved) - float(state.cost[u])
                    change += 0.0 if u == v else cost_with(arrays, v, left) - float(state.cost[v])
                    assert best + change >= best - 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_local_search_keeps_rich_plans_feasible(seed: int) -> None:
    """Costs by vehicle, skills, shipments that stay: the routes built anew are feasible and cost what it says."""
    problem = rich_problem(seed)
    arrays = arrays_of(problem)
    state = empty_state(arrays)
    construct(arrays.world, state, 0, generator(seed))
    before = total(arrays, state)
    saved = descend(arrays.world, state, 50)
    again, d = empty_state(arrays), arrays.world.depots
    routes = [(state.seq[v, 1 : state.count[v] + 1] - d).tolist() for v in range(len(state.count))]
    assert load_routes(arrays, again, routes)
    assert total(arrays, again) == pytest.approx(before - saved)


def test_draws_are_even_and_the_same_for_a_seed() -> None:
    first, again = generator(7), generator(7)
    values = [uniform(first) for _ in range(20_000)]
    assert values[:100] == [uniform(again) for _ in range(100)]
    assert 0.49 < float(np.mean(values)) < 0.51
    assert min(values) >= 0.0
    assert max(values) < 1.0
