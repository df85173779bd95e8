"""The warehouse that Place is judged in, and a shop's baskets as orders.

10 aisles, 5 m from one to the next, between a front and a back cross aisle 91 m apart; 90 places in each aisle, 1 m
from one to the next, the first 1 m behind the front; 5 slots at each place (levels and sides), 4,500 in all. The depot
is at the front, in the middle between the fifth and the sixth aisle. One item a slot; where it lies is drawn by a seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from model_repo.datasets.tables import Dataset
from serving.core.errors import InvalidInput
from serving.decisions.place.contract import I64, Aisles, Items, Orders, Slots
from serving.events.types import PURCHASE

AISLES: Final = 10
PLACES: Final = 90
LEVELS: Final = 5
PITCH: Final = 5.0


@dataclass(frozen=True, slots=True)
class World:
    """orders: in time; time_s: (orders,) of each."""

    layout: Aisles
    slots: Slots
    items: Items
    orders: Orders
    time_s: I64
    scattered: I64
    """(items,) the slot where each lies, drawn by the seed."""


def layout() -> tuple[Aisles, Slots]:
    """As above."""
    numbers = np.arange(AISLES * PLACES * LEVELS)
    aisle, y = numbers // (PLACES * LEVELS), numbers % (PLACES * LEVELS) // LEVELS + 1
    ids = tuple(f"{a + 1:02d}-{p:02d}-{n % LEVELS + 1}" for n, a, p in zip(numbers, aisle, y, strict=True))
    block = Aisles(PITCH * np.arange(AISLES), np.array([0.0, PLACES + 1.0]), PITCH * (AISLES - 1) / 2)
    return block, Slots(ids, aisle.astype(np.int64), y.astype(np.float64))


def world(dataset: Dataset, seed: int) -> World:
    """Every basket that was bought is an order. Raises InvalidInput for a shop with more items than slots."""
    block, slots = layout()
    bought = dataset.events.where(dataset.events.type == PURCHASE)
    bought = bought.where(bought.quantity > 0)
    sold, item = np.unique(bought.item, return_inverse=True)
    if not len(sold):
        raise InvalidInput("transactions", "no sales", "a shop that sold something")
    if len(sold) > len(slots):
        raise InvalidInput("transactions", f"{len(sold)} items", f"at most {len(slots)}, the slots of the warehouse")
    baskets, first, basket = np.unique(bought.basket, return_index=True, return_inverse=True)
    order = np.empty(len(baskets), np.int64)
    order[np.argsort(bought.time_s[first], kind="stable")] = np.arange(len(baskets))
    key, line = np.unique(order[basket] * len(sold) + item, return_inverse=True)
    quantity = np.bincount(line.reshape(-1), bought.quantity).astype(np.int64)
    start = np.searchsorted(key, np.arange(len(baskets) + 1) * len(sold)).astype(np.int64)
    names = np.empty(len(baskets), np.int64)
    names[order] = baskets
    time_s = np.empty(len(baskets), np.int64)
    time_s[order] = bought.time_s[first]
    return World(
        block,
        slots,
        Items(tuple(dataset.items[k].item_id for k in sold)),
        Orders(tuple(str(name) for name in names), start, key % len(sold), quantity),
        time_s,
        np.random.default_rng(seed).permutation(len(slots))[: len(sold)].astype(np.int64),
    )


def some(orders: Orders, which: I64) -> Orders:
    """These orders, in this order."""
    sizes = np.diff(orders.start)[which]
    lines = np.concatenate([np.arange(orders.start[k], orders.start[k + 1]) for k in which])
    start = np.append(0, np.cumsum(sizes)).astype(np.int64)
    return Orders(tuple(orders.ids[k] for k in which), start, orders.item[lines], orders.quantity[lines])
