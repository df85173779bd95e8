"""A budget of moves, spent ever better: what moves, and where to, changes one exchange at a time.

Each exchange is judged by true walks and by a price for every item more that no longer lies where it lay first: at a
good price about the whole budget is spent, and an item that brings less than its move costs goes home for one that
brings more. [1] Everett 1963, Operations Research 11(3): a price in the place of a bound; [2] Kirkpatrick, Gelatt,
Vecchi 1983, Science 220.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.batching_search import below, draw
from serving.kernels.slotting import GAIN, exchange, exchange_change, group_change, may_exchange, moves_more

REPLACE = 0.25
"""Share of the tries in which an item takes the slot of one that goes home."""
MOVED, HOME = 0.5, 0.1
"""Share of the others that ask for a better slot for what has moved already; of these, of such as bring it home."""
FREE, TAKEN = 0.5, 0.25
"""Share of the targets that are free, and that hold what has moved; the others may be any."""
SEARCHED = 32
"""Slots that are looked at for a free one."""


@njit(cache=True, nogil=True)
def spend(history, shelves, home, left, mark, turn, room, random, tries, warmth, price):
    """`tries` tries; metres more (below 0: saved), and how many were judged by walks.

    home (n,): slots where the items lay first; left (1,): how many more may lie elsewhere, kept up to date; price:
    metres that an exchange must save for each that it adds; warmth: metres that are given away easily; turn: first of
    the turns that are used, `tries` of them.
    """
    total, judged = 0.0, 0
    away, listed, size = np.empty(len(home), np.int64), np.zeros(len(home), np.bool_), np.zeros(1, np.int64)
    some, to = np.empty(3, np.int64), np.empty(3, np.int64)
    for item in range(len(home)):
        _list(shelves, home, item, away, listed, size)
    for step in range(tries):
        moved = _some_away(shelves, home, away, listed, size, random)
        asked = history.line_item[below(random, len(history.items))]
        replaces = moved >= 0 and draw(random) < REPLACE
        if replaces:
            k = _replacing(history, shelves, home, asked, moved, some, to)
        else:
            k = _bettering(history, shelves, home, asked, moved, away, size[0], some, to, random)
        if k == 0:
            continue
        item, target, more = some[0], to[0], 0
        other = shelves.slot_item[target]
        if replaces:
            change = group_change(history, shelves, some[:k], to[:k], mark, turn + step, room)
        else:
            more = moves_more(shelves, home, item, other, target)
            if more > left[0]:
                continue
            change = exchange_change(history, shelves, item, other, target, mark, turn + step, room)
        judged += 1
        worse = change + price * more
        if worse < -GAIN or (warmth > 0.0 and worse < -warmth * np.log(max(draw(random), 1e-12))):
            exchange(history, shelves, item, other, target, room)
            if replaces:
                exchange(history, shelves, moved, shelves.slot_item[home[moved]], home[moved], room)
            _list(shelves, home, item, away, listed, size)
            _list(shelves, home, other, away, listed, size)
            total += change
            left[0] -= more
    return total, judged


@njit(cache=True, nogil=True)
def _list(shelves, home, item, away, listed, size):
    """Remembers an item that no longer lies where it lay first."""
    if item >= 0 and not listed[item] and shelves.item_slot[item] != home[item]:
        away[size[0]], listed[item] = item, True
        size[0] += 1


@njit(cache=True, nogil=True)
def _some_away(shelves, home, away, listed, size, random):
    """One of them, -1 = none; those that have come home are forgotten."""
    while size[0] > 0:
        at = below(random, size[0])
        item = away[at]
        if shelves.item_slot[item] != home[item]:
            return item
        size[0] -= 1
        away[at], listed[item] = away[size[0]], False
    return -1


@njit(cache=True, nogil=True)
def _replacing(history, shelves, home, asked, moved, some, to):
    """`asked` takes the slot of `moved`, which goes home; what lies there, if anything, goes where `asked` was.

    How many move, 0 where they may not."""
    if shelves.item_slot[asked] != home[asked] or history.fixed[asked]:
        return 0
    some[0], to[0] = asked, shelves.item_slot[moved]
    some[1], to[1] = moved, home[moved]
    some[2], to[2] = shelves.slot_item[home[moved]], home[asked]
    k = 3 if some[2] >= 0 else 2
    for at in range(k):
        if not history.allowed[history.kind[some[at]], to[at]]:
            return 0
    return k


@njit(cache=True, nogil=True)
def _bettering(history, shelves, home, asked, moved, away, size, some, to, random):
    """Another slot for one item; how many move, 0 where they may not."""
    slots = len(history.rank)
    item = moved if moved >= 0 and draw(random) < MOVED else asked
    which, target = draw(random), below(random, slots)
    if item == moved and draw(random) < HOME:
        target = home[item]
    elif which < FREE:
        for _ in range(SEARCHED):
            if shelves.slot_item[target] < 0:
                break
            target = below(random, slots)
    elif which < FREE + TAKEN and size > 0:
        target = shelves.item_slot[away[below(random, size)]]
    other = shelves.slot_item[target]
    if other == item or not may_exchange(history, shelves, item, other, target):
        return 0
    some[0], to[0] = item, target
    return 1
