"""What is carried: shipments, and loads that nobody can carry."""

from __future__ import annotations

from typing import Any

import pytest
from towns import LINE, changed, problem_of, refused


def test_shipments_tie_two_stops() -> None:
    town = changed(changed(LINE, "stops.0.deliveries", []), "stops.2.deliveries", [])
    town["shipments"] = [{"pickupStopId": "c", "deliveryStopId": "a", "loads": ["3"]}]
    stops = problem_of(town).stops
    assert stops.partner.tolist() == [2, -1, 0]
    assert stops.carried.tolist() == [[-3], [0], [3]]


WRONG = [
    ("stops.1.deliveries", ["11"], "stops[1].deliveries"),
    ("stops.1.pickups", ["11"], "stops[1].pickups"),
    ("stops.1.deliveries", ["1"] * 9, "stops[1].deliveries"),
    ("shipments", [{"pickupStopId": "moon", "deliveryStopId": "a"}], "shipments[0].pickup_stop_id"),
    ("shipments", [{"pickupStopId": "hub", "deliveryStopId": "a"}], "shipments[0].pickup_stop_id"),
    ("shipments", [{"pickupStopId": "a", "deliveryStopId": "b"}], "shipments[0].pickup_stop_id"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=lambda each: str(each)[:40])
def test_a_load_that_is_wrong_is_named(path: str, value: Any, field: str) -> None:
    assert refused(changed(LINE, path, value)).field == field


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
    error = refused(town)
    assert (error.field, expected in error.expected) == (field, True)


def test_what_no_vehicle_carries_in_every_dimension_is_named() -> None:
    """Each number fits somewhere, but not all of them in one vehicle."""
    town = changed(LINE, "vehicles.0.capacities", ["10", "1"])
    town = changed(changed(town, "vehicles.1.capacities", ["1", "10"]), "stops.2.deliveries", ["5", "5"])
    error = refused(town)
    assert (error.field, error.reason) == ("stops[2].deliveries", "ABOVE_EVERY_CAPACITY")
