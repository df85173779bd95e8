"""What PlanSlotting and BatchOrders have in common: layouts, slots, items and orders, from messages to arrays.

Every id becomes its position. What is wrong with a field is told here; what does not fit together, by the decision.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from serving.core.errors import InvalidInput
from serving.core.ids import check_id
from serving.decisions.place.contract import (
    AISLES_MAX,
    CROSS_MAX,
    ID_LENGTH_MAX,
    ITEMS_MAX,
    LINES_MAX,
    LINES_PER_ORDER_MAX,
    METRES_MAX,
    POINTS_MAX,
    SLOTS_MAX,
    UNITS_MAX,
    Aisles,
    Items,
    Layout,
    Matrix,
    Orders,
    Slots,
)

AMOUNT_MAX: Final = 1e9
"""Litres or kilograms of one thing."""
SYMMETRY: Final = 1e-9
"""Relative difference of two ways that are the same."""


def layout_of(message: Any) -> tuple[Layout, Mapping[str, int]]:
    """The layout, and aisle id -> position; a Matrix has none. Raises InvalidInput."""
    shape = message.WhichOneof("shape")
    if shape is None:
        raise InvalidInput("layout", "none", "a layout of aisles or of distances", reason="MISSING_LAYOUT")
    return _aisles(message.aisles) if shape == "aisles" else (_matrix(message.distances), {})


def slots_of(rows: Sequence[Any], layout: Layout, aisles: Mapping[str, int]) -> tuple[Slots, dict[str, int]]:
    """The slots, and slot id -> position. aisles: of `layout_of`. Raises InvalidInput."""
    known = _positions("slots", "slot_id", rows, 1, SLOTS_MAX)
    place, y = np.zeros(len(rows), np.int64), np.zeros(len(rows))
    for number, row in enumerate(rows):
        here = f"slots[{number}]"
        if isinstance(layout, Matrix):
            if row.aisle_id:
                raise InvalidInput(f"{here}.aisle_id", row.aisle_id, "none: the layout is one of distances")
            place[number] = _within(f"{here}.point", row.point, len(layout.metres))
            continue
        if row.aisle_id not in aisles:
            raise InvalidInput(
                f"{here}.aisle_id",
                row.aisle_id,
                f"one of the layout's aisles: {_some_of(aisles)}",
                reason="UNKNOWN_AISLE",
            )
        place[number] = aisles[row.aisle_id]
        y[number] = _number(f"{here}.y_metres", row.y_metres, float(layout.cross_y[0]), float(layout.cross_y[-1]))
    zones = tuple(check_id(f"slots[{number}].zone", row.zone) for number, row in enumerate(rows))
    slots = Slots(
        tuple(known),
        place,
        y,
        zones if any(zones) else (),
        _bounds("slots", "volume_litres", rows),
        _bounds("slots", "weight_kg", rows),
    )
    return slots, known


def items_of(rows: Sequence[Any], slots: Mapping[str, int]) -> tuple[Items, np.ndarray, dict[str, int]]:
    """The items, the slot of each (-1 = nowhere), and item id -> position. Raises InvalidInput."""
    known = _positions("items", "item_id", rows, 1, ITEMS_MAX)
    slot, taken = np.full(len(rows), -1, np.int64), dict[int, int]()
    for number, row in enumerate(rows):
        if not row.slot_id:
            continue
        here = f"items[{number}].slot_id"
        if row.slot_id not in slots:
            raise InvalidInput(here, row.slot_id, f"one of the slots: {_some_of(slots)}", reason="UNKNOWN_SLOT")
        slot[number] = at = slots[row.slot_id]
        if (other := taken.setdefault(at, number)) != number:
            raise InvalidInput(
                here, row.slot_id, f"a slot of its own: items[{other}] ({rows[other].item_id}) lies there",
                reason="SLOT_TAKEN",
            )  # fmt: skip
    zones = tuple(check_id(f"items[{number}].zone", row.zone) for number, row in enumerate(rows))
    units = [_whole(f"items[{number}].units", row.units or 1, 1, UNITS_MAX) for number, row in enumerate(rows)]
    items = Items(
        tuple(known),
        _amounts("items", "volume_litres", rows),
        _amounts("items", "weight_kg", rows),
        np.array(units, np.int64),
        zones if any(zones) else (),
        np.array([row.pinned for row in rows], np.bool_) if any(row.pinned for row in rows) else None,
    )
    return items, slot, known


def orders_of(rows: Sequence[Any], items: Mapping[str, int], orders_max: int) -> Orders:
    """The orders; lines of one item are added up. Raises InvalidInput."""
    known = _positions("orders", "order_id", rows, 1, orders_max)
    starts, item, quantity = [0], list[int](), list[int]()
    for number, row in enumerate(rows):
        if not 1 <= len(row.lines) <= LINES_PER_ORDER_MAX:
            raise InvalidInput(f"orders[{number}].lines", f"{len(row.lines)} lines", f"1 to {LINES_PER_ORDER_MAX}")
        asked: dict[int, int] = {}
        for place, units in _lines(f"orders[{number}].lines", row.lines, items):
            asked[place] = asked.get(place, 0) + units
        item += asked
        quantity += asked.values()
        starts.append(len(item))
        if len(item) > LINES_MAX:
            raise InvalidInput("orders", f"more than {LINES_MAX} lines", f"at most {LINES_MAX} lines together")
    return Orders(tuple(known), np.array(starts, np.int64), np.array(item, np.int64), np.array(quantity, np.int64))


def amount(field: str, value: float) -> float:
    """Litres or kilograms, 0 or more."""
    return _number(field, value, 0.0, AMOUNT_MAX)


def _lines(field: str, lines: Sequence[Any], items: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """(item, units) of each line."""
    for number, line in enumerate(lines):
        if line.item_id not in items:
            raise InvalidInput(
                f"{field}[{number}].item_id", line.item_id, "one of the items of the request", reason="UNKNOWN_ITEM"
            )
        units = line.quantity or 1
        yield items[line.item_id], _whole(f"{field}[{number}].quantity", units, 1, UNITS_MAX)


def _aisles(message: Any) -> tuple[Aisles, Mapping[str, int]]:
    field = "layout.aisles"
    known = _positions(f"{field}.aisles", "aisle_id", message.aisles, 1, AISLES_MAX)
    x = _ascending(f"{field}.aisles[{{}}].x_metres", [aisle.x_metres for aisle in message.aisles])
    if not 2 <= len(message.cross_aisle_y_metres) <= CROSS_MAX:
        raise InvalidInput(
            f"{field}.cross_aisle_y_metres",
            f"{len(message.cross_aisle_y_metres)} cross aisles",
            f"2 to {CROSS_MAX}: the front and the back, and what is between them",
        )
    y = _ascending(f"{field}.cross_aisle_y_metres[{{}}]", message.cross_aisle_y_metres)
    depot = _coordinate(f"{field}.depot_x_metres", message.depot_x_metres)
    end = _coordinate(f"{field}.end_x_metres", message.end_x_metres) if message.HasField("end_x_metres") else None
    return Aisles(x, y, depot, end), known


def _matrix(message: Any) -> Matrix:
    field, n = "layout.distances", message.points
    if not 1 <= n <= POINTS_MAX:
        raise InvalidInput(f"{field}.points", n, f"1 to {POINTS_MAX}")
    if len(message.metres) != n * n:
        raise InvalidInput(f"{field}.metres", f"{len(message.metres)} distances", f"{n * n}: points times points")
    metres = np.array(message.metres, np.float64).reshape(n, n)
    wrong = ~((metres >= 0) & (metres <= METRES_MAX))  # not a number compares as wrong too
    _refuse_cell(metres, wrong, f"0 to {METRES_MAX:,.0f} m: every point can be reached", "UNREACHABLE")
    _refuse_cell(metres, np.eye(n, dtype=bool) & (metres != 0), "0 on the diagonal", "INVALID_FIELD")
    _refuse_cell(metres, ~np.isclose(metres, metres.T, SYMMETRY, 0), "the same there and back", "ASYMMETRIC_DISTANCES")
    end = _within(f"{field}.end", message.end, n) if message.HasField("end") else None
    return Matrix(metres, _within(f"{field}.depot", message.depot, n), end)


def _refuse_cell(metres: np.ndarray, wrong: np.ndarray, expected: str, reason: str) -> None:
    """Names the first of the wrong cells, if there are any."""
    if wrong.any():
        one, other = np.unravel_index(int(wrong.argmax()), wrong.shape)
        cell = f"layout.distances.metres[{one * len(metres) + other}]"
        told = f"{metres[one, other]} from point {one} to {other} (back: {metres[other, one]})"
        raise InvalidInput(cell, told, expected, reason=reason)


def _positions(field: str, name: str, rows: Sequence[Any], low: int, high: int) -> dict[str, int]:
    """Id -> position."""
    if not low <= len(rows) <= high:
        raise InvalidInput(field, f"{len(rows)} rows", f"{low} to {high:,}", reason="WRONG_COUNT")
    known: dict[str, int] = {}
    for number, row in enumerate(rows):
        here, value = f"{field}[{number}].{name}", getattr(row, name)
        if not value or len(value) > ID_LENGTH_MAX:
            raise InvalidInput(here, value, f"an id of 1 to {ID_LENGTH_MAX} characters")
        if known.setdefault(check_id(here, value), number) != number:
            raise InvalidInput(here, value, f"each id once: {field}[{known[value]}] has it", reason="REPEATED_ID")
    return known


def _ascending(field: str, values: Iterable[float]) -> np.ndarray:
    """field: with {} for the position."""
    known: list[float] = []
    for number, value in enumerate(values):
        known.append(_coordinate(field.format(number), value))
        if number and value <= known[-2]:
            raise InvalidInput(field.format(number), value, f"more than {known[-2]:g}, which comes before it")
    return np.array(known, np.float64)


def _coordinate(field: str, value: float) -> float:
    return _number(field, value, -METRES_MAX, METRES_MAX)


def _bounds(field: str, name: str, rows: Sequence[Any]) -> np.ndarray | None:
    """Infinite where a row has none; None where none has one."""
    if not any(row.HasField(name) for row in rows):
        return None
    values = [
        amount(f"{field}[{number}].{name}", getattr(row, name)) if row.HasField(name) else math.inf
        for number, row in enumerate(rows)
    ]
    return np.array(values, np.float64)


def _amounts(field: str, name: str, rows: Sequence[Any]) -> np.ndarray | None:
    """None where all are 0."""
    values = [amount(f"{field}[{number}].{name}", getattr(row, name)) for number, row in enumerate(rows)]
    return np.array(values, np.float64) if any(values) else None


def _number(field: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:  # neither is what is not a number
        raise InvalidInput(field, value, f"{low:g} to {high:g}")
    return float(value)


def _whole(field: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise InvalidInput(field, value, f"{low} to {high:,}")
    return int(value)


def _within(field: str, value: int, count: int) -> int:
    """A position below `count`."""
    return _whole(field, value, 0, count - 1)


def _some_of(names: Mapping[str, int]) -> str:
    """The first few."""
    shown = list(names)[:5]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
