"""`PlanSlotting`: which slot for which item. Popular things near, then exchanges judged by true walks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

import numpy as np

from serving.decisions.place.contract import I64, Bools, Items, Move, Orders, SlottingAnswer, SlottingQuery
from serving.decisions.place.fitting import Fitting, fitting
from serving.decisions.place.ground import ground_of
from serving.decisions.place.ports import MoveChooser, Stop, never
from serving.decisions.place.starting import BY_AISLE, NEAREST, assigned, cube_per_order, slot_order
from serving.kernels.slotting import (
    History,
    Shelves,
    exchange,
    exchange_change,
    group_change,
    improve,
    lay_out,
    may_exchange,
)

SLICE_SECONDS: Final = 0.05
SEARCHING: Final = 0.9
"""Share of the time for the search; the rest says what each move brings."""
LINES: Final = 150_000
"""Of a history that is looked at at a time: what is longer is drawn from, anew for each phase."""
PHASES: Final = 4
"""Of the search of a history that is drawn from."""
QUIET: Final = 5_000
QUIET_PER_ITEM: Final = 200
"""Tries without a gain, for each item more, after which a search is over before its time."""
WARM: Final = 0.3
"""Of an average walk: what is given away easily at the beginning of a search."""
ANNEALED: Final = 0.6
"""Share of the time after which nothing is given away."""
ROUNDS: Final = 5
"""In which a budget of moves is spent: what an exchange saves depends on those before it."""
CHOOSING: Final = 0.6
"""Share of the time for them; the rest is for better places of what moves."""
HOTTEST: Final = 400
TARGETS: Final = 12
"""Items that one round looks at, and slots of either kind for each."""
COLDER: Final = 0.02
"""Orders that an item must be asked for less to lie one slot farther: which slots are taken first."""
OFFERED: Final = 1_500
"""Of which so many go to the solver."""


@dataclass(frozen=True, slots=True)
class _Case:
    query: SlottingQuery
    fits: Fitting
    fixed: Bools
    slot_point: I64
    whole: History


@dataclass(slots=True)
class _Time:
    clock: Callable[[], float]
    stop: Stop
    until: float

    def over(self) -> bool:
        return self.clock() >= self.until or self.stop()


def plan_slotting(
    query: SlottingQuery, choose: MoveChooser, stop: Stop = never, clock: Callable[[], float] = monotonic
) -> SlottingAnswer:
    """A checked query's answer: never more metres than the slots of the query, where all items lie in some."""
    began = clock()
    case = _case(query)
    placed = bool((query.slot >= 0).all())
    before = _metres(case, query.slot) if (query.slot[query.orders.item] >= 0).all() else None
    time = _Time(clock, stop, began + SEARCHING * query.seconds)
    start, start_metres = _start(case)
    if query.moves_max is None or not placed:
        slot, judged = _searched(case, start, time)
    else:
        slot, judged = _few_moves(case, choose, time)
    after = _metres(case, slot)
    if before is not None and placed and after >= before:
        slot, after = query.slot, before
    moves = _moves(case, slot, placed, _Time(clock, stop, began + query.seconds))
    return SlottingAnswer(slot, moves, before, after, start_metres, judged, clock() - began, query.request_id)


def _case(query: SlottingQuery) -> _Case:
    fits = fitting(query.items, query.slots)
    pinned = query.items.pinned
    fixed = np.zeros(len(query.items), np.bool_) if pinned is None else pinned
    ground, point = ground_of(query.layout, query.slots, np.arange(len(query.slots)))
    whole = _history(query.orders, query.items, ground, point, fits, fixed)
    return _Case(query, fits, fixed, point, whole)


def _history(
    orders: Orders, items: Items, ground: object, point: I64, fits: Fitting, fixed: Bools, only: I64 | None = None
) -> History:  # fmt: skip
    """only: positions of the orders that are looked at, None = all."""
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


def _shelves(case: _Case, history: History, slot: I64) -> Shelves:
    slot_item = np.full(len(case.query.slots), -1, np.int64)
    lying = np.flatnonzero(slot >= 0)
    slot_item[slot[lying]] = lying
    return Shelves(
        slot.copy(), slot_item, np.zeros(len(history.items), np.int64), np.zeros(len(history.start) - 1)
    )  # fmt: skip


def _metres(case: _Case, slot: I64) -> float:
    return float(lay_out(case.whole, _shelves(case, case.whole, slot)))


def _start(case: _Case) -> tuple[I64, float]:
    """The better of two orders of slots, by true walks; and the metres of the cube-per-order index alone."""
    query = case.query
    index = cube_per_order(query.items, query.orders)
    found = []
    for how in (NEAREST, BY_AISLE):
        ranked = slot_order(query.layout, query.slots, how)
        slot = assigned(index, ranked, case.fits, query.slot, case.fixed, query.items)
        found.append((_metres(case, slot), slot))
    return min(found, key=lambda one: one[0])[1], found[0][0]


