"""What few moves can bring at most: the walks of orders from which the moved items were already picked.

An item that moves costs no metres at best. So the walks without the moved items are a lower bound for any slotting that
moves those alone. Which items they are is chosen greedily, on the very orders that are judged: that flatters the limit,
but it is no proof that no other set of items saves more.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from model_repo.evaluate.place.world import World, some
from serving.decisions.place.contract import F64, I64
from serving.decisions.place.ground import ground_of, walked
from serving.kernels.picker_ground import Ground

ROUNDS: Final = 8
"""In which the items are chosen: what one saves depends on those that are gone before it."""


def without_best(world: World, slot: I64, which: I64, most: int) -> F64:
    """(orders,) metres of the shortest walk of each order `which` without the `most` items whose absence saves most.

    slot: (items,) where things lie.
    """
    orders = some(world.orders, which)
    ground, point = ground_of(world.layout, world.slots, slot)
    gone = np.zeros(len(world.items), np.bool_)
    for step in range(ROUNDS):
        left = orders.item[~gone[orders.item]]
        if not len(left):
            break
        saved = np.zeros(len(gone))
        for items in _rows(orders.start, orders.item, gone):
            np.add.at(saved, items, _absence(ground, point[items]))
        chosen = np.argsort(-np.where(gone, -1.0, saved), kind="stable")
        gone[chosen[: most * (step + 1) // ROUNDS - most * step // ROUNDS]] = True
    metres = np.zeros(len(orders))
    for order, items in enumerate(_rows(orders.start, orders.item, gone)):
        if len(items):
            metres[order] = _walk(ground, np.sort(point[items]))
    return metres


def _rows(start: I64, item: I64, gone: np.ndarray) -> list[I64]:
    """The items of each order that are not gone."""
    rows = np.split(item, start[1:-1])
    return [row[~gone[row]] for row in rows]


def _absence(ground: Ground, points: I64) -> F64:
    """(k,) metres that the walk over points (k,) is shorter without each."""
    count = len(points)
    if count < 2:
        return np.array([_walk(ground, points)] * count)
    by = np.argsort(points, kind="stable")
    others = np.arange(count - 1)[None] + (np.arange(count - 1)[None] >= np.arange(count)[:, None])
    start = np.arange(0, count * (count - 1) + 1, count - 1)
    saved = np.empty(count)
    saved[by] = _walk(ground, points[by]) - walked(ground, points[by][others].reshape(-1), start)
    return saved


def _walk(ground: Ground, points: I64) -> float:
    return float(walked(ground, points, np.array([0, len(points)]))[0])
