"""Few moves, well spent: exchanges chosen by the solver, then others in the place of those that bring least."""

from __future__ import annotations

from typing import Final

import numpy as np

from serving.decisions.place.case import LINES, Case, Time, drawn, scratch, shelves_of
from serving.decisions.place.contract import I64, Bools, SlottingQuery
from serving.decisions.place.ports import MoveChooser
from serving.decisions.place.starting import NEAREST, slot_order
from serving.kernels.slotting import History, Shelves, exchange, exchange_change, lay_out, may_exchange
from serving.kernels.slotting_moves import spend

ROUNDS: Final = 5
"""In which a budget of moves is spent: what an exchange saves depends on those before it."""
CHOOSING: Final = 0.5
"""Share of the time for them; the rest is for other moves in the place of those that bring least."""
HOTTEST: Final = 400
TARGETS: Final = 12
"""Items that one round looks at, and slots of either kind for each."""
COLDER: Final = 0.02
"""Orders that an item must be asked for less to lie one slot farther: which slots are taken first."""
OFFERED: Final = 1_500
"""Of which so many go to the solver."""
SLICE_SECONDS: Final = 0.05
HISTORY: Final = 4
"""Number of the part of a long history that is looked at."""
HEAT: Final = 0.1
"""Of what a move brings on average: what is given away easily at the beginning."""
ANNEALED: Final = 0.6
"""Share of the time after which nothing is given away, and moves cost nothing but the budget."""
DEARER: Final = 1.02
"""How a move's price follows the budget, each slice."""
SPARE: Final = 0.02
"""Share of the budget that may be left before moves become cheaper."""
QUIET: Final = 5_000
QUIET_PER_ITEM: Final = 200
"""Tries without a gain, for each item more, after which the search is over before its time."""


def few_moves(case: Case, choose: MoveChooser, time: Time) -> tuple[I64, int]:
    """At most `moves_max` moves: in rounds, exchanges without a common item, chosen by the solver; then others
    in their place."""
    query = case.query
    # some of a long history says the same in less time, so that more exchanges are judged
    history = drawn(case, HISTORY) if len(query.orders.item) > LINES else case.whole
    shelves = shelves_of(case, history, query.slot)
    lay_out(history, shelves)
    rng, left, judged = np.random.default_rng(query.seed), query.moves_max or 0, 0
    moved = np.zeros(len(query.items), np.bool_)
    mark, room = scratch(history)
    turn, choosing = 1, time.clock() + CHOOSING * (time.until - time.clock())
    for rounds in range(ROUNDS, 0, -1):
        budget = left if rounds == 1 else -(-left // rounds)
        if budget < 1 or time.over():
            break
        part = time.clock() + (choosing - time.clock()) / rounds * 0.7
        pairs, saved = [], []
        for item, target in _candidates(case, shelves, moved, rng):
            other = int(shelves.slot_item[target])
            if (other >= 0 and moved[other]) or not may_exchange(history, shelves, item, other, target):
                continue
            turn += 1
            change = exchange_change(history, shelves, item, other, target, mark, turn, room)
            judged += 1
            pairs.append((item, other, target))
            saved.append(-change)
            if judged % 64 == 0 and (time.clock() > part or time.stop()):
                break
        offered = np.argsort(-np.array(saved), kind="stable")[:OFFERED].tolist() if saved else []
        groups = [[i for i in pairs[k][:2] if i >= 0] for k in offered]
        for k in choose([saved[k] for k in offered], groups, budget):
            item, other, target = pairs[offered[k]]
            if shelves.slot_item[target] != other:
                continue
            turn += 1
            # those before it may have taken its gain
            if exchange_change(history, shelves, item, other, target, mark, turn, room) < 0:
                exchange(history, shelves, item, other, target, room)
                moved[[i for i in (item, other) if i >= 0]] = True
                left -= len(groups[k])
    return shelves.item_slot, judged + _spent(history, shelves, query, left, time)


def _spent(history: History, shelves: Shelves, query: SlottingQuery, spare: int, time: Time) -> int:
    """Other moves in the place of those that bring least, until the time is over; how many were judged. A move costs
    what one brings on average at first, then more where the budget is all spent, and less where it is not."""
    mark, room = scratch(history)
    left, random = np.array([spare]), np.array([query.seed], np.uint64)
    enough = QUIET + QUIET_PER_ITEM * len(history.kind)
    moved = int((shelves.item_slot != query.slot).sum())
    typical = price = _saved(history, shelves, query.slot) / max(moved, 1)
    began, tries, turn, judged, quiet = time.clock(), 4, 1, 0, 0
    while quiet < enough and not time.over():
        last = time.clock()
        done = max((last - began) / max(ANNEALED * (time.until - began), 1e-9), turn / enough)
        cooled = max(1.0 - done, 0.0)
        change, count = spend(
            history, shelves, query.slot, left, mark, turn, room, random, tries,
            HEAT * typical * cooled, price if cooled > 0 else 0.0,
        )  # fmt: skip
        turn, judged, quiet = turn + tries, judged + count, quiet + tries if cooled == 0 and change == 0 else 0
        price *= DEARER if left[0] <= SPARE * (moved + spare) else 1 / DEARER
        seconds = max(time.clock() - last, 1e-6)
        tries = max(1, min(int(tries * SLICE_SECONDS / seconds), tries * 4))
    return judged


def _saved(history: History, shelves: Shelves, slot: I64) -> float:
    """Metres that the shelves save against the slots where the items lay first."""
    slot_item = np.full(len(shelves.slot_item), -1, np.int64)
    slot_item[slot] = np.arange(len(slot))
    first = Shelves(slot.copy(), slot_item, np.zeros_like(shelves.points), np.zeros_like(shelves.metres))
    return float(lay_out(history, first) - shelves.metres.sum())


def _candidates(case: Case, shelves: Shelves, moved: Bools, rng: np.random.Generator) -> list[tuple[int, int]]:
    """(item, slot) that may be worth an exchange: what is ordered often and lies far, to near slots that are free or
    hold what is ordered seldom. Each item has one of either before any has more, so that it may end at any time."""
    query = case.query
    often = np.bincount(query.orders.item, minlength=len(query.items)).astype(np.float64)
    good = slot_order(query.layout, query.slots, NEAREST)
    holder = shelves.slot_item[good]
    place = np.empty(len(good))
    place[good] = np.arange(len(good))
    locked = moved | case.fixed
    free = good[holder < 0]
    heat = np.where(holder >= 0, often[holder], 0.0)
    # how seldom what lies there is ordered, and how near it is
    cold = np.lexsort((np.arange(len(good)), heat + COLDER * np.arange(len(good))))
    cold = good[cold[(holder[cold] >= 0) & ~locked[holder[cold]]]]
    items = np.argsort(-often * ~locked * place[shelves.item_slot], kind="stable")
    items = items[~locked[items]][:HOTTEST]
    pairs = []
    for turn in range(TARGETS):
        for slots in (free, cold):
            near = slots[: 2 * len(items)]
            if len(near):
                # the first time the n-th item to the n-th slot: few want the same
                at = np.arange(len(items)) % len(near) if turn == 0 else rng.integers(0, len(near), len(items))
                pairs += list(zip(items.tolist(), near[at].tolist(), strict=True))
    return pairs
