"""Why a stop is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from route_plans import planned
from routing_worlds import problem_with

from serving.decisions.route.problem import FAR, Problem, Reason


def reasons(problem: Problem) -> dict[int, Reason]:
    return {drop.stop: drop.reason for drop in planned(problem).dropped}


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
    found = planned(replace(problem, stops=stops, vehicles=vehicles))
    assert {drop.stop: drop.reason for drop in found.dropped} == dict.fromkeys((0, 2, 4), Reason.CAPACITY)
