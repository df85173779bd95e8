"""Better places for items by exchanges, each judged by the true walks of the orders that it touches.

An order is its sorted points, one for each line; an exchange replaces one of them in every order that has one of the
two items and not both. [1] Mantel, Schuur, Heragu 2007, European Journal of Industrial Engineering 1(3): slotting by
what is ordered together rather than by what is ordered often.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from serving.kernels.batching_search import below, draw
from serving.kernels.picker_walk import walk_metres

I64 = npt.NDArray[np.int64]
GAIN = 1e-7
TOGETHER = 0.7
"""Share of the tries that bring an item next to one it was ordered with; the others go anywhere."""
AROUND = 12
"""Slots to either side of it, in the order of the aisles."""


class Shelves(NamedTuple):
    """What is where; written by `improve`. n items, s slots, m orders, l lines."""

    item_slot: I64
    """(n,)"""
    slot_item: I64
    """(s,) -1 = free."""
    points: I64
    """(l,) ascending within each order."""
    metres: npt.NDArray[np.float64]
    """(m,)"""


class History(NamedTuple):
    """What does not change."""

    ground: Any
    slot_point: I64
    """(s,)"""
    ranked: I64
    """(s,) slots by point."""
    rank: I64
    """(s,) place of each slot in `ranked`."""
    start: I64
    """(m + 1,)"""
    items: I64
    """(l,) of each order's lines."""
    item_start: I64
    """(n + 1,)"""
    item_order: I64
    """(l,) the orders of each item."""
    line_item: I64
    """(l,) the item of each entry of `item_order`."""
    kind: I64
    """(n,)"""
    allowed: npt.NDArray[np.bool_]
    """(kinds, s)"""
    fixed: npt.NDArray[np.bool_]
    """(n,)"""


@njit(cache=True, nogil=True)
def lay_out(history, shelves):
    """Points and metres of all orders for the slots that the items have; metres together."""
    ground, start = history.ground, history.start
    for line in range(len(history.items)):
        shelves.points[line] = history.slot_point[shelves.item_slot[history.items[line]]]
    total = 0.0
    for order in range(len(start) - 1):
        mine = shelves.points[start[order] : start[order + 1]]
        mine.sort()
        shelves.metres[order] = walk_metres(ground, mine, len(mine))
        total += shelves.metres[order]
    return total


@njit(cache=True, nogil=True)
def replaced(points, old, new, out):
    """points (k,) ascending with one `old` made `new`, ascending, into `out`."""
    at, gone, put = 0, False, False
    for point in points:
        if not gone and point == old:
            gone = True
            continue
        if not put and new <= point:
            out[at] = new
            at += 1
            put = True
        out[at] = point
        at += 1
    if not put:
        out[at] = new


@njit(cache=True, nogil=True)
def exchange_change(history, shelves, item, other, target, mark, turn, room):
    """Metres more when `item` goes to slot `target`, and `other` (-1 = none), which lies there, to where it was.

    mark (m,), turn: scratch; a turn is used once.
    """
    ground, start = history.ground, history.start
    here, there = history.slot_point[shelves.item_slot[item]], history.slot_point[target]
    if here == there:
        return 0.0
    points, metres, orders, begins = shelves.points, shelves.metres, history.item_order, history.item_start
    change = 0.0
    if other >= 0:
        for k in range(begins[other], begins[other + 1]):
            mark[orders[k]] = turn
    for k in range(begins[item], begins[item + 1]):
        order = orders[k]
        if mark[order] == turn:
            mark[order] = -turn
            continue
        mine = points[start[order] : start[order + 1]]
        replaced(mine, here, there, room)
        change += walk_metres(ground, room, len(mine)) - metres[order]
    if other >= 0:
        for k in range(begins[other], begins[other + 1]):
            order = orders[k]
            if mark[order] == turn:
                mine = points[start[order] : start[order + 1]]
                replaced(mine, there, here, room)
                change += walk_metres(ground, room, len(mine)) - metres[order]
    return change


