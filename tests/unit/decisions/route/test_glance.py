"""The check at a glance finds fault with exactly the plans that the check in words does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from route_plans import planned, with_route
from routing_worlds import problem_with, rich_problem

from serving.decisions.route.checker import check, violations
from serving.decisions.route.glance import first_broken
from serving.decisions.route.problem import ANYWHERE, FAR, Dropped, Plan, Problem, Reason, Route
from serving.decisions.route.progress import progress_at
from serving.decisions.route.replan import replan
from serving.decisions.route.search import Search
from serving.kernels import route_check

NAMES = ("UNTOLD", "ONCE", "VEHICLE", "SHIFT", "TIME", "HOME", "LIMITS", "LOAD", "SHIPMENT", "DRIVEN", "COST")
ROUNDS = 2
Case = tuple[Problem, Plan]
Draw = np.random.Generator
Mutation = Callable[[Problem, Plan, Draw], Case]


def cases(seed: int, speed: bool) -> Iterator[Case]:
    """A plan, and what became of it on the way."""
    for problem in (rich_problem(seed, speed=speed), problem_with(30, 4, seed=seed, tight=1.5)):
        plan = planned(problem, Search(steps=60))
        yield problem, plan
        for now in (9 * 3600, 12 * 3600, 16 * 3600):
            late = {plan.routes[0].vehicle: 900}
            for alike in (False, True):
                progress = progress_at(problem, plan, now, late=late, interchangeable=alike)
                found = replan(problem, plan, now, late=late, interchangeable=alike)
                yield replace(problem, progress=progress), found


def drawn(plan: Plan, rng: Draw) -> tuple[int, Route, int]:
    """(number, route, one of its places)."""
    which = int(rng.integers(len(plan.routes)))
    route = plan.routes[which]
    return which, route, int(rng.integers(len(route.stops)))


def moved_time(name: str) -> Mutation:
    """A little sooner or later; now and then beyond what a clock has."""

    def mutation(problem: Problem, plan: Plan, rng: Draw) -> Case:
        which, route, at = drawn(plan, rng)
        by = int(rng.choice([-7200, -60, -1, 1, 60, 7200, 2**41, 2**70]))
        values = getattr(route, name)
        if isinstance(values, tuple):
            return problem, with_route(plan, which, **{name: (*values[:at], values[at] + by, *values[at + 1 :])})
        return problem, with_route(plan, which, **{name: values + by})

    return mutation


def changed_stops(name: str, values: tuple[float, ...]) -> Mutation:
    """Of a visited stop, one of a row's numbers becomes another."""

    def mutation(problem: Problem, plan: Plan, rng: Draw) -> Case:
        _, route, at = drawn(plan, rng)
        column = getattr(problem.stops, name).copy()
        row = column[route.stops[at] : route.stops[at] + 1].reshape(-1)
        row[rng.integers(len(row))] += rng.choice(values)
        return replace(problem, stops=replace(problem.stops, **{name: column})), plan

    return mutation


def changed_vehicles(name: str, values: tuple[float, ...]) -> Mutation:
    """Likewise of a vehicle that drives."""

    def mutation(problem: Problem, plan: Plan, rng: Draw) -> Case:
        route = drawn(plan, rng)[1]
        column = getattr(problem.vehicles, name).copy()
        row = column[route.vehicle : route.vehicle + 1].reshape(-1)
        row[rng.integers(len(row))] = rng.choice(values)
        return replace(problem, vehicles=replace(problem.vehicles, **{name: column})), plan

    return mutation


