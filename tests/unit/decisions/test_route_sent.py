"""What is wrong with something that a change brings is named by its place among the changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from planners import planner
from towns import GLOBE, LINE, changed

from serving.core.clock import NEVER
from serving.core.errors import InvalidInput
from serving.decisions.route.problem import DIMENSIONS_MAX, LOAD_MAX, PRIORITY_MAX, SKILLS_MAX, TIME_MAX, WINDOWS_MAX
from serving.decisions.route.sent import as_sent
from serving.transport.routing_codec import decode_replan
from storegate.v1 import routing_pb2 as pb

TOWN = changed(GLOBE, "vehicles.0.capacities", ["9"])
AT = {"latitude": 51.505, "longitude": -0.11}
NEW = {"newStop": {"stopId": "new", "point": AT}}
CANCELLED = {"cancelledStopId": "a"}


def refused(town: dict[str, Any], *changes: dict[str, Any]) -> InvalidInput:
    request = json_format.ParseDict({"problem": town, "changes": changes}, pb.ReplanRoutesRequest())
    with pytest.raises(InvalidInput) as told:
        planner().replan(decode_replan(request.SerializeToString()), NEVER)
    error = told.value
    assert error.facts["field"] == error.field
    assert error.message == str(error) == f"{error.field}: got {error.facts['value']}, expected {error.expected}"
    return error


def windows(*times: int) -> list[dict[str, int]]:
    return [{"startS": start, "endS": end} for start, end in zip(times[::2], times[1::2], strict=True)]


@pytest.mark.parametrize(
    ("wrong", "field", "reason"),
    [
        ({"stopId": "a"}, "stop_id", "REPEATED_ID"),
        ({"stopId": "new"}, "stop_id", "REPEATED_ID"),
        ({"stopId": "hub"}, "stop_id", "REPEATED_ID"),
        ({"stopId": ""}, "stop_id", ""),
        ({"stopId": "x" * 257}, "stop_id", ""),
        ({"stopId": "line\nbreak"}, "stop_id", ""),
        ({"stopId": "nul\0nul"}, "stop_id", ""),
        ({"point": {"latitude": 90.5}}, "point.latitude", ""),
        ({"point": {"longitude": "Infinity"}}, "point.longitude", ""),
        ({"point": {"latitude": "NaN"}}, "point.latitude", ""),
        ({"point": {"longitude": "NaN"}}, "point.longitude", ""),
        ({"point": None}, "point", ""),
        ({"windows": windows(9, 8)}, "windows[0].end_s", "WINDOW_CLOSES_BEFORE"),
        ({"windows": windows(-1, 8)}, "windows[0].start_s", ""),
        ({"windows": windows(0, 8, 9, TIME_MAX + 1)}, "windows[1].end_s", ""),
        ({"windows": windows(0, 8, 8, 9)}, "windows[1].start_s", ""),
        ({"windows": windows(*range(2 * WINDOWS_MAX + 2))}, "windows", ""),
        ({"serviceS": -1}, "service_s", ""),
        ({"serviceS": TIME_MAX + 1}, "service_s", ""),
        ({"priority": -1}, "priority", ""),
        ({"priority": PRIORITY_MAX + 1}, "priority", ""),
        ({"dropPenalty": -1}, "drop_penalty", ""),
        ({"dropPenalty": "NaN"}, "drop_penalty", ""),
        ({"dropPenalty": "Infinity"}, "drop_penalty", ""),
        ({"skills": ["lift", ""]}, "skills[1]", ""),
        ({"skills": [f"{number}" for number in range(SKILLS_MAX + 1)]}, f"skills[{SKILLS_MAX}]", ""),
        ({"deliveries": ["10"]}, "deliveries", "ABOVE_EVERY_CAPACITY"),
        ({"pickups": ["10"]}, "pickups", "ABOVE_EVERY_CAPACITY"),
        ({"deliveries": ["-1"]}, "deliveries[0]", ""),
        ({"pickups": [f"{LOAD_MAX + 1}"]}, "pickups[0]", ""),
        ({"deliveries": ["1", "1"]}, "deliveries", ""),
        ({"deliveries": ["1"], "pickups": ["1", "1", "1"]}, "pickups", ""),
        ({"pickups": ["1"] * (DIMENSIONS_MAX + 1)}, "pickups", ""),
    ],
)
def test_a_new_stop_is_called_by_its_change(wrong: dict[str, Any], field: str, reason: str) -> None:
    """Behind another one, and a change that brings nothing."""
    stop = {name: value for name, value in ({"stopId": "bad", "point": AT} | wrong).items() if value is not None}
    error = refused(TOWN, CANCELLED, NEW, {"newStop": stop})
    assert (error.field, error.reason) == (f"changes[2].new_stop.{field}", reason or "INVALID_FIELD")
    first = "changes[1]" if stop["stopId"] == "new" else "changes[0]"
    assert refused(TOWN, {"newStop": stop}, NEW).field == f"{first}.new_stop.{field}"


def roads(size: int, *cells: tuple[int, float | str]) -> dict[str, Any]:
    """LINE with a matrix of `size` places, 7 m apart but where said otherwise."""
    metres: list[Any] = (7.0 * (1 - np.eye(size))).ravel().tolist()
    for cell, value in cells:
        metres[cell] = value
    return LINE | {"profiles": [{"matrix": {"distancesM": metres, "symmetric": all(cell != 19 for cell, _ in cells)}}]}


@pytest.mark.parametrize(
    ("cells", "field", "reason"),
    [
        ([(9, "NaN")], "[9] (stops[0] to changes[1].new_stop)", "INVALID_FIELD"),
        ([(21, -1)], "[21] (changes[1].new_stop to stops[0])", "INVALID_FIELD"),
        ([(24, 1)], "[24] (changes[1].new_stop to itself)", "INVALID_FIELD"),
        ([(9, 8)], "[21] (changes[1].new_stop to stops[0])", "NOT_SYMMETRIC"),
        ([(cell, "Infinity") for cell in (4, 9, 14, 19)], ": changes[1].new_stop", "UNREACHABLE_STOP"),
    ],
)
def test_so_it_is_where_it_stands_in_a_matrix(cells: list[tuple[int, Any]], field: str, reason: str) -> None:
    """Five places: hub, a, b, c, and the new one."""
    error = refused(roads(5, *cells), CANCELLED, {"newStop": {"stopId": "new"}})
    assert (error.field, error.reason) == (f"profiles[0].matrix.distances_m{field}", reason)


def test_the_problem_s_own_keep_their_names() -> None:
    assert refused(changed(TOWN, "stops.1.priority", -1), NEW).field == "stops[1].priority"
    assert refused(changed(TOWN, "stops.1.deliveries", ["1", "1"]), NEW).field == "vehicles[0].capacities"
    road = {"fromId": "a", "toId": "a"}
    assert refused(TOWN | {"closedRoads": [road]}, {"closedRoad": road}).field == "closed_roads[0].to_id"


@pytest.mark.parametrize(
    ("road", "field"),
    [({"fromId": "moon", "toId": "a"}, "from_id"), ({"fromId": "a"}, "to_id"), ({"fromId": "b", "toId": "b"}, "to_id")],
)
def test_a_road_that_closes_is_called_by_its_change(road: dict[str, Any], field: str) -> None:
    town = TOWN | {"closedRoads": [{"fromId": "a", "toId": "b"}]}
    good = {"closedRoad": {"fromId": "hub", "toId": "new"}}
    assert refused(town, NEW, good, {"closedRoad": road}).field == f"changes[2].closed_road.{field}"


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("stops[2].windows[3].end_s", "stops[2].windows[3].end_s"),
        ("stops[3].windows[4].end_s", "changes[1].new_stop.windows[4].end_s"),
        ("profiles[4].table_server: stops[4]", "profiles[4].table_server: changes[7].new_stop"),
        ("distances_m[9] (stops[4] to stops[3])", "distances_m[9] (changes[7].new_stop to changes[1].new_stop)"),
        ("stops[5].stop_id", "stops[5].stop_id"),
        ("closed_roads[0]", "closed_roads[0]"),
        ("closed_roads[1].to_id", "changes[0].closed_road.to_id"),
        ("stops", "stops"),
        ("vehicles[3].stops_max", "vehicles[3].stops_max"),
    ],
)
def test_only_what_came_by_a_change_is_renamed(field: str, named: str) -> None:
    """What is shown of the value, and expected, stays as it is: it may look like a name."""
    error = InvalidInput(field, "stops[3]", "closed_roads[1]", reason="WHY")
    told = as_sent(error, (3, ("changes[1].new_stop", "changes[7].new_stop")), (1, ("changes[0].closed_road",)))
    assert told.field == told.facts["field"] == named
    assert told.message == str(told) == f"{named}: got 'stops[3]', expected closed_roads[1]"
    assert (told.facts["value"], told.expected, told.reason) == ("'stops[3]'", "closed_roads[1]", "WHY")
