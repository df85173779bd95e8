"""PlanSlotting and BatchOrders: ids to positions and back, and what is wrong with a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from serving.core.errors import InvalidInput
from serving.decisions.place.calls import Batched, Slotted
from serving.decisions.place.contract import (
    Aisles,
    Batch,
    BatchAnswer,
    BatchQuery,
    Limits,
    Matrix,
    Move,
    SlottingAnswer,
    SlottingQuery,
)
from serving.transport.placement_codec import decode_batch, decode_slotting, encode_batch, encode_slotting
from storegate.v1 import placement_pb2 as pb


def layout() -> pb.WarehouseLayout:
    aisles = [pb.Aisle(aisle_id=name, x_metres=x) for name, x in (("A", 0), ("B", 5))]
    return pb.WarehouseLayout(aisles=pb.AisleLayout(aisles=aisles, cross_aisle_y_metres=[0, 11], depot_x_metres=2.5))


def distances(metres: list[float], points: int = 2) -> pb.WarehouseLayout:
    return pb.WarehouseLayout(distances=pb.DistanceLayout(points=points, metres=metres, depot=1))


def batch_request() -> Any:
    return pb.BatchOrdersRequest(
        layout=layout(),
        slots=[
            pb.StorageSlot(slot_id="A3", aisle_id="A", y_metres=3),
            pb.StorageSlot(slot_id="B8", aisle_id="B", y_metres=8, volume_litres=4, zone="chilled"),
            pb.StorageSlot(slot_id="B9", aisle_id="B", y_metres=9),
        ],
        items=[
            pb.StoredItem(item_id="pen", slot_id="B9", volume_litres=0.1, units=40),
            pb.StoredItem(item_id="milk", slot_id="B8", zone="chilled", pinned=True),
            pb.StoredItem(item_id="mug"),
        ],
        orders=[
            pb.PickOrder(order_id="1", lines=[pb.PickLine(item_id="milk", quantity=2), pb.PickLine(item_id="pen")]),
            pb.PickOrder(order_id="2", lines=[pb.PickLine(item_id="pen"), pb.PickLine(item_id="pen", quantity=3)]),
        ],
    )


def batched(request: Any) -> BatchQuery:
    return decode_batch(request.SerializeToString())


def slotted(**changes: Any) -> SlottingQuery:
    one = batch_request()
    request = pb.PlanSlottingRequest(
        **{"layout": one.layout, "slots": one.slots, "items": one.items, "orders": one.orders} | changes
    )
    return decode_slotting(request.SerializeToString())


def test_ids_become_positions() -> None:
    query = batched(batch_request())
    assert isinstance(query.layout, Aisles)
    assert query.layout.aisle_x.tolist() == [0, 5]
    assert query.layout.cross_y.tolist() == [0, 11]
    assert (query.layout.depot_x, query.layout.end_x) == (2.5, None)
    assert query.slots.ids == ("A3", "B8", "B9")
    assert query.slots.place.tolist() == [0, 1, 1]
    assert query.slots.y.tolist() == [3, 8, 9]
    assert query.slots.zone == ("", "chilled", "")
    assert query.slot.tolist() == [2, 1, -1]
    assert query.orders.ids == ("1", "2")


def test_lines_of_one_item_are_added_up() -> None:
    """0 is one unit."""
    orders = batched(batch_request()).orders
    assert orders.start.tolist() == [0, 2, 3]
    assert orders.item.tolist() == [1, 0, 0]
    assert orders.quantity.tolist() == [2, 1, 4]


def test_what_is_left_away_is_no_bound() -> None:
    """Of limits, rooms, weights and moves; a slot without a room among others has an infinite one."""
    query = batched(batch_request())
    assert query.limits == Limits()
    assert query.slots.volume is not None
    assert query.slots.volume.tolist() == [np.inf, 4, np.inf]
    assert query.slots.weight is None
    assert query.items.weight is None
    assert query.items.volume is not None
    assert query.items.volume.tolist() == [0.1, 0, 0]
    assert query.items.stock is not None
    assert query.items.stock.tolist() == [40, 1, 1]
    assert query.seconds == 1.0
    assert slotted().moves_max is None
    assert slotted(max_moves=0).moves_max == 0
    assert slotted().seconds == 30.0


def test_what_is_given_is_taken() -> None:
    request = batch_request()
    request.limits.CopyFrom(pb.PickLimits(max_orders=3, max_units=9, max_weight_kg=0.5))
    request.search_seconds, request.seed, request.request_id = 0.25, -7, "ä"
    query = batched(request)
    assert query.limits == Limits(orders=3, units=9, weight=0.5)
    assert (query.seconds, query.seed, query.request_id) == (0.25, -7, "ä")
    pinned = query.items.pinned
    assert pinned is not None
    assert pinned.tolist() == [False, True, False]


def test_a_layout_of_distances() -> None:
    request = batch_request()
    request.layout.CopyFrom(distances([0, 7, 7, 0]))
    del request.slots[1:], request.items[1:], request.orders[:1]
    request.slots[0].CopyFrom(pb.StorageSlot(slot_id="B9", point=1))
    query = batched(request)
    assert isinstance(query.layout, Matrix)
    assert query.layout.metres.tolist() == [[0, 7], [7, 0]]
    assert (query.layout.depot, query.layout.end) == (1, None)
    assert query.slots.place.tolist() == [1]


def test_an_answer_says_what_to_take_where_and_for_whom() -> None:
    """Stop by stop in the order of the walk, and at each stop in the order of the orders."""
    query = batched(batch_request())
    walk = Batch((0, 1), (2, 1), 31.5, 3, 7, 0.5, 0.0)
    answer = BatchAnswer((walk,), 31.5, 40.0, None, "savings", 3, 0.1, True, "r")
    message = pb.BatchOrdersResponse.FromString(encode_batch(Batched(query, answer)))
    (one,) = message.batches
    assert list(one.order_ids) == ["1", "2"]
    assert [(stop.slot_id, [(p.order_id, p.item_id, p.quantity) for p in stop.picks]) for stop in one.stops] == [
        ("B9", [("1", "pen", 1), ("2", "pen", 4)]),
        ("B8", [("1", "milk", 2)]),
    ]
    assert (message.metres, message.first_come_metres, message.engine) == (31.5, 40.0, "savings")
    assert not message.HasField("s_shape_metres")
    known = BatchAnswer((walk,), 31.5, 40.0, 48.0, "savings", 3, 0.1, True)
    assert pb.BatchOrdersResponse.FromString(encode_batch(Batched(query, known))).s_shape_metres == 48.0


def test_moves_name_their_slots() -> None:
    query = slotted()
    moves = (Move(0, 2, 0, 1, 12.5), Move(2, -1, 2, 2, 0.0))
    answer = SlottingAnswer(np.array([0, 1, 2]), moves, None, 30.0, 35.0, 8, 0.1)
    message = pb.PlanSlottingResponse.FromString(encode_slotting(Slotted(query, answer)))
    assert [(one.item_id, one.slot_id) for one in message.placements] == [("pen", "A3"), ("milk", "B8"), ("mug", "B9")]
    assert [(m.item_id, m.from_slot_id, m.to_slot_id, m.group) for m in message.moves] == [
        ("pen", "B9", "A3", 1),
        ("mug", "", "B9", 2),
    ]
    assert not message.HasField("before_metres")
    assert message.index_metres == 35.0


def _distances(metres: list[float], points: int = 2) -> Callable[[Any], None]:
    return lambda request: request.layout.CopyFrom(distances(metres, points))


NAN, INF = float("nan"), float("inf")
WRONG: list[tuple[Callable[[Any], Any], str, str]] = [
    (lambda r: r.ClearField("layout"), "layout", "none"),
    (lambda r: r.layout.aisles.ClearField("aisles"), "layout.aisles.aisles", "0 rows"),
    (lambda r: setattr(r.layout.aisles.aisles[1], "aisle_id", "A"), "layout.aisles.aisles[1].aisle_id", "'A'"),
    (lambda r: setattr(r.layout.aisles.aisles[1], "x_metres", 0), "layout.aisles.aisles[1].x_metres", "0.0"),
    (lambda r: setattr(r.layout.aisles.aisles[0], "x_metres", NAN), "layout.aisles.aisles[0].x_metres", "nan"),
    (lambda r: r.layout.aisles.cross_aisle_y_metres.pop(), "layout.aisles.cross_aisle_y_metres", "1 cross aisles"),
    (lambda r: r.layout.aisles.cross_aisle_y_metres.append(9), "layout.aisles.cross_aisle_y_metres[2]", "9.0"),
    (lambda r: setattr(r.layout.aisles, "depot_x_metres", INF), "layout.aisles.depot_x_metres", "inf"),
    (lambda r: setattr(r.layout.aisles, "end_x_metres", -1e6), "layout.aisles.end_x_metres", "-1000000.0"),
    (_distances([0, 1, 1, 0], 0), "layout.distances.points", "0"),
    (_distances([0, 1, 1], 2), "layout.distances.metres", "3 distances"),
    (_distances([0, INF, INF, 0]), "layout.distances.metres[1]", "from point 0 to 1"),
    (_distances([0, NAN, 1, 0]), "layout.distances.metres[1]", "nan"),
    (_distances([0, -1, -1, 0]), "layout.distances.metres[1]", "-1.0"),
    (_distances([0, 1, 2, 0]), "layout.distances.metres[1]", "back: 2.0"),
    (_distances([0, 1, 1, 3]), "layout.distances.metres[3]", "3.0"),
    (_distances([0, 1, 1, 0]), "slots[0].aisle_id", "'A'"),
    (lambda r: r.ClearField("slots"), "slots", "0 rows"),
    (lambda r: setattr(r.slots[2], "slot_id", "A3"), "slots[2].slot_id", "'A3'"),
    (lambda r: setattr(r.slots[2], "slot_id", ""), "slots[2].slot_id", "''"),
    (lambda r: setattr(r.slots[2], "aisle_id", "Z"), "slots[2].aisle_id", "'Z'"),
    (lambda r: setattr(r.slots[2], "y_metres", 12), "slots[2].y_metres", "12.0"),
    (lambda r: setattr(r.slots[2], "y_metres", NAN), "slots[2].y_metres", "nan"),
    (lambda r: setattr(r.slots[2], "volume_litres", -1), "slots[2].volume_litres", "-1.0"),
    (lambda r: setattr(r.slots[2], "weight_kg", NAN), "slots[2].weight_kg", "nan"),
    (lambda r: setattr(r.slots[0], "zone", "a\nb"), "slots[0].zone", "a\\nb"),
    (lambda r: setattr(r.items[1], "item_id", "pen"), "items[1].item_id", "'pen'"),
    (lambda r: setattr(r.items[1], "slot_id", "Z"), "items[1].slot_id", "'Z'"),
    (lambda r: setattr(r.items[1], "slot_id", "B9"), "items[1].slot_id", "'B9'"),
    (lambda r: setattr(r.items[1], "units", -1), "items[1].units", "-1"),
    (lambda r: setattr(r.items[1], "weight_kg", -0.5), "items[1].weight_kg", "-0.5"),
    (lambda r: setattr(r.orders[1], "order_id", "1"), "orders[1].order_id", "'1'"),
    (lambda r: r.orders[1].ClearField("lines"), "orders[1].lines", "0 lines"),
    (lambda r: setattr(r.orders[1].lines[1], "item_id", "gone"), "orders[1].lines[1].item_id", "'gone'"),
    (lambda r: setattr(r.orders[1].lines[1], "quantity", -3), "orders[1].lines[1].quantity", "-3"),
    (lambda r: setattr(r.limits, "max_orders", -1), "limits.max_orders", "-1"),
    (lambda r: setattr(r.limits, "max_weight_kg", NAN), "limits.max_weight_kg", "nan"),
    (lambda r: setattr(r, "search_seconds", 301), "search_seconds", "301.0"),
    (lambda r: setattr(r, "search_seconds", NAN), "search_seconds", "nan"),
    (lambda r: setattr(r, "search_seconds", -1), "search_seconds", "-1.0"),
    (lambda r: setattr(r, "request_id", "a\nb"), "request_id", "a\\nb"),
]


@pytest.mark.parametrize(
    ("change", "field", "value"), WRONG, ids=[f"{field}-{n}" for n, (_, field, _) in enumerate(WRONG)]
)
def test_what_is_wrong_is_named(change: Callable[[Any], Any], field: str, value: str) -> None:
    """The field as the contract calls it, the value, and what would be right."""
    request = batch_request()
    change(request)
    with pytest.raises(InvalidInput) as caught:
        batched(request)
    assert caught.value.field == field
    assert value in caught.value.facts["value"]
    assert caught.value.expected


def test_two_thousand_orders_are_the_most_of_a_batching() -> None:
    """A history may have more; and both name what is allowed."""
    line = [pb.PickLine(item_id="pen")]
    many = [pb.PickOrder(order_id=str(number), lines=line) for number in range(2001)]
    request = batch_request()
    request.ClearField("orders")
    request.orders.extend(many)
    with pytest.raises(InvalidInput, match=r"2001 rows.*1 to 2,000"):
        batched(request)
    assert len(slotted(orders=many).orders) == 2001


def test_bytes_that_are_no_message() -> None:
    for decode in (decode_batch, decode_slotting):
        with pytest.raises(InvalidInput, match="Request"):
            decode(b"\xff\xff")


def test_slots_are_planned_by_aisles_alone() -> None:
    with pytest.raises(InvalidInput) as caught:
        slotted(layout=distances([0, 1, 1, 0]))
    assert caught.value.reason == "LAYOUT_NOT_SUPPORTED"
    with pytest.raises(InvalidInput, match="max_moves"):
        slotted(max_moves=-1)


def test_a_budget_of_moves_is_for_what_lies_somewhere() -> None:
    orders = [pb.PickOrder(order_id="1", lines=[pb.PickLine(item_id="mug")])]
    assert slotted(orders=orders).moves_max is None
    with pytest.raises(InvalidInput, match=r"max_moves.*mug lies nowhere"):
        slotted(orders=orders, max_moves=3)