@njit(cache=True, nogil=True)
def exchange(history, shelves, item, other, target, room):
    """Carries it out."""
    source = shelves.item_slot[item]
    here, there = history.slot_point[source], history.slot_point[target]
    shelves.item_slot[item], shelves.slot_item[target], shelves.slot_item[source] = target, item, other
    _move_points(history, shelves, item, here, there, room)
    if other >= 0:
        shelves.item_slot[other] = source
        _move_points(history, shelves, other, there, here, room)


@njit(cache=True, nogil=True)
def _move_points(history, shelves, item, old, new, room):
    start, ground = history.start, history.ground
    for k in range(history.item_start[item], history.item_start[item + 1]):
        order = history.item_order[k]
        mine = shelves.points[start[order] : start[order + 1]]
        replaced(mine, old, new, room)
        mine[:] = room[: len(mine)]
        shelves.metres[order] = walk_metres(ground, mine, len(mine))


@njit(cache=True, nogil=True)
def group_change(history, shelves, items, targets, mark, turn, room):
    """Metres more when `items` (k,) go to slots `targets` (k,) together, and nothing else moves.

    mark (m,), turn: scratch. The items' slots are the same afterwards as before.
    """
    ground, start = history.ground, history.start
    sources = shelves.item_slot[items]
    shelves.item_slot[items] = targets
    change = 0.0
    for item in items:
        for k in range(history.item_start[item], history.item_start[item + 1]):
            order = history.item_order[k]
            if mark[order] != turn:
                mark[order] = turn
                count = start[order + 1] - start[order]
                for at in range(count):
                    room[at] = history.slot_point[shelves.item_slot[history.items[start[order] + at]]]
                room[:count].sort()
                change += walk_metres(ground, room, count) - shelves.metres[order]
    shelves.item_slot[items] = sources
    return change


@njit(cache=True, nogil=True)
def improve(history, shelves, home, left, mark, turn, room, random, tries, warmth):
    """`tries` exchanges, of which those are carried out that save, or cost little at a `warmth` (metres) above 0.

    home (n,): slots where the items lay first; left (1,): how many more may lie elsewhere, kept up to date.

    turn: first of the turns that are used, `tries` of them. Returns metres more (below 0: saved), and how many
    exchanges were judged by walks.
    """
    slots, lines, total, judged = len(history.rank), len(history.items), 0.0, 0
    for step in range(tries):
        line = below(random, lines)
        item = history.line_item[line]
        if draw(random) < TOGETHER:
            order = history.item_order[line]
            low, high = history.start[order], history.start[order + 1]
            friend = history.items[low + below(random, high - low)]
            at = history.rank[shelves.item_slot[friend]] + below(random, 2 * AROUND + 1) - AROUND
            target = history.ranked[min(max(at, 0), slots - 1)]
        else:
            target = below(random, slots)
        other = shelves.slot_item[target]
        if other == item or not may_exchange(history, shelves, item, other, target):
            continue
        away = moves_more(shelves, home, item, other, target)
        if away > left[0]:
            continue
        change = exchange_change(history, shelves, item, other, target, mark, turn + step, room)
        judged += 1
        if change < -GAIN or (warmth > 0.0 and change < -warmth * np.log(max(draw(random), 1e-12))):
            exchange(history, shelves, item, other, target, room)
            left[0] -= away
            total += change
    return total, judged


@njit(cache=True, nogil=True)
def moves_more(shelves, home, item, other, target):
    """How many items more would not lie where they lay first."""
    source = shelves.item_slot[item]
    more = int(target != home[item]) - int(source != home[item])
    if other >= 0:
        more += int(source != home[other]) - int(target != home[other])
    return more


@njit(cache=True, nogil=True)
def may_exchange(history, shelves, item, other, target):
    """Whether both fit where they would go."""
    if history.fixed[item] or not history.allowed[history.kind[item], target]:
        return False
    if other < 0:
        return True
    return not history.fixed[other] and history.allowed[history.kind[other], shelves.item_slot[item]]