def _searched(case: _Case, slot: I64, time: _Time) -> tuple[I64, int]:
    """Exchanges until the time is over; how many were judged. What is no better over the whole history is dropped."""
    query, random = case.query, np.array([case.query.seed], np.uint64)
    long = len(query.orders.item) > LINES
    judged, best, metres = 0, slot, _metres(case, slot)
    began = time.clock()
    for phase in range(PHASES if long else 1):
        until = began + (time.until - began) * (phase + 1) / (PHASES if long else 1)
        history = _drawn(case, phase) if long else case.whole
        shelves = _shelves(case, history, best)
        # a long history leaves no time to give anything away
        warm = 0.0 if long else WARM
        home, left = shelves.item_slot.copy(), np.array([len(query.items)])
        judged += _improved(history, shelves, home, left, random, _Time(time.clock, time.stop, until), warm)
        now = _metres(case, shelves.item_slot)
        if now < metres:
            best, metres = shelves.item_slot, now
    return best, judged


def _drawn(case: _Case, phase: int) -> History:
    """Some orders of a long history, with LINES lines or so."""
    orders, rng = case.query.orders, np.random.default_rng([case.query.seed, phase])
    mixed = rng.permutation(len(orders))
    enough = int(np.searchsorted(np.cumsum(np.diff(orders.start)[mixed]), LINES)) + 1
    whole = case.whole
    return _history(orders, case.query.items, whole.ground, whole.slot_point, case.fits, case.fixed, mixed[:enough])


def _improved(
    history: History, shelves: Shelves, home: I64, left: I64, random: np.ndarray, time: _Time, warm: float
) -> int:
    """First some exchanges that cost a little are taken too, ever fewer, then only those that save. [1] Kirkpatrick,
    Gelatt, Vecchi 1983, Science 220."""
    mark, room = _scratch(history)
    typical = lay_out(history, shelves) / (len(history.start) - 1)
    enough = QUIET + QUIET_PER_ITEM * len(history.kind)
    began, tries, turn, judged, quiet = time.clock(), 16, 1, 0, 0
    while quiet < enough and not time.over():
        last = time.clock()
        done = max((last - began) / max(ANNEALED * (time.until - began), 1e-9), turn / enough)
        warmth = warm * typical * max(1.0 - done, 0.0)
        change, count = improve(history, shelves, home, left, mark, turn, room, random, tries, warmth)
        turn, judged, quiet = turn + tries, judged + count, quiet + tries if warmth == 0 and change == 0 else 0
        seconds = max(time.clock() - last, 1e-6)
        tries = max(1, min(int(tries * SLICE_SECONDS / seconds), tries * 4))
    return judged


def _few_moves(case: _Case, choose: MoveChooser, time: _Time) -> tuple[I64, int]:
    """At most `moves_max` moves: in rounds, exchanges without a common item, chosen by the solver; then better places
    for what moves."""
    query = case.query
    # some of a long history says the same in less time, so that more exchanges are judged
    history = _drawn(case, PHASES) if len(query.orders.item) > LINES else case.whole
    shelves = _shelves(case, history, query.slot)
    lay_out(history, shelves)
    rng, left, judged = np.random.default_rng(query.seed), query.moves_max or 0, 0
    moved = np.zeros(len(query.items), np.bool_)
    mark, room = _scratch(history)
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
    spare, random = np.array([left]), np.array([query.seed], np.uint64)
    return shelves.item_slot, judged + _improved(history, shelves, query.slot, spare, random, time, 0.0)


def _candidates(case: _Case, shelves: Shelves, moved: Bools, rng: np.random.Generator) -> list[tuple[int, int]]:
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


def _moves(case: _Case, slot: I64, placed: bool, time: _Time) -> tuple[Move, ...]:
    """What has to be carried, in groups that can be carried out one without the other. When the time is over, those
    that were not judged yet become one."""
    groups = _groups(case.query.slot, slot)
    saved = [0.0] * len(groups)
    if placed:
        history = case.whole
        shelves = _shelves(case, history, case.query.slot)
        lay_out(history, shelves)
        mark, room = _scratch(history)
        for turn in range(len(groups)):
            if time.over():
                groups[turn:] = [sorted(item for rest in groups[turn:] for item in rest)]
            saved[turn] = -group_change(
                history, shelves, np.array(groups[turn]), slot[groups[turn]], mark, turn + 1, room
            )
            if len(groups) == turn + 1:
                break
    return tuple(
        Move(item, int(case.query.slot[item]), int(slot[item]), number, saved[number])
        for number, some in enumerate(groups)
        for item in some
    )


def _groups(before: I64, after: I64) -> list[list[int]]:
    """Items that change their slots, in cycles and chains: who comes into a slot with who leaves it."""
    sitting = {slot: item for item, slot in enumerate(before.tolist()) if slot >= 0}
    todo = np.flatnonzero(before != after).tolist()
    followers: dict[int, int] = {item: sitting[int(after[item])] for item in todo if int(after[item]) in sitting}
    followed = set(followers.values())
    heads = [item for item in todo if item not in followed]
    groups, seen = [], set[int]()
    for head in (*heads, *todo):
        some = []
        item: int | None = head
        while item is not None and item not in seen:
            seen.add(item)
            some.append(item)
            item = followers.get(item)
        if some:
            groups.append(some)
    return groups


def _scratch(history: History) -> tuple[I64, I64]:
    """Marks of orders, and room for the longest."""
    return np.zeros(len(history.start), np.int64), np.empty(int(np.diff(history.start).max()) + 1, np.int64)
