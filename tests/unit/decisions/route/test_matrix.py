"""Distances and durations: what is made of each kind of travel, and every way in which it can be wrong, named."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from table_servers import table_server
from towns import GLOBE, LINE, changed, problem_of, refused

from serving.adapters.osrm_table import OsrmTable
from serving.core.clock import SystemClock
from serving.decisions.route.matrix import Travels
from serving.decisions.route.params import TableParams
from serving.decisions.route.problem import FAR
from serving.kernels.haversine import RADIUS_M


def test_great_circles_with_speeds_by_hour() -> None:
    """A hundredth of a degree of latitude, 1.5 times as far by road; half the speed in the rush hour."""
    speeds = [36.0] * 24
    speeds[8] = 18.0
    town = GLOBE | {"profiles": [{"greatCircle": {"speedsKmh": speeds, "detourFactor": 1.5}}]}
    problem = problem_of(town)
    metres = math.radians(0.01) * RADIUS_M * 1.5
    assert problem.distance[0, 0, 1] == round(metres)
    assert problem.speed is not None
    hour = problem.speed[0]
    assert problem.duration[0, 0, 1] / hour[9] == pytest.approx(metres / 10, abs=1)
    assert hour[9] / hour[8] == pytest.approx(2.0)


def test_without_a_profile_travel_is_along_great_circles_at_40_km_an_hour() -> None:
    problem = problem_of(GLOBE)
    assert problem.duration[0, 0, 1] == pytest.approx(math.radians(0.01) * RADIUS_M / 40 * 3.6, abs=1)


def test_a_table_server_is_asked_once_for_the_same_places_and_for_the_new_ones_alone() -> None:
    town = GLOBE | {"profiles": [{"tableServer": {}}]}
    town["stops"] = [{"stopId": f"s{i}", "point": {"latitude": 51.5 + 0.01 * i, "longitude": -0.1}} for i in range(7)]
    with table_server() as server:
        travels = Travels(lambda: OsrmTable(TableParams(url=server.url), SystemClock()), 4)
        first = problem_of(town, travels)
        assert np.array_equal(problem_of(town, travels).distance, first.distance)
        assert len(server.asked) == 1
        town["stops"].append({"stopId": "new", "point": {"latitude": 51.4, "longitude": -0.2}})
        grown = problem_of(town, travels)
        assert len(server.asked) == 3
        fresh = problem_of(town, Travels(lambda: OsrmTable(TableParams(url=server.url), SystemClock()), 0))
    assert np.array_equal(grown.distance, fresh.distance)
    assert np.array_equal(grown.duration, fresh.duration)
    assert np.array_equal(grown.distance[0, :8, :8], first.distance[0])


WRONG = [
    ("profiles.0.matrix.distancesM", [0.0] * 9, "profiles[0].matrix.distances_m"),
    ("profiles.0.matrix.durationsS", [0.0] * 15, "profiles[0].matrix.durations_s"),
    ("profiles.0.matrix.distancesM.1", -1, "profiles[0].matrix.distances_m[1] (depots[0] to stops[0])"),
    ("profiles.0.matrix.distancesM.1", "NaN", "profiles[0].matrix.distances_m[1] (depots[0] to stops[0])"),
    ("profiles.0.matrix.durationsS.1", -1, "profiles[0].matrix.durations_s[1] (depots[0] to stops[0])"),
    ("profiles.0.matrix.durationsS.1", "NaN", "profiles[0].matrix.durations_s[1] (depots[0] to stops[0])"),
    ("profiles.0.matrix.durationsS.1", 11, "profiles[0].matrix.durations_s[4] (stops[0] to depots[0])"),
    ("profiles.0.matrix.distancesM.5", 3, "profiles[0].matrix.distances_m[5] (stops[0] to itself)"),
    ("profiles.0.matrix.distancesM.1", 101, "profiles[0].matrix.distances_m[4] (stops[0] to depots[0])"),
    ("profiles.0.speedFactors", [1.0] * 23, "profiles[0].speed_factors"),
    ("profiles.0.speedFactors", [0.0] * 24, "profiles[0].speed_factors[0]"),
    ("profiles", [{"greatCircle": {}}], "depots[0].point"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=lambda each: str(each)[:40])
def test_a_way_that_is_wrong_is_named(path: str, value: Any, field: str) -> None:
    assert refused(changed(LINE, path, value)).field == field


@pytest.mark.parametrize(
    ("travel", "field"),
    [
        ({"speedsKmh": [30, 30]}, "profiles[0].great_circle.speeds_kmh"),
        ({"speedsKmh": [0]}, "profiles[0].great_circle.speeds_kmh[0]"),
        ({"speedsKmh": ["NaN"]}, "profiles[0].great_circle.speeds_kmh[0]"),
        ({"detourFactor": 0.5}, "profiles[0].great_circle.detour_factor"),
    ],
)
def test_a_speed_that_is_none_is_named(travel: dict[str, Any], field: str) -> None:
    assert refused(GLOBE | {"profiles": [{"greatCircle": travel}]}).field == field


def test_a_stop_that_nobody_can_come_to_is_named() -> None:
    """One road that is closed is no error; all of them are."""
    distances = [*LINE["profiles"][0]["matrix"]["distancesM"]]
    matrix = {"distancesM": distances}
    distances[1] = "Infinity"
    assert problem_of(LINE | {"profiles": [{"matrix": matrix}]}).distance[0, 0, 1] == FAR
    distances[9] = distances[13] = "Infinity"
    error = refused(LINE | {"profiles": [{"matrix": matrix}]})
    assert "stops[0]" in error.message
    assert error.reason == "UNREACHABLE_STOP"
