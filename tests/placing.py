"""Warehouses and orders for the tests of Place."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from serving.adapters.slot_moves import choose_moves
from serving.decisions.place.contract import Aisles, BatchQuery, Items, Limits, Orders, Slots, SlottingQuery
from serving.decisions.place.service import PlacementService


@cache
def compiled() -> None:
    """Searches end by the clock: what they compile must not take their time."""
    PlacementService(choose_moves).warm()


def warehouse(aisles: int = 5, places: int = 12, cross: tuple[float, ...] = (0.0, 13.0)) -> tuple[Aisles, Slots]:
    """One slot at each place; the depot in front of the first aisle."""
    n = np.arange(aisles * places)
    layout = Aisles(3.0 * np.arange(aisles), np.array(cross), 0.0)
    return layout, Slots(tuple(f"s{k}" for k in n), n // places, n % places + 1.0)


def orders_of(*rows: list[int], quantity: int = 1) -> Orders:
    """Orders o0, o1, ... of these items."""
    start = np.append(0, np.cumsum([len(row) for row in rows])).astype(np.int64)
    item = np.array([item for row in rows for item in row], np.int64)
    return Orders(tuple(f"o{k}" for k in range(len(rows))), start, item, np.full(len(item), quantity, np.int64))


def drawn_orders(count: int, items: int, seed: int, most: int = 5) -> Orders:
    """Popular items come first in number; items of one family of ten are ordered together."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        family = rng.integers(0, items // 10)
        some = {int(family + items // 10 * rng.integers(0, 10)) for _ in range(rng.integers(1, most))}
        rows.append(sorted(some | {int(rng.geometric(0.1)) % items}))
    return orders_of(*rows)


def items_of(count: int, **facts: Any) -> Items:
    return Items(tuple(f"i{k}" for k in range(count)), **facts)


def batch_query(count: int = 40, seed: int = 0, limits: Limits | None = None, **other: Any) -> BatchQuery:
    """60 items, one in each slot, scattered."""
    layout, slots = warehouse()
    slot = np.random.default_rng(seed).permutation(60).astype(np.int64)
    asked = {
        "layout": layout, "slots": slots, "items": items_of(60), "orders": drawn_orders(count, 60, seed), "slot": slot,
        "limits": limits or Limits(lines=10), "seconds": 0.2, "seed": seed,
    }  # fmt: skip
    return BatchQuery(**(asked | other))


def slotting_query(seed: int = 0, **other: Any) -> SlottingQuery:
    """50 items scattered over 60 slots, and 300 orders."""
    layout, slots = warehouse()
    slot = np.random.default_rng(seed).permutation(60)[:50].astype(np.int64)
    asked = {
        "layout": layout, "slots": slots, "items": items_of(50), "orders": drawn_orders(300, 50, seed), "slot": slot,
        "seconds": 5.0, "seed": seed,
    }  # fmt: skip
    return SlottingQuery(**(asked | other))
