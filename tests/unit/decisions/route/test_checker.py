"""The check in words: every promise that is broken is a sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from route_plans import planned, with_route
from routing_worlds import problem_with

from serving.decisions.route.checker import check
from serving.decisions.route.problem import FAR, Plan, Problem
from serving.decisions.route.progress import progress_at
from serving.decisions.route.replan import replan
from serving.decisions.route.search import Search


def test_the_checker_finds_what_is_wrong() -> None:
    """Each promise broken once."""
    problem = problem_with(12, 3)
    found = planned(problem)
    route = found.routes[0]
    assert check(problem, found) == []

    def says(wrong: Plan, words: str, of: Problem = problem) -> None:
        assert any(words in sentence for sentence in check(of, wrong)), check(of, wrong)

    def with_vehicles(**columns: object) -> Problem:
        return replace(problem, vehicles=replace(problem.vehicles, **columns))

    says(replace(found, routes=found.routes[1:]), "0 times")
    says(with_route(found, 0, arrivals=(route.leaves, *route.arrivals[1:])), "sooner than it can")
    says(with_route(found, 0, begins=(route.arrivals[0] - 1, *route.begins[1:])), "before it arrives")
    says(with_route(found, 0, begins=(10**7, *route.begins[1:])), "none of its windows")
    says(with_route(found, 0, departures=(route.begins[0], *route.departures[1:])), "before its service is over")
    says(with_route(found, 0, ends=route.departures[-1]), "sooner than it can")
    says(with_route(found, 0, distance=1), "its arcs have")
    says(with_route(found, 0, load=(0,)), "it starts with")
    says(with_route(found, 0, cost=0.0), "it costs")
    says(with_route(found, 0, vehicle=77), "not known")
    says(found, "above its capacity", with_vehicles(capacity=np.ones((3, 1), np.int64)))
    says(found, "its shift", with_vehicles(closes=np.full(3, 8 * 3600)))
    says(found, "at most 100", with_vehicles(distance_max=np.full(3, 100)))
    says(found, "works", with_vehicles(duration_max=np.full(3, 100)))
    says(found, "stops, at most 1", with_vehicles(stops_max=np.ones(3, np.int64)))
    says(found, "lacks a skill", replace(problem, stops=replace(problem.stops, skills=np.full(12, 2))))
    closed = problem.duration.copy()
    closed[0, 0, :] = FAR
    says(found, "closed", replace(problem, duration=closed))


def test_words_are_said_where_times_are_missing_on_the_way() -> None:
    """A route with fewer times than stops is a sentence, not a failure, with progress too."""
    problem = problem_with(20, 3, seed=1, tight=1.5)
    plan = planned(problem, Search(steps=60))
    progress = progress_at(problem, plan, 12 * 3600)
    found = replan(problem, plan, 12 * 3600)
    broken = with_route(found, 0, begins=found.routes[0].begins[:-1])
    assert any("equally many" in sentence for sentence in check(replace(problem, progress=progress), broken))
