"""The ways between the places of a request, and the roads that are closed."""

from __future__ import annotations

from typing import Any

import pytest
from towns import GLOBE, LINE, changed, problem_of, refused

from serving.decisions.route.matrix import Travels
from serving.decisions.route.problem import FAR


def test_closed_roads_are_too_far() -> None:
    problem = problem_of(LINE | {"closedRoads": [{"fromId": "hub", "toId": "b"}]})
    assert problem.distance[0, 0, 2] == problem.duration[0, 0, 2] == FAR
    assert problem.distance[0, 2, 0] == 200
    both = problem_of(LINE | {"closedRoads": [{"fromId": "hub", "toId": "b", "bothWays": True}]})
    assert both.distance[0, 2, 0] == FAR


def test_what_closes_a_road_for_one_does_not_close_it_for_all() -> None:
    """Kept tables are not written to."""
    travels = Travels(lambda: pytest.fail("no table is asked for"), 4)
    problem_of(GLOBE | {"closedRoads": [{"fromId": "hub", "toId": "a"}]}, travels)
    assert problem_of(GLOBE, travels).distance.max() < FAR


def test_two_kinds_of_vehicles_travel_differently() -> None:
    town = changed(LINE, "vehicles.1.profile", "bike")
    town["profiles"].append({"name": "bike", "matrix": {"distancesM": [1.0 - (i % 5 == 0) for i in range(16)]}})
    problem = problem_of(town)
    assert problem.vehicles.profile.tolist() == [0, 1]
    assert problem.distance[1, 0].tolist() == [0, 1, 1, 1]


WRONG = [
    ("stops.1.point", {"latitude": 91, "longitude": 0}, "stops[1].point.latitude"),
    ("stops.1.point", {"latitude": 0, "longitude": "Infinity"}, "stops[1].point.longitude"),
    ("stops.1.point", {"latitude": "NaN", "longitude": 0}, "stops[1].point.latitude"),
    ("closedRoads", [{"fromId": "a", "toId": "moon"}], "closed_roads[0].to_id"),
    ("closedRoads", [{"fromId": "a", "toId": "a"}], "closed_roads[0].to_id"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=lambda each: str(each)[:40])
def test_a_place_or_a_road_that_is_none_is_named(path: str, value: Any, field: str) -> None:
    assert refused(changed(LINE, path, value)).field == field
