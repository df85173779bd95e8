"""What the searches of slotting share: the query as the kernels read it, its history or a part of it, the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from serving.decisions.place.contract import I64, Bools, Items, Orders, SlottingQuery
from serving.decisions.place.fitting import Fitting, fitting
from serving.decisions.place.ground import ground_of
from serving.decisions.place.ports import Stop
from serving.kernels.slotting import History, Shelves, lay_out

LINES: Final = 150_000
"""Of a history that is looked at at a time: what is longer is drawn from, anew for each phase."""


@dataclass(frozen=True, slots=True)
class Case:
    """A checked query as the kernels read it."""

    query: SlottingQuery
    fits: Fitting
    fixed: Bools
    slot_point: I64
    whole: History


@dataclass(slots=True)
class Time:
    """When a search must end."""

    clock: Callable[[], float]
    stop: Stop
    until: float

    def over(self) -> bool:
        return self.clock() >= self.until or self.stop()


def case_of(query: SlottingQuery) -> Case:
    """With its whole history."""
    fits = fitting(query.items, query.slots)
    pinned = query.items.pinned
    fixed = np.zeros(len(query.items), np.bool_) if pinned is None else pinned
    ground, point = ground_of(query.layout, query.slots, np.arange(len(query.slots)))
    whole = history_of(query.orders, query.items, ground, point, fits, fixed)
    return Case(query, fits, fixed, point, whole)


def history_of(
    orders: Orders, items: Items, ground: object, point: I64, fits: Fitting, fixed: Bools, only: I64 | None = None
) -> History:  # fmt: skip
    """Orders by item and items by order. only: positions of the orders that are looked at, None = all."""
    sizes, item = np.diff(orders.start), orders.item
    if only is not None:
        lines = np.zeros(len(orders), np.bool_)
        lines[only] = True
        item, sizes = item[np.repeat(lines, sizes)], sizes[lines]
    start = np.append(0, np.cumsum(sizes)).astype(np.int64)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    by = np.argsort(item, kind="stable")
    ranked = np.argsort(point, kind="stable")
    rank = np.empty_like(ranked)
    rank[ranked] = np.arange(len(ranked))
    item_start = np.searchsorted(item[by], np.arange(len(items) + 1)).astype(np.int64)
    return History(
        ground, point, ranked, rank, start, item.copy(), item_start, owner[by], item[by], fits.kind, fits.allowed, fixed
    )


def shelves_of(case: Case, history: History, slot: I64) -> Shelves:
    """With the items in these slots; not laid out yet."""
    slot_item = np.full(len(case.query.slots), -1, np.int64)
    lying = np.flatnonzero(slot >= 0)
    slot_item[slot[lying]] = lying
    return Shelves(
        slot.copy(), slot_item, np.zeros(len(history.items), np.int64), np.zeros(len(history.start) - 1)
    )  # fmt: skip


def metres_of(case: Case, slot: I64) -> float:
    """Over the whole history, with the items in these slots."""
    return float(lay_out(case.whole, shelves_of(case, case.whole, slot)))


def drawn(case: Case, phase: int) -> History:
    """Some orders of a long history, with LINES lines or so."""
    orders, rng = case.query.orders, np.random.default_rng([case.query.seed, phase])
    mixed = rng.permutation(len(orders))
    enough = int(np.searchsorted(np.cumsum(np.diff(orders.start)[mixed]), LINES)) + 1
    whole = case.whole
    return history_of(orders, case.query.items, whole.ground, whole.slot_point, case.fits, case.fixed, mixed[:enough])


def scratch(history: History) -> tuple[I64, I64]:
    """Marks of orders, and room for the longest."""
    return np.zeros(len(history.start), np.int64), np.empty(int(np.diff(history.start).max()) + 1, np.int64)
