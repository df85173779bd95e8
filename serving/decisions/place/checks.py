"""What a query must be. Errors name the aisle, slot, item or order, its value and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput
from serving.decisions.place.contract import (
    AISLES_MAX,
    BATCH_ORDERS_MAX,
    CROSS_MAX,
    F64,
    I64,
    ID_LENGTH_MAX,
    ITEMS_MAX,
    LINES_MAX,
    LINES_PER_ORDER_MAX,
    METRES_MAX,
    ORDERS_MAX,
    POINTS_MAX,
    SECONDS_MAX,
    SLOTS_MAX,
    UNITS_MAX,
    Aisles,
    BatchQuery,
    Items,
    Layout,
    Limits,
    Matrix,
    Orders,
    Slots,
    SlottingQuery,
)
from serving.decisions.place.fitting import DIMENSIONS, bounds, fitting, loads, unfit

BIG: Final = 1e12
"""Of a volume or a weight."""
DUPLICATE: Final = "DUPLICATE_ID"
TOO_MANY: Final = "TOO_MANY"
NO_SLOT: Final = "NO_SLOT"


def check_batch(query: BatchQuery) -> None:
    """Raises InvalidInput."""
    check_layout(query.layout)
    check_slots(query.slots, query.layout)
    check_items(query.items)
    check_orders(query.orders, query.items, BATCH_ORDERS_MAX)
    check_slot(query.slot, query.items, query.slots)
    lying = query.slot[query.orders.item] >= 0
    if not lying.all():
        line = int(np.argmin(lying))
        field, item = _line(query.orders, line), query.items.ids[query.orders.item[line]]
        raise InvalidInput(f"{field}.item_id", item, "an item that lies in a slot", reason=NO_SLOT)
    _check_seconds(query.seconds)
    check_limits(query.limits, query.items, query.orders)


def check_slotting(query: SlottingQuery) -> None:
    """Raises InvalidInput."""
    if not isinstance(query.layout, Aisles):
        raise InvalidInput("layout", "a matrix", "aisles: shelves are chosen by their place in an aisle")
    check_layout(query.layout)
    check_slots(query.slots, query.layout)
    check_items(query.items)
    if len(query.items) > len(query.slots):
        expected = f"no more than there are slots ({len(query.slots)})"
        raise InvalidInput("items", f"{len(query.items)} items", expected, reason=TOO_MANY)
    check_orders(query.orders, query.items, ORDERS_MAX)
    check_slot(query.slot, query.items, query.slots)
    _check_fit(query.items, query.slots, query.slot)
    if query.moves_max is not None and query.moves_max < 0:
        raise InvalidInput("moves_max", query.moves_max, "0 or more, or none for no bound")
    if query.moves_max is not None and (query.slot[query.orders.item] < 0).any():
        item = query.orders.item[int(np.argmax(query.slot[query.orders.item] < 0))]
        raise InvalidInput(
            "moves_max", f"{query.moves_max}, and {query.items.ids[item]} lies nowhere", "none: all must lie somewhere"
        )
    _check_seconds(query.seconds)


def check_layout(layout: Layout) -> None:
    """Raises InvalidInput."""
    if isinstance(layout, Matrix):
        _check_matrix(layout)
        return
    _check_ascending("layout.aisle_x", layout.aisle_x, 1, AISLES_MAX)
    _check_ascending("layout.cross_aisle_y", layout.cross_y, 2, CROSS_MAX)
    for name, x in (("depot_x", layout.depot_x), ("end_x", layout.end_x)):
        if x is not None and not abs(x) <= METRES_MAX:
            raise InvalidInput(f"layout.{name}", x, f"metres, -{METRES_MAX:g} to {METRES_MAX:g}")


def check_slots(slots: Slots, layout: Layout) -> None:
    """Raises InvalidInput."""
    _check_ids("slots", slots.ids, SLOTS_MAX)
    _check_lengths("slots", len(slots), slots.place, slots.y, slots.zone or None, slots.volume, slots.weight)
    places = len(layout.metres) if isinstance(layout, Matrix) else len(layout.aisle_x)
    what = "point" if isinstance(layout, Matrix) else "aisle"
    _check_each(f"slots[{{}}].{what}", slots.place, (slots.place >= 0) & (slots.place < places), f"0 to {places - 1}")
    if isinstance(layout, Aisles):
        low, high = layout.cross_y[0], layout.cross_y[-1]
        inside = (slots.y >= low) & (slots.y <= high)
        _check_each("slots[{}].y", slots.y, inside, f"metres between the front and the back ({low:g} to {high:g})")
    for name, room in (("volume", slots.volume), ("weight", slots.weight)):
        if room is not None:
            _check_each(f"slots[{{}}].{name}", room, room >= 0, "0 or more")


def check_items(items: Items) -> None:
    """Raises InvalidInput."""
    _check_ids("items", items.ids, ITEMS_MAX)
    _check_lengths("items", len(items), items.volume, items.weight, items.stock, items.zone or None, items.pinned)
    for name, amount in (("volume", items.volume), ("weight", items.weight)):
        if amount is not None:
            _check_each(f"items[{{}}].{name}", amount, (amount >= 0) & (amount <= BIG), f"0 to {BIG:g}")
    if items.stock is not None:
        fine = (items.stock >= 0) & (items.stock <= UNITS_MAX)
        _check_each("items[{}].stock", items.stock, fine, f"0 to {UNITS_MAX} units")


def check_orders(orders: Orders, items: Items, most: int) -> None:
    """Raises InvalidInput."""
    _check_ids("orders", orders.ids, most)
    if len(orders.item) > LINES_MAX:
        expected = f"at most {LINES_MAX}: a shorter history"
        raise InvalidInput("orders", f"{len(orders.item)} lines", expected, reason=TOO_MANY)
    sizes = np.diff(orders.start)
    fine = (sizes >= 1) & (sizes <= LINES_PER_ORDER_MAX)
    if not fine.all():
        order = int(np.argmin(fine))
        raise InvalidInput(f"orders[{order}].lines", f"{sizes[order]} lines", f"1 to {LINES_PER_ORDER_MAX}")
    for name, values, low, high in (
        ("item_id", orders.item, 0, len(items) - 1),
        ("quantity", orders.quantity, 1, UNITS_MAX),
    ):
        fine = (values >= low) & (values <= high)
        if not fine.all():
            line = int(np.argmin(fine))
            raise InvalidInput(f"{_line(orders, line)}.{name}", int(values[line]), f"{low} to {high}")
    owner = np.repeat(np.arange(len(orders)), sizes)
    by = np.lexsort((orders.item, owner))
    same = (owner[by][1:] == owner[by][:-1]) & (orders.item[by][1:] == orders.item[by][:-1])
    if same.any():
        line = int(by[1:][np.argmax(same)])
        expected = "each item once in an order: add its quantities"
        raise InvalidInput(
            f"{_line(orders, line)}.item_id", items.ids[orders.item[line]], expected, reason=DUPLICATE
        )  # fmt: skip


def check_slot(slot: I64, items: Items, slots: Slots) -> None:
    """Where the items lie. Raises InvalidInput."""
    _check_lengths("items", len(items), slot)
    _check_each("items[{}].slot_id", slot, (slot >= -1) & (slot < len(slots)), f"0 to {len(slots) - 1}, or -1")
    used = np.flatnonzero(slot >= 0)
    first = np.full(len(slots), -1)
    for item in used.tolist():
        if first[slot[item]] >= 0:
            other = items.ids[first[slot[item]]]
            raise InvalidInput(
                f"items[{item}].slot_id", slots.ids[slot[item]], f"a slot of its own: {other} lies there already"
            )
        first[slot[item]] = item


def check_limits(limits: Limits, items: Items, orders: Orders) -> None:
    """Raises InvalidInput; also for an order that no walk could take."""
    given = (limits.orders, limits.lines, limits.units, limits.volume, limits.weight)
    for name, bound in zip(DIMENSIONS, given, strict=True):
        if bound is not None and not 0 < bound <= BIG:
            raise InvalidInput(f"limits.{name}", bound, "more than 0")
    load = loads(items, orders)
    for name, bound, most, of_order in zip(DIMENSIONS, given, bounds(limits), load.T, strict=True):
        if bound is not None and of_order.max() > most:
            order = int(np.argmax(of_order))
            expected = f"at most {bound:g} {name}, the most of one walk: split it, or allow more"
            raise InvalidInput(f"orders[{order}]", f"{orders.ids[order]} with {of_order[order]:g} {name}", expected)


def _check_fit(items: Items, slots: Slots, slot: I64) -> None:
    """Raises InvalidInput for an item that fits no slot, and for one that must stay where it does not lie."""
    kinds = fitting(items, slots)
    for item, count in enumerate(kinds.choices.tolist()):
        if count == 0:
            raise InvalidInput(
                f"items[{item}]", items.ids[item], f"an item that fits a slot: {unfit(items, slots, item)}",
                reason=NO_SLOT,
            )  # fmt: skip
    if items.pinned is not None and (lost := np.flatnonzero(items.pinned & (slot < 0))).size:
        raise InvalidInput(f"items[{lost[0]}].pinned", items.ids[lost[0]], "an item that lies in a slot")


def _check_matrix(matrix: Matrix) -> None:
    metres, size = matrix.metres, len(matrix.metres)
    if metres.ndim != 2 or metres.shape[1] != size or not 1 <= size <= POINTS_MAX:
        raise InvalidInput("layout.metres", f"shape {metres.shape}", f"a square of 1 to {POINTS_MAX} points")
    fine = np.isfinite(metres) & (metres >= 0) & (metres <= METRES_MAX)
    _check_pair(metres, fine, f"0 to {METRES_MAX:g} metres: every point must be reached")
    _check_pair(metres, np.abs(metres - metres.T) <= 1e-6, "the same distance in both directions")
    _check_pair(metres, ~np.eye(size, dtype=np.bool_) | (metres == 0), "0: a point is where it is")
    for name, point in (("depot", matrix.depot), ("end", matrix.end)):
        if point is not None and not 0 <= point < size:
            raise InvalidInput(f"layout.{name}", point, f"0 to {size - 1}")


def _check_pair(metres: F64, fine: npt.NDArray[np.bool_], expected: str) -> None:
    if not fine.all():
        a, b = (int(k) for k in np.argwhere(~fine)[0])
        raise InvalidInput(f"layout.metres[{a}][{b}]", float(metres[a, b]), expected)


def _check_ascending(field: str, values: F64, least: int, most: int) -> None:
    if not least <= len(values) <= most:
        raise InvalidInput(field, f"{len(values)} of them", f"{least} to {most}")
    _check_each(field + "[{}]", values, np.abs(values) <= METRES_MAX, f"metres, -{METRES_MAX:g} to {METRES_MAX:g}")
    more = np.diff(values, prepend=-np.inf) > 0
    _check_each(field + "[{}]", values, more, "more than the one before it")


def _check_ids(field: str, ids: Sequence[str], most: int) -> None:
    if not 1 <= len(ids) <= most:
        raise InvalidInput(field, f"{len(ids)} {field}", f"1 to {most}", reason=TOO_MANY if ids else "INVALID_FIELD")
    seen: set[str] = set()
    for number, name in enumerate(ids):
        if not 0 < len(name) <= ID_LENGTH_MAX:
            raise InvalidInput(f"{field}[{number}].id", name, f"1 to {ID_LENGTH_MAX} characters")
        if name in seen:
            raise InvalidInput(f"{field}[{number}].id", name, "an id that was not given before", reason=DUPLICATE)
        seen.add(name)


def _check_lengths(field: str, size: int, *columns: Sequence[str] | npt.NDArray[np.generic] | None) -> None:
    for column in columns:
        if column is not None and len(column) != size:
            raise InvalidInput(field, f"{len(column)} values for {size} {field}", "one value for each")


def _check_each(field: str, values: npt.NDArray[np.generic], fine: npt.NDArray[np.bool_], expected: str) -> None:
    """NaN is never fine."""
    if not fine.all():
        at = int(np.argmin(fine))
        raise InvalidInput(field.format(at), values[at].item(), expected)


def _check_seconds(seconds: float) -> None:
    if not 0 <= seconds <= SECONDS_MAX:
        raise InvalidInput("seconds", seconds, f"0 to {SECONDS_MAX:g}")


def _line(orders: Orders, line: int) -> str:
    order = int(np.searchsorted(orders.start, line, side="right")) - 1
    return f"orders[{order}].lines[{line - int(orders.start[order])}]"
