"""What planners get wrong: a running gateway names the stop, vehicle, slot or order, on both faces alike."""

from __future__ import annotations

from typing import Any

import pytest
from e2e.faces import Face, Refused
from google.protobuf import json_format
from towns import GLOBE, LINE, changed

from storegate.client import Client
from storegate.v1 import placement_pb2 as pb

SHOP: dict[str, Any] = {
    "layout": {
        "aisles": {
            "aisles": [{"aisleId": "A", "xMetres": 0}, {"aisleId": "B", "xMetres": 5}],
            "crossAisleYMetres": [0, 11],
            "depotXMetres": 2.5,
        }
    },
    "slots": [
        {"slotId": "A3", "aisleId": "A", "yMetres": 3, "volumeLitres": 9},
        {"slotId": "B8", "aisleId": "B", "yMetres": 8, "volumeLitres": 9, "zone": "chilled"},
    ],
    "items": [{"itemId": "pen", "slotId": "A3", "volumeLitres": 1}, {"itemId": "milk", "slotId": "B8"}],
    "orders": [{"orderId": "1", "lines": [{"itemId": "pen"}, {"itemId": "milk"}]}],
    "searchSeconds": 0.01,
}
"""Two items in two slots."""
SHIPPED = changed(changed(LINE, "stops.0.deliveries", []), "stops.2.deliveries", [])
"""Stops a and c carry nothing of their own."""
RUNNING: dict[str, Any] = {
    "problem": LINE,
    "plan": {"routes": [{"vehicleId": "van", "endsS": 9, "visits": [{"stopId": "a"}, {"stopId": "b"}]}]},
}


def shipped(*stops: str, load: str = "1") -> dict[str, Any]:
    return SHIPPED | {"shipments": [{"pickupStopId": stops[0], "deliveryStopId": stops[1], "loads": [load]}]}


def distances(*metres: float | str) -> dict[str, Any]:
    """Two points, an item at each."""
    slots = [{"slotId": "A3", "point": 0}, {"slotId": "B8", "point": 1}]
    return SHOP | {"layout": {"distances": {"points": 2, "metres": metres}}, "slots": slots}


def town(path: str, value: Any) -> dict[str, Any]:
    return changed(LINE, path, value)


def arrived(stop: str, **fields: Any) -> dict[str, Any]:
    """The running plan, of which one stop is cancelled before a new one comes."""
    return RUNNING | {"changes": [{"cancelledStopId": "c"}, {"newStop": {"stopId": stop} | fields}]}


