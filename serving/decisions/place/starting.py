"""Where a slotting begins: popular, small things near the depot.

[1] Heskett 1963, Transportation and Distribution Management 3: the cube-per-order index, the space that an item takes
for each time it is ordered; the lowest go nearest. [2] Jarvis & McDowell 1991, IIE Transactions 23(1): aisle by aisle.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from serving.core.errors import InvalidInput
from serving.decisions.place.contract import F64, I64, Aisles, Items, Orders, Slots
from serving.decisions.place.fitting import Fitting, needs

NEAREST = "nearest"
BY_AISLE = "by-aisle"


def cube_per_order(items: Items, orders: Orders) -> F64:
    """(items,) the index: litres for each line; what was never ordered comes last. Without volumes all are alike."""
    lines = np.bincount(orders.item, minlength=len(items)).astype(np.float64)
    volume, _ = needs(items)
    cube = volume if items.volume is not None else np.ones(len(items))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(lines > 0, cube / lines, np.inf)


def slot_order(layout: Aisles, slots: Slots, how: str) -> I64:
    """Slots from the best to the worst: by the walk from the depot to each and home; or aisle by aisle."""
    end = layout.depot_x if layout.end_x is None else layout.end_x
    x = layout.aisle_x[slots.place]
    across = np.abs(x - layout.depot_x) + np.abs(x - end)
    along = 2 * (slots.y - layout.cross_y[0])
    if how == NEAREST:
        return np.lexsort((along, across + along)).astype(np.int64)
    return np.lexsort((along, slots.place, across)).astype(np.int64)


def assigned(index: F64, ranked: I64, fits: Fitting, slot: I64, fixed: np.ndarray, items: Items) -> I64:
    """(items,) a slot for each: the lowest index first, to the first slot in `ranked` (slots,) that is free and that it
    fits. Where none is left, items that were placed give way. Raises InvalidInput where not all can be placed."""
    found = np.where(fixed, slot, -1)
    holder = np.full(len(ranked), -1, np.int64)
    holder[found[found >= 0]] = np.flatnonzero(found >= 0)
    scarce = fits.allowed.sum(axis=1)[fits.kind]
    cursor = np.zeros(len(fits.allowed), np.int64)
    for item in np.lexsort((scarce, index)).tolist():
        if found[item] >= 0:
            continue
        kind = int(fits.kind[item])
        at = int(cursor[kind])
        while at < len(ranked) and (holder[ranked[at]] >= 0 or not fits.allowed[kind, ranked[at]]):
            at += 1
        cursor[kind] = at
        if at < len(ranked):
            found[item], holder[ranked[at]] = ranked[at], item
        elif not _make_way(item, ranked, fits, found, holder, fixed):
            raise InvalidInput(
                f"items[{item}]", items.ids[item],
                "an item that still finds a slot: too many items need the same few slots", reason="NO_SLOT",
            )  # fmt: skip
    return found


def _make_way(item: int, ranked: I64, fits: Fitting, found: I64, holder: I64, fixed: np.ndarray) -> bool:
    """An augmenting path to a free slot, by breadth."""
    came: dict[int, int] = {}  # slot -> the item that would take it
    waiting = deque([item])
    while waiting:
        asking = waiting.popleft()
        for slot in np.flatnonzero(fits.allowed[fits.kind[asking]]).tolist():
            if slot in came:
                continue
            came[slot] = asking
            sitting = int(holder[slot])
            if sitting < 0:
                while True:
                    taker = came[slot]
                    before = int(found[taker])
                    found[taker], holder[slot] = slot, taker
                    if taker == item:
                        return True
                    slot = before
            if not fixed[sitting]:
                waiting.append(sitting)
    return False
