"""`PlanSlotting`: which slot for which item. Popular things near, then exchanges judged by true walks."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

import numpy as np

from serving.decisions.place.case import LINES, Case, Time, case_of, drawn, metres_of, scratch, shelves_of
from serving.decisions.place.contract import I64, Move, SlottingAnswer, SlottingQuery
from serving.decisions.place.few_moves import few_moves
from serving.decisions.place.ports import MoveChooser, Stop, never
from serving.decisions.place.starting import BY_AISLE, NEAREST, assigned, cube_per_order, slot_order
from serving.kernels.slotting import History, Shelves, group_change, improve, lay_out

SLICE_SECONDS: Final = 0.05
SEARCHING: Final = 0.9
"""Share of the time for the search; the rest says what each move brings."""
PHASES: Final = 4
"""Of the search of a history that is drawn from."""
QUIET: Final = 5_000
QUIET_PER_ITEM: Final = 200
"""Tries without a gain, for each item more, after which a search is over before its time."""
WARM: Final = 0.3
"""Of an average walk: what is given away easily at the beginning of a search."""
ANNEALED: Final = 0.6
"""Share of the time after which nothing is given away."""


def plan_slotting(
    query: SlottingQuery, choose: MoveChooser, stop: Stop = never, clock: Callable[[], float] = monotonic
) -> SlottingAnswer:
    """A checked query's answer: never more metres than the slots of the query, where all items lie in some."""
    began = clock()
    case = case_of(query)
    placed = bool((query.slot >= 0).all())
    before = metres_of(case, query.slot) if (query.slot[query.orders.item] >= 0).all() else None
    time = Time(clock, stop, began + SEARCHING * query.seconds)
    start, start_metres = _start(case)
    if query.moves_max is None or not placed:
        slot, judged = _searched(case, start, time)
    else:
        slot, judged = few_moves(case, choose, time)
    after = metres_of(case, slot)
    if before is not None and placed and after >= before:
        slot, after = query.slot, before
    moves = _moves(case, slot, placed, Time(clock, stop, began + query.seconds))
    return SlottingAnswer(slot, moves, before, after, start_metres, judged, clock() - began, query.request_id)


def _start(case: Case) -> tuple[I64, float]:
    """The better of two orders of slots, by true walks; and the metres of the cube-per-order index alone."""
    query = case.query
    index = cube_per_order(query.items, query.orders)
    found = []
    for how in (NEAREST, BY_AISLE):
        ranked = slot_order(query.layout, query.slots, how)
        slot = assigned(index, ranked, case.fits, query.slot, case.fixed, query.items)
        found.append((metres_of(case, slot), slot))
    return min(found, key=lambda one: one[0])[1], found[0][0]


def _searched(case: Case, slot: I64, time: Time) -> tuple[I64, int]:
    """Exchanges until the time is over; how many were judged. What is no better over the whole history is dropped."""
    query, random = case.query, np.array([case.query.seed], np.uint64)
    long = len(query.orders.item) > LINES
    judged, best, metres = 0, slot, metres_of(case, slot)
    began = time.clock()
    for phase in range(PHASES if long else 1):
        until = began + (time.until - began) * (phase + 1) / (PHASES if long else 1)
        history = drawn(case, phase) if long else case.whole
        shelves = shelves_of(case, history, best)
        # a long history leaves no time to give anything away
        warm = 0.0 if long else WARM
        home, left = shelves.item_slot.copy(), np.array([len(query.items)])
        judged += _improved(history, shelves, home, left, random, Time(time.clock, time.stop, until), warm)
        now = metres_of(case, shelves.item_slot)
        if now < metres:
            best, metres = shelves.item_slot, now
    return best, judged


def _improved(
    history: History, shelves: Shelves, home: I64, left: I64, random: np.ndarray, time: Time, warm: float
) -> int:
    """First some exchanges that cost a little are taken too, ever fewer, then only those that save. [1] Kirkpatrick,
    Gelatt, Vecchi 1983, Science 220."""
    mark, room = scratch(history)
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


def _moves(case: Case, slot: I64, placed: bool, time: Time) -> tuple[Move, ...]:
    """What has to be carried, in groups that can be carried out one without the other. When the time is over, those
    that were not judged yet become one."""
    groups = _groups(case.query.slot, slot)
    saved = [0.0] * len(groups)
    if placed:
        history = case.whole
        shelves = shelves_of(case, history, case.query.slot)
        lay_out(history, shelves)
        mark, room = scratch(history)
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
