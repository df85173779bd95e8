"""What few moves can bring at most: the walks of orders from which the moved items were already picked.

An item that moves costs no metres at best. So the walks without the moved items are a lower bound for any slotting that
moves those alone. Which items they are is chosen greedily, on the very orders that are judged: that flatters the limit,
but it is no proof that no other set of items saves more.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from model_repo.evaluate.place.world import World, some
from serving.decisions.place.contract import F64, I64
from serving.decisions.place.ground import ground_of, walked
from serving.kernels.picker_walk import walk_metres

ROUNDS: Final = 8
"""In which the items are chosen: what one saves depends on those that are gone before it."""


def without_best(world: World, slot: I64, which: I64, most: int) -> F64:
    """(orders,) metres of the shortest walk of each order `which` without the `most` items whose absence saves most.

    slot: (items,) where things lie.
    """
    orders = some(world.orders, which)
    ground, point = ground_of(world.layout, world.slots, slot)
    owner = np.repeat(np.arange(len(orders)), np.diff(orders.start))
    by = np.lexsort((point[orders.item], owner))  # orders stay where they were, their lines go by point
    item, owner, gone = orders.item[by], owner[by], np.zeros(len(world.items), np.bool_)
    for step in range(ROUNDS):
        left = ~gone[item]
        points, saved = point[item[left]], np.empty(int(left.sum()))
        absences(ground, points, _starts(owner[left], len(orders)), saved)
        by_item = np.bincount(item[left], saved, len(gone))
        chosen = np.argsort(-np.where(gone, -1.0, by_item), kind="stable")
        gone[chosen[: most * (step + 1) // ROUNDS - most * step // ROUNDS]] = True
    left = ~gone[item]
    return walked(ground, point[item[left]], _starts(owner[left], len(orders)))


def _starts(owner: I64, owners: int) -> I64:
    """Where the lines of each begin, (owners + 1,)."""
    return np.searchsorted(owner, np.arange(owners + 1)).astype(np.int64)


@njit(cache=True, nogil=True)
def absences(ground, points, start, out):
    """Metres that a walk is shorter without each of its points, into `out` (lines,). Set k is
    points[start[k]:start[k + 1]], ascending; of two alike neither is missed."""
    others = np.empty(len(points), np.int64)
    for k in range(len(start) - 1):
        low, count = start[k], start[k + 1] - start[k]
        whole = walk_metres(ground, points[low : low + count], count)
        for at in range(count):
            others[:at] = points[low : low + at]
            others[at : count - 1] = points[low + at + 1 : low + count]
            out[low + at] = whole - walk_metres(ground, others, count - 1)
