"""From a request to a Problem: what is made of it, and how much of it there may be."""

from __future__ import annotations

import math
from typing import Any

import pytest
from towns import LINE, changed, message, problem_of, refused

from serving.core.errors import InvalidInput
from serving.decisions.route.building import check_seconds, check_sizes
from serving.decisions.route.params import Limits
from serving.decisions.route.problem import ANYWHERE
from serving.transport.routing_codec import decode_plan


def test_a_problem_is_what_was_asked() -> None:
    town = changed(LINE, "stops.1.windows", [{"startS": 100, "endS": 200}, {"startS": 300, "endS": 400}])
    town = changed(town, "stops.2.skills", ["cold", "stairs"])
    town = changed(town, "vehicles.0.skills", ["stairs", "cold", "night"])
    town = changed(town, "vehicles.1.endsAnywhere", True)
    town = changed(town, "stops.0.dropPenalty", 7.5)
    problem = problem_of(town)
    stops, vehicles = problem.stops, problem.vehicles
    assert stops.ids == ("a", "b", "c")
    assert stops.delivery.tolist() == [[2], [2], [2]]
    assert stops.opens[1].tolist() == [100, 300]
    assert stops.closes[1].tolist() == [200, 400]
    assert stops.opens[0, 0] == stops.opens[0, 1] == 0, "one without a window has its only one twice"
    assert stops.penalty.tolist() == [7.5, math.inf, math.inf]
    assert stops.skills[2] & ~vehicles.skills[0] == 0
    assert stops.skills[2] & ~vehicles.skills[1] != 0
    assert vehicles.end.tolist() == [0, ANYWHERE]
    assert vehicles.capacity.tolist() == [[10], [3]]
    assert vehicles.cost_per_metre.tolist() == [1.0, 1.0], "without costs, metres count"
    assert problem.distance.shape == (1, 4, 4)
    assert problem.duration[0, 0].tolist() == [0, 10, 20, 30]
    assert problem.speed is None


WRONG = [
    ("depots.0.hours", {"startS": 9, "endS": 8}, "depots[0].hours.end_s"),
    ("profiles", [{"name": "x" * 200}], "profiles[0].name"),
    ("requestId", "x" * 300, "request_id"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=lambda each: str(each)[:40])
def test_what_is_wrong_in_a_request_is_named(path: str, value: Any, field: str) -> None:
    assert refused(changed(LINE, path, value)).field == field


def test_a_town_that_is_too_large_is_refused_with_the_limit() -> None:
    limits = Limits()
    for counts, said in (
        ((1, 1, 1001, 0), "1 to 1000"), ((1, 0, 1, 0), "1 to 500"), ((0, 1, 1, 0), "1 to 100"), ((1, 1, 0, 0), "1000"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match=said):
            check_sizes(limits, *counts)
    huge = message(LINE)
    huge.stops.extend([huge.stops[0]] * 100_000)
    with pytest.raises(InvalidInput, match="at most 5000") as error:
        decode_plan(huge.SerializeToString())
    assert error.value.field == "stops"


@pytest.mark.parametrize("seconds", [-1.0, 121.0, math.nan, math.inf])
def test_a_time_that_cannot_be_had_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidInput, match="time_limit_s"):
        check_seconds(Limits(), seconds)
    assert check_seconds(Limits(), 0.0) == Limits().seconds