def elsewhere(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """A vehicle begins, ends or drives another way."""
    v = drawn(plan, rng)[1].vehicle
    name, values = [
        ("start", range(problem.depots)), ("end", [ANYWHERE, *range(problem.depots)]),
        ("profile", range(len(problem.distance))),
    ][rng.integers(3)]  # fmt: skip
    column = getattr(problem.vehicles, name).copy()
    column[v] = rng.choice(values)
    return replace(problem, vehicles=replace(problem.vehicles, **{name: column})), plan


def tight_vehicle(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """Limits that a route just keeps, or just does not."""
    route, less = drawn(plan, rng)[1], int(rng.integers(-1, 2))
    name, used = [
        ("stops_max", len(route.stops)), ("distance_max", route.distance), ("duration_max", route.duration),
        ("opens", route.leaves), ("closes", route.ends), ("closes", route.leaves),
    ][rng.integers(6)]  # fmt: skip
    column = getattr(problem.vehicles, name).copy()
    column[route.vehicle] = used + less
    return replace(problem, vehicles=replace(problem.vehicles, **{name: column})), plan


def tight_depot(problem: Problem, plan: Plan, rng: Draw) -> Case:
    route, less = drawn(plan, rng)[1], int(rng.integers(-1, 2))
    opens, closes = problem.depot_opens.copy(), problem.depot_closes.copy()
    opens[problem.vehicles.start[route.vehicle]] = route.leaves + less
    if rng.random() < 0.5:
        opens[:] = 0
        closes[problem.vehicles.end[route.vehicle]] = route.ends + less
    return replace(problem, depot_opens=opens, depot_closes=closes), plan


def changed_way(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """An arc of the route, its last one too, takes longer, is longer, or is closed."""
    _, route, at = drawn(plan, rng)
    v, d = route.vehicle, problem.depots
    nodes = [int(problem.vehicles.start[v]), *(d + stop for stop in route.stops)]
    if problem.vehicles.end[v] != ANYWHERE:
        nodes.append(int(problem.vehicles.end[v]))
    at = int(rng.integers(len(nodes) - 1))
    name = ("distance", "duration")[rng.integers(2)]
    matrix = getattr(problem, name).copy()
    matrix[:, nodes[at], nodes[at + 1]] = FAR if rng.random() < 0.4 else matrix[0, nodes[at], nodes[at + 1]] + 1
    return replace(problem, **{name: matrix}), plan


def swapped(problem: Problem, plan: Plan, rng: Draw) -> Case:
    which, route, at = drawn(plan, rng)
    stops, other = list(route.stops), int(rng.integers(len(route.stops)))
    stops[at], stops[other] = stops[other], stops[at]
    return problem, with_route(plan, which, stops=tuple(stops))


def replaced(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """Another stop, or none that there is, in a place."""
    which, route, at = drawn(plan, rng)
    stop = int(rng.choice([-1, len(problem.stops.ids), int(rng.integers(len(problem.stops.ids)))]))
    return problem, with_route(plan, which, stops=(*route.stops[:at], stop, *route.stops[at + 1 :]))


def exchanged(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """Two vehicles drive each other's stops."""
    one, other = rng.integers(len(plan.routes), size=2).tolist()
    first, second = plan.routes[one].vehicle, plan.routes[other].vehicle
    return problem, with_route(with_route(plan, one, vehicle=second), other, vehicle=first)


def another_vehicle(problem: Problem, plan: Plan, rng: Draw) -> Case:
    return problem, with_route(plan, drawn(plan, rng)[0], vehicle=int(rng.integers(-1, len(problem.vehicles.ids) + 1)))


def cut(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """A list of a route is too short."""
    which, route, at = drawn(plan, rng)
    name = ("stops", "arrivals", "begins", "departures", "load")[rng.integers(5)]
    return problem, with_route(plan, which, **{name: getattr(route, name)[:at]})


def without_route(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """Its stops are left out."""
    gone = plan.routes[rng.integers(len(plan.routes))]
    routes = tuple(route for route in plan.routes if route is not gone)
    dropped = (*plan.dropped, *(Dropped(stop, Reason.NOT_FOUND) for stop in gone.stops))
    return problem, replace(plan, routes=routes, dropped=dropped, routes_cost=sum(route.cost for route in routes))


def without_last(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """The last stop of a route is left out: all else may stay as it was, but the way."""
    which, route, _ = drawn(plan, rng)
    names = ("stops", "arrivals", "begins", "departures")
    shorter = with_route(plan, which, **{name: getattr(route, name)[:-1] for name in names})
    return problem, replace(shorter, dropped=(*plan.dropped, Dropped(route.stops[-1], Reason.NOT_FOUND)))


def fewer_dropped(problem: Problem, plan: Plan, rng: Draw) -> Case:
    return problem, replace(plan, dropped=plan.dropped[:-1])


def one_more_dropped(problem: Problem, plan: Plan, rng: Draw) -> Case:
    stop = int(rng.integers(-1, len(problem.stops.ids) + 1))
    return problem, replace(plan, dropped=(*plan.dropped, Dropped(stop, Reason.NOT_FOUND)))


def costs_more(problem: Problem, plan: Plan, rng: Draw) -> Case:
    by = float(rng.choice([1e-9, 1e-3, 1.0, np.nan]))
    if rng.random() < 0.5:
        return problem, replace(plan, routes_cost=plan.routes_cost + by)
    which, route, _ = drawn(plan, rng)
    return problem, with_route(plan, which, cost=route.cost + by)


def more_aboard(problem: Problem, plan: Plan, rng: Draw) -> Case:
    which, route, _ = drawn(plan, rng)
    load = [*route.load]
    load[rng.integers(len(load))] += int(rng.choice([-1, 1]))
    return problem, with_route(plan, which, load=tuple(load))


def full(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """Room for what a route starts with, or for one less."""
    route, capacity = drawn(plan, rng)[1], problem.vehicles.capacity.copy()
    capacity[route.vehicle] = np.array(route.load) - rng.integers(0, 2)
    return replace(problem, vehicles=replace(problem.vehicles, capacity=capacity)), plan


def paired(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """Two visited stops become a shipment without a load."""
    one, other = drawn(plan, rng)[1:], drawn(plan, rng)[1:]
    first, second = one[0].stops[one[1]], other[0].stops[other[1]]
    partner, carried = problem.stops.partner.copy(), problem.stops.carried.copy()
    for stop in (first, second, int(partner[first]), int(partner[second])):
        if stop >= 0:
            partner[stop], carried[stop] = -1, 0
    if first != second:
        partner[first], partner[second] = second, first
    return replace(problem, stops=replace(problem.stops, partner=partner, carried=carried)), plan


def otherwise_driven(problem: Problem, plan: Plan, rng: Draw) -> Case:
    """Something of the progress is another way."""
    progress = problem.progress
    if progress is None:
        return problem, plan
    route = drawn(plan, rng)[1]
    v, (ready, left, aboard, held) = route.vehicle, (
        each.copy() for each in (progress.ready, progress.left, progress.aboard, progress.held)
    )  # fmt: skip
    done, driven = list(progress.done), list(progress.driven)
    which = int(rng.integers(7))
    if which == 0:
        ready[v] += rng.choice([-60, 1, 60, 7200])
    elif which == 1:
        left[v] = rng.choice([-1, left[v] + 1, route.leaves])
    elif which == 2:
        aboard[route.stops[rng.integers(len(route.stops))]] = rng.integers(-2, len(left))
    elif which == 3:
        held[v, rng.integers(held.shape[1])] += rng.choice([1, 1000])
    elif which == 4:
        done[v], driven[v] = done[v][:-1], driven[v][:-1]
    elif which == 5 and driven[v]:
        driven[v] = (*driven[v][:-1], (driven[v][-1][0], driven[v][-1][1], driven[v][-1][2] + 1))
    else:  # a vehicle that stands there, has driven
        other = int(rng.integers(len(done)))
        done[other], driven[other] = done[v], driven[v]
    return replace(
        problem,
        progress=replace(
            progress, done=tuple(done), driven=tuple(driven), ready=ready, left=left, aboard=aboard, held=held
        ),
    ), plan


MUTATIONS: tuple[Mutation, ...] = (
    *(moved_time(name) for name in ("arrivals", "begins", "departures", "leaves", "ends", "distance")),
    *(changed_stops(name, (-1, 1, 60, 3600)) for name in ("opens", "closes", "service", "delivery", "pickup")),
    changed_stops("carried", (-3, 3)),
    changed_stops("skills", (1, 2)),
    *(changed_vehicles(name, (0, 1)) for name in ("skills", "capacity")),
    *(changed_vehicles(name, (0.0, 1.0)) for name in ("fixed_cost", "cost_per_metre", "cost_per_second")),
    elsewhere, tight_vehicle, tight_depot, changed_way, swapped, replaced, exchanged, another_vehicle, cut,
    without_route, without_last, fewer_dropped, one_more_dropped, costs_more, more_aboard, full, paired,
    otherwise_driven,
)  # fmt: skip


def compared(seed: int, speed: bool) -> Counter[int]:
    """How often each promise was the first that was found broken."""
    rng, met = np.random.default_rng(seed), Counter[int]()
    for problem, plan in cases(seed, speed):
        assert first_broken(problem, plan) == route_check.KEPT
        assert violations(problem, plan) == []
        for mutation in MUTATIONS:
            for _ in range(ROUNDS):
                changed, told = mutation(problem, plan, rng)
                found, words = first_broken(changed, told), violations(changed, told)
                if found == route_check.UNTOLD:
                    assert check(changed, told) == words
                else:
                    assert (found == route_check.KEPT) == (words == []), (seed, speed, mutation, found, words)
                met[found] += 1
    return met


def test_a_glance_doubts_exactly_the_plans_that_words_do() -> None:
    """Thousands of plans and problems with one thing changed: some feasible still, and every promise broken by some."""
    met = sum((compared(seed, speed) for seed in range(4) for speed in (False, True)), Counter[int]())
    assert met[route_check.KEPT] > 300
    expected = {getattr(route_check, name): name for name in NAMES}
    assert len(expected) == len(NAMES)
    assert {name for code, name in expected.items() if met[code] < 3} == set()
