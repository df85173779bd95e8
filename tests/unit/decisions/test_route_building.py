"""From a request to a Problem: what is made of it, and every way in which it can be wrong, named."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from table_servers import table_server
from towns import GLOBE, LINE, changed, message, problem_of

from serving.adapters.osrm_table import OsrmTable
from serving.core.clock import SystemClock
from serving.core.errors import InvalidInput
from serving.decisions.route.building import check_seconds, check_sizes
from serving.decisions.route.matrix import Travels
from serving.decisions.route.params import Limits, TableParams
from serving.decisions.route.problem import ANYWHERE, FAR, LOAD_MAX
from serving.kernels.haversine import RADIUS_M
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


def test_costs_that_are_given_are_the_costs() -> None:
    town = changed(changed(LINE, "vehicles.0.costPerKm", 500), "vehicles.1.costPerHour", 36)
    vehicles = problem_of(town).vehicles
    assert vehicles.cost_per_metre.tolist() == [0.5, 0.0]
    assert vehicles.cost_per_second.tolist() == [0.0, 0.01]


def test_no_capacity_is_no_bound() -> None:
    assert problem_of(changed(LINE, "vehicles.0.capacities", [])).vehicles.capacity[0].tolist() == [LOAD_MAX]


def test_shipments_tie_two_stops() -> None:
    town = changed(changed(LINE, "stops.0.deliveries", []), "stops.2.deliveries", [])
    town["shipments"] = [{"pickupStopId": "c", "deliveryStopId": "a", "loads": ["3"]}]
    stops = problem_of(town).stops
    assert stops.partner.tolist() == [2, -1, 0]
    assert stops.carried.tolist() == [[-3], [0], [3]]


def test_closed_roads_are_too_far() -> None:
    problem = problem_of(LINE | {"closedRoads": [{"fromId": "hub", "toId": "b"}]})
    assert problem.distance[0, 0, 2] == problem.duration[0, 0, 2] == FAR
    assert problem.distance[0, 2, 0] == 200
    both = problem_of(LINE | {"closedRoads": [{"fromId": "hub", "toId": "b", "bothWays": True}]})
    assert both.distance[0, 2, 0] == FAR


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


def test_two_kinds_of_vehicles_travel_differently() -> None:
    town = changed(LINE, "vehicles.1.profile", "bike")
    town["profiles"].append({"name": "bike", "matrix": {"distancesM": [1.0 - (i % 5 == 0) for i in range(16)]}})
    problem = problem_of(town)
    assert problem.vehicles.profile.tolist() == [0, 1]
    assert problem.distance[1, 0].tolist() == [0, 1, 1, 1]


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


def test_what_closes_a_road_for_one_does_not_close_it_for_all() -> None:
    """Kept tables are not written to."""
    travels = Travels(lambda: pytest.fail("no table is asked for"), 4)
    problem_of(GLOBE | {"closedRoads": [{"fromId": "hub", "toId": "a"}]}, travels)
    assert problem_of(GLOBE, travels).distance.max() < FAR


WRONG = [
    ("depots.1", {"depotId": "hub"}, "depots[1].depot_id"),
    ("stops.1.stopId", "a", "stops[1].stop_id"),
    ("stops.1.stopId", "hub", "stops[1].stop_id"),
    ("stops.1.stopId", "", "stops[1].stop_id"),
    ("vehicles.1.vehicleId", "van", "vehicles[1].vehicle_id"),
    ("vehicles.1.startDepotId", "moon", "vehicles[1].start_depot_id"),
    ("vehicles.1.endDepotId", "a", "vehicles[1].end_depot_id"),
    ("vehicles.1", {"vehicleId": "x", "endDepotId": "hub", "endsAnywhere": True}, "vehicles[1].end_depot_id"),
    ("vehicles.1.profile", "boat", "vehicles[1].profile"),
    ("vehicles.1.capacities", ["1", "2"], "vehicles[0].capacities"),
    ("vehicles.1.capacities", ["-1"], "vehicles[1].capacities[0]"),
    ("vehicles.1.shift", {"startS": 50, "endS": 40}, "vehicles[1].shift.end_s"),
    ("vehicles.1.costPerKm", "NaN", "vehicles[1].cost_per_km"),
    ("vehicles.1.fixedCost", -1, "vehicles[1].fixed_cost"),
    ("vehicles.1.stopsMax", -1, "vehicles[1].stops_max"),
    ("vehicles.1.skills", [""], "vehicles[1].skills[0]"),
    ("stops.1.windows", [{"startS": 9, "endS": 8}], "stops[1].windows[0].end_s"),
    ("stops.1.windows", [{"startS": -1, "endS": 8}], "stops[1].windows[0].start_s"),
    ("stops.1.windows", [{"startS": 0, "endS": 8}, {"startS": 8, "endS": 9}], "stops[1].windows[1].start_s"),
    ("stops.1.windows", [{"startS": 10 * i, "endS": 10 * i} for i in range(9)], "stops[1].windows"),
    ("stops.1.serviceS", -5, "stops[1].service_s"),
    ("stops.1.priority", 101, "stops[1].priority"),
    ("stops.1.dropPenalty", "NaN", "stops[1].drop_penalty"),
    ("stops.1.dropPenalty", -1, "stops[1].drop_penalty"),
    ("stops.1.deliveries", ["11"], "stops[1].deliveries"),
    ("stops.1.pickups", ["-1"], "stops[1].pickups[0]"),
    ("stops.1.pickups", ["11"], "stops[1].pickups"),
    ("stops.1.deliveries", ["1"] * 9, "stops[1].deliveries"),
    ("stops.1.point", {"latitude": 91, "longitude": 0}, "stops[1].point.latitude"),
    ("stops.1.point", {"latitude": 0, "longitude": "Infinity"}, "stops[1].point.longitude"),
    ("stops.1.point", {"latitude": "NaN", "longitude": 0}, "stops[1].point.latitude"),
    ("stops.1.skills", [f"skill-{i}" for i in range(64)], "stops[1].skills[63]"),
    ("depots.0.hours", {"startS": 9, "endS": 8}, "depots[0].hours.end_s"),
    ("shipments", [{"pickupStopId": "moon", "deliveryStopId": "a"}], "shipments[0].pickup_stop_id"),
    ("shipments", [{"pickupStopId": "hub", "deliveryStopId": "a"}], "shipments[0].pickup_stop_id"),
    ("shipments", [{"pickupStopId": "a", "deliveryStopId": "b"}], "shipments[0].pickup_stop_id"),
    ("closedRoads", [{"fromId": "a", "toId": "moon"}], "closed_roads[0].to_id"),
    ("closedRoads", [{"fromId": "a", "toId": "a"}], "closed_roads[0].to_id"),
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
    ("profiles.1", {"name": "", "greatCircle": {}}, "profiles[1].name"),
    ("profiles", [{"greatCircle": {}}], "depots[0].point"),
    ("profiles", [{"name": "x" * 200}], "profiles[0].name"),
    ("requestId", "x" * 300, "request_id"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=lambda each: str(each)[:40])
def test_what_is_wrong_is_named(path: str, value: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        problem_of(changed(LINE, path, value))
    assert refused.value.field == field
    assert "np." not in refused.value.facts["value"], "numbers as people write them"


@pytest.mark.parametrize(
    ("shipments", "field", "expected"),
    [
        ([("a", "a", "1")], "shipments[0].delivery_stop_id", "another stop than pickup_stop_id"),
        ([("a", "c", "1"), ("c", "a", "1")], "shipments[1].pickup_stop_id", "in no other shipment"),
        ([("a", "b", "1")], "shipments[0].delivery_stop_id", "without deliveries"),
        ([("a", "", "1")], "shipments[0].delivery_stop_id", "the id of one of the stops"),
        ([("c", "a", "-1")], "shipments[0].loads[0]", "0 to"),
        ([("c", "a", "11")], "shipments[0].loads", "no more than some vehicle's capacities (largest: [10])"),
    ],
)
def test_a_shipment_that_makes_no_sense_is_named(
    shipments: list[tuple[str, str, str]], field: str, expected: str
) -> None:
    town = changed(changed(LINE, "stops.0.deliveries", []), "stops.2.deliveries", [])
    town["shipments"] = [{"pickupStopId": a, "deliveryStopId": b, "loads": [load]} for a, b, load in shipments]
    with pytest.raises(InvalidInput) as refused:
        problem_of(town)
    assert (refused.value.field, expected in refused.value.expected) == (field, True)


def test_what_no_vehicle_carries_in_every_dimension_is_named() -> None:
    """Each number fits somewhere, but not all of them in one vehicle."""
    town = changed(LINE, "vehicles.0.capacities", ["10", "1"])
    town = changed(changed(town, "vehicles.1.capacities", ["1", "10"]), "stops.2.deliveries", ["5", "5"])
    with pytest.raises(InvalidInput) as refused:
        problem_of(town)
    assert (refused.value.field, refused.value.reason) == ("stops[2].deliveries", "ABOVE_EVERY_CAPACITY")


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
    with pytest.raises(InvalidInput) as refused:
        problem_of(GLOBE | {"profiles": [{"greatCircle": travel}]})
    assert refused.value.field == field


def test_a_stop_that_nobody_can_come_to_is_named() -> None:
    """One road that is closed is no error; all of them are."""
    distances = [*LINE["profiles"][0]["matrix"]["distancesM"]]
    matrix = {"distancesM": distances}
    distances[1] = "Infinity"
    assert problem_of(LINE | {"profiles": [{"matrix": matrix}]}).distance[0, 0, 1] == FAR
    distances[9] = distances[13] = "Infinity"
    with pytest.raises(InvalidInput, match=r"stops\[0\]") as refused:
        problem_of(LINE | {"profiles": [{"matrix": matrix}]})
    assert refused.value.reason == "UNREACHABLE_STOP"


def test_a_town_that_is_too_large_is_refused_with_the_limit() -> None:
    limits = Limits()
    for counts, said in (
        ((1, 1, 1001, 0), "1 to 1000"), ((1, 0, 1, 0), "1 to 500"), ((0, 1, 1, 0), "1 to 100"), ((1, 1, 0, 0), "1000"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match=said):
            check_sizes(limits, *counts)
    huge = message(LINE)
    huge.stops.extend([huge.stops[0]] * 100_000)
    with pytest.raises(InvalidInput, match="at most 5000") as refused:
        decode_plan(huge.SerializeToString())
    assert refused.value.field == "stops"


@pytest.mark.parametrize("seconds", [-1.0, 121.0, math.nan, math.inf])
def test_a_time_that_cannot_be_had_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidInput, match="time_limit_s"):
        check_seconds(Limits(), seconds)
    assert check_seconds(Limits(), 0.0) == Limits().seconds