NOBODY_TO_A = [0, "Infinity", 1, 1, 1, 0, 1, 1, 1, "Infinity", 0, 1, 1, "Infinity", 1, 0]
MATRIX = "profiles.0.matrix.distancesM"
CELL = "profiles[0].matrix.distances_m"
ROUTES: list[tuple[dict[str, Any], str, str]] = [
    (town("stops.1.windows", [{"startS": 9, "endS": 8}]), "stops[1].windows[0].end_s", "WINDOW_CLOSES_BEFORE"),
    (town("vehicles.1.shift", {"startS": 9, "endS": 8}), "vehicles[1].shift.end_s", "WINDOW_CLOSES_BEFORE"),
    (town("depots.0.hours", {"startS": 9, "endS": 8}), "depots[0].hours.end_s", "WINDOW_CLOSES_BEFORE"),
    (town("stops.1.deliveries", ["99"]), "stops[1].deliveries", "ABOVE_EVERY_CAPACITY"),
    (shipped("a", "c", load="99"), "shipments[0].loads", "ABOVE_EVERY_CAPACITY"),
    (town(f"{MATRIX}.6", "NaN"), f"{CELL}[6] (stops[0] to stops[1])", "INVALID_FIELD"),
    (town(f"{MATRIX}.6", -1), f"{CELL}[6] (stops[0] to stops[1])", "INVALID_FIELD"),
    (town(f"{MATRIX}.6", 101), f"{CELL}[9] (stops[1] to stops[0])", "NOT_SYMMETRIC"),
    (town(MATRIX, [0.0] * 9), CELL, "WRONG_MATRIX_SIZE"),
    (
        LINE | {"profiles": [{"matrix": {"distancesM": NOBODY_TO_A}}]},
        "profiles[0].matrix.distances_m: stops[0]", "UNREACHABLE_STOP",
    ),
    (town("stops.1.stopId", "a"), "stops[1].stop_id", "REPEATED_ID"),
    (town("stops.1.stopId", "hub"), "stops[1].stop_id", "REPEATED_ID"),
    (town("vehicles.1.vehicleId", "van"), "vehicles[1].vehicle_id", "REPEATED_ID"),
    (town("depots.1", {"depotId": "hub"}), "depots[1].depot_id", "REPEATED_ID"),
    (LINE | {"vehicles": []}, "vehicles", "WRONG_COUNT"),
    (LINE | {"stops": [{"stopId": f"{number}"} for number in range(100_000)]}, "stops", "WRONG_COUNT"),
    (changed(GLOBE, "stops.1.point.latitude", 90.5), "stops[1].point.latitude", "INVALID_FIELD"),
    (changed(GLOBE, "stops.1.point.longitude", "NaN"), "stops[1].point.longitude", "INVALID_FIELD"),
    (changed(GLOBE, "depots.0.point.longitude", "Infinity"), "depots[0].point.longitude", "INVALID_FIELD"),
    (town("vehicles.1.profile", "boat"), "vehicles[1].profile", "UNKNOWN_ID"),
    (shipped("a", "a"), "shipments[0].delivery_stop_id", "INVALID_FIELD"),
    (shipped("a", "moon"), "shipments[0].delivery_stop_id", "UNKNOWN_ID"),
    (GLOBE | {"profiles": [{"tableServer": {}}]}, "table_server", "NO_TABLE_SERVER"),
]  # fmt: skip
CHANGES: list[tuple[dict[str, Any], str, str]] = [
    (changed(RUNNING, "plan.routes.0.vehicleId", "boat"), "plan.routes[0].vehicle_id", "UNKNOWN_ID"),
    (changed(RUNNING, "plan.routes.0.visits.1.stopId", "moon"), "plan.routes[0].visits[1].stop_id", "UNKNOWN_ID"),
    (RUNNING | {"changes": [{"cancelledStopId": "moon"}]}, "changes[0].cancelled_stop_id", "UNKNOWN_ID"),
    (RUNNING | {"changes": [{"delay": {"vehicleId": "boat"}}]}, "changes[0].delay.vehicle_id", "UNKNOWN_ID"),
    (arrived("a"), "changes[1].new_stop.stop_id", "REPEATED_ID"),
    (arrived("d", deliveries=["99"]), "changes[1].new_stop.deliveries", "ABOVE_EVERY_CAPACITY"),
    (
        arrived("d", windows=[{"startS": 1, "endS": 2}, {"startS": 9, "endS": 8}]),
        "changes[1].new_stop.windows[1].end_s", "WINDOW_CLOSES_BEFORE",
    ),
    (arrived("d", point={"latitude": "NaN"}), "changes[1].new_stop.point.latitude", "INVALID_FIELD"),
    (
        RUNNING | {"changes": [{"closedRoad": {"fromId": "a", "toId": "moon"}}]},
        "changes[0].closed_road.to_id", "UNKNOWN_ID",
    ),
    (RUNNING | {"progress": [{"vehicleId": "boat"}]}, "progress[0].vehicle_id", "UNKNOWN_ID"),
    (RUNNING | {"nowS": -1}, "now_s", "INVALID_FIELD"),
]  # fmt: skip
WALKS: list[tuple[dict[str, Any], str, str]] = [
    (changed(SHOP, "slots.1.slotId", "A3"), "slots[1].slot_id", "REPEATED_ID"),
    (changed(SHOP, "items.1.itemId", "pen"), "items[1].item_id", "REPEATED_ID"),
    (SHOP | {"orders": SHOP["orders"] * 2}, "orders[1].order_id", "REPEATED_ID"),
    (changed(SHOP, "orders.0.lines.1.itemId", "gone"), "orders[0].lines[1].item_id", "UNKNOWN_ITEM"),
    (SHOP | {"limits": {"maxUnits": "1"}}, "orders[0]", "INVALID_FIELD"),
    (distances(0, "Infinity", "Infinity", 0), "layout.distances.metres[1]", "UNREACHABLE"),
    (distances(0, "NaN", 1, 0), "layout.distances.metres[1]", "UNREACHABLE"),
    (distances(0, -1, -1, 0), "layout.distances.metres[1]", "UNREACHABLE"),
    (distances(0, 1, 2, 0), "layout.distances.metres[1]", "ASYMMETRIC_DISTANCES"),
    (distances(0, 1, 1), "layout.distances.metres", "INVALID_FIELD"),
]
SHELVES: list[tuple[dict[str, Any], str, str]] = [
    (changed(SHOP, "items.2", {"itemId": "mug"}), "items", "TOO_MANY"),
    (changed(SHOP, "items.0", {"itemId": "pen", "volumeLitres": 10}), "items[0]", "NO_SLOT"),
    (changed(SHOP, "items.0", {"itemId": "pen", "zone": "frozen"}), "items[0]", "NO_SLOT"),
    (changed(SHOP, "items.1.slotId", "A3"), "items[1].slot_id", "SLOT_TAKEN"),
    (changed(SHOP, "slots.1.yMetres", 12), "slots[1].y_metres", "INVALID_FIELD"),
    (distances(0, 1, 1, 0), "layout", "LAYOUT_NOT_SUPPORTED"),
]
EVERY = [
    (method, *one)
    for method, rows in (
        ("PlanRoutes", ROUTES),
        ("ReplanRoutes", CHANGES),
        ("BatchOrders", WALKS),
        ("PlanSlotting", SHELVES),
    )
    for one in rows
]


@pytest.fixture(scope="module", autouse=True)
def compiled(client: Client) -> None:
    """A worker on a thread is built, and compiles, when it is first asked."""
    message = json_format.ParseDict(SHOP, pb.BatchOrdersRequest())
    assert client.batch_orders(message, timeout_s=240.0).batches


@pytest.mark.parametrize(
    ("method", "body", "field", "reason"), EVERY, ids=[f"{one[0]}-{one[2]}-{n}" for n, one in enumerate(EVERY)]
)
def test_what_is_wrong_is_named_alike(face: Face, method: str, body: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        face.ask(method, body)
    told = refused.value
    assert told.status == ("INVALID_ARGUMENT" if face.name == "grpc" else 400)
    assert (told.facts["field"], told.reason) == (field, reason)
    assert told.facts["value"]
    assert told.facts["expected"]


def test_a_whole_that_cannot_be_driven_is_an_answer(face: Face) -> None:
    """Every stop with its reason."""
    late = {"vehicles": [{"vehicleId": "van", "shift": {"startS": 0, "endS": 5}}], "timeLimitS": 0.1}
    plan = face.ask("PlanRoutes", LINE | late).plan
    assert not plan.routes
    assert [(one.stop_id, one.reason) for one in plan.dropped] == [(name, "out-of-reach-in-time") for name in "abc"]
    assert all(one.detail for one in plan.dropped)
