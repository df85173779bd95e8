"""Bad input to Place is told by its field, its value and what would be right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from placing import batch_query, items_of, orders_of, slotting_query, warehouse

from serving.adapters.slot_moves import choose_moves
from serving.core.errors import InvalidInput
from serving.decisions.place.contract import Aisles, BatchQuery, Limits, Matrix, Orders, Slots, SlottingQuery
from serving.decisions.place.service import PlacementService

SERVICE = PlacementService(choose_moves)
LAYOUT, SLOTS = warehouse()


def aisles(**other: Any) -> Aisles:
    return replace(LAYOUT, **other)


def slots(**other: Any) -> Slots:
    return replace(SLOTS, **other)


def orders(*rows: list[int], **other: Any) -> Orders:
    return replace(orders_of(*rows), **other)


def matrix(*cells: tuple[int, int, float], size: int = 60, **other: Any) -> Matrix:
    metres = np.abs(np.arange(float(size))[:, None] - np.arange(float(size)))
    for a, b, value in cells:
        metres[a, b] = value
    return Matrix(metres, **({"depot": 0} | other))


POINTS = Slots(SLOTS.ids, np.arange(60), SLOTS.y)

BATCHES: list[tuple[dict[str, Any], str, str]] = [
    ({"layout": aisles(aisle_x=np.empty(0))}, "layout.aisle_x", "1 to 200"),
    ({"layout": aisles(aisle_x=np.array([0.0, 3, 3, 6, 9]))}, "layout.aisle_x[2]", "more than the one before"),
    ({"layout": aisles(aisle_x=np.array([0.0, np.nan, 3, 6, 9]))}, "layout.aisle_x[1]", "metres"),
    ({"layout": aisles(cross_y=np.array([0.0]))}, "layout.cross_aisle_y", "2 to 4"),
    ({"layout": aisles(cross_y=np.arange(5.0))}, "layout.cross_aisle_y", "2 to 4"),
    ({"layout": aisles(depot_x=np.inf)}, "layout.depot_x", "metres"),
    ({"layout": matrix((1, 2, np.inf)), "slots": POINTS}, "layout.metres[1][2]", "every point must be reached"),
    ({"layout": matrix((1, 2, -1.0)), "slots": POINTS}, "layout.metres[1][2]", "0 to"),
    ({"layout": matrix((1, 2, 5.0)), "slots": POINTS}, "layout.metres[1][2]", "same distance in both directions"),
    ({"layout": matrix((3, 3, 5.0)), "slots": POINTS}, "layout.metres[3][3]", "a point is where it is"),
    ({"layout": Matrix(np.zeros((2, 3)), 0), "slots": POINTS}, "layout.metres", "a square"),
    ({"layout": matrix(depot=60), "slots": POINTS}, "layout.depot", "0 to 59"),
    ({"layout": matrix(size=9), "slots": POINTS}, "slots[9].point", "0 to 8"),
    ({"slots": slots(ids=("s0", "s0", *SLOTS.ids[2:]))}, "slots[1].id", "not given before"),
    ({"slots": slots(place=np.full(60, 7))}, "slots[0].aisle", "0 to 4"),
    ({"slots": slots(y=np.where(np.arange(60) == 5, 14.0, 1.0))}, "slots[5].y", "between the front and the back"),
    ({"slots": slots(y=np.where(np.arange(60) == 5, np.nan, 1.0))}, "slots[5].y", "between the front and the back"),
    ({"slots": slots(volume=np.full(60, -1.0))}, "slots[0].volume", "0 or more"),
    ({"slots": slots(weight=np.ones(59))}, "slots", "one value for each"),
    ({"items": items_of(0)}, "items", "1 to"),
    ({"items": replace(items_of(60), ids=("i0",) * 60)}, "items[1].id", "not given before"),
    ({"items": replace(items_of(60), ids=("", *items_of(60).ids[1:]))}, "items[0].id", "1 to 128 characters"),
    ({"items": items_of(60, weight=np.full(60, np.nan))}, "items[0].weight", "0 to"),
    ({"items": items_of(60, stock=np.full(60, -1))}, "items[0].stock", "0 to"),
    ({"orders": orders([1], [2], ids=("o", "o"))}, "orders[1].id", "not given before"),
    ({"orders": orders([1], [])}, "orders[1].lines", "1 to 2000"),
    ({"orders": orders([1], [2, 60])}, "orders[1].lines[1].item_id", "0 to 59"),
    ({"orders": orders([1], [2, 3, 2])}, "orders[1].lines[2].item_id", "each item once"),
    ({"orders": orders([1], [2], quantity=np.array([1, 0]))}, "orders[1].lines[0].quantity", "1 to"),
    ({"slot": np.where(np.arange(60) == 3, 0, np.arange(60))}, "items[3].slot_id", "a slot of its own: i0"),
    ({"slot": np.full(60, 60)}, "items[0].slot_id", "0 to 59, or -1"),
    ({"slot": np.full(60, -1), "orders": orders([1], [2])}, "orders[0].lines[0].item_id", "lies in a slot"),
    ({"limits": Limits(lines=0)}, "limits.lines", "more than 0"),
    ({"limits": Limits(weight=float("nan"))}, "limits.weight", "more than 0"),
    (
        {"limits": Limits(lines=2), "orders": orders([1], [2, 3, 4])},
        "orders[1]",
        "at most 2 lines, the most of one walk",
    ),
    ({"seconds": float("nan")}, "seconds", "0 to 300"),
    ({"seconds": 301.0}, "seconds", "0 to 300"),
    ({"orders": orders(*[[1]] * 2001)}, "orders", "1 to 2000"),
]


@pytest.mark.parametrize(
    ("other", "field", "expected"), BATCHES, ids=[f"{row[1]}-{k}" for k, row in enumerate(BATCHES)]
)
def test_a_bad_batching_is_refused(other: dict[str, Any], field: str, expected: str) -> None:
    """The field by its path in the request."""
    query: BatchQuery = batch_query(**other)
    with pytest.raises(InvalidInput) as caught:
        SERVICE.run_batch(query)
    assert caught.value.field == field
    assert expected in caught.value.message


SLOTTINGS: list[tuple[dict[str, Any], str, str]] = [
    ({"layout": matrix(), "slots": POINTS}, "layout", "aisles"),
    ({"items": items_of(61), "slot": np.full(61, -1)}, "items", "no more than there are slots (60)"),
    ({"items": items_of(50, zone=("cold",) * 50)}, "items[0]", "no slot is in the zone 'cold'"),
    (
        {"slots": slots(volume=np.full(60, 2.0)), "items": items_of(50, volume=np.where(np.arange(50) == 4, 3.0, 1.0))},
        "items[4]",
        "its stock takes 3 litres, the largest slot has 2",
    ),
    (
        {"slots": slots(weight=np.full(60, 2.0)), "items": items_of(50, weight=np.ones(50), stock=np.full(50, 3))},
        "items[0]",
        "its stock weighs 3 kg, the strongest slot carries 2",
    ),
    ({"items": items_of(50, pinned=np.ones(50, np.bool_)), "slot": np.full(50, -1)}, "items[0].pinned", "lies in"),
    ({"moves_max": -1}, "moves_max", "0 or more"),
    ({"moves_max": 3, "slot": np.full(50, -1)}, "moves_max", "all must lie somewhere"),
]


@pytest.mark.parametrize(("other", "field", "expected"), SLOTTINGS, ids=[row[1] for row in SLOTTINGS])
def test_a_bad_slotting_is_refused(other: dict[str, Any], field: str, expected: str) -> None:
    """Likewise."""
    query: SlottingQuery = slotting_query(**other)
    with pytest.raises(InvalidInput) as caught:
        SERVICE.run_slotting(query)
    assert caught.value.field == field
    assert expected in caught.value.message


def test_sums_of_decimals_are_not_above_their_limit() -> None:
    """Three times 0.1 litres fit into 0.3."""
    query = batch_query(
        items=items_of(60, volume=np.full(60, 0.1)), orders=orders([1, 2, 3], [4]), limits=Limits(volume=0.3)
    )
    assert len(SERVICE.run_batch(query).batches) == 2


def test_the_service_warms_up() -> None:
    """It ends, and what it compiles for is answered."""
    SERVICE.warm()
