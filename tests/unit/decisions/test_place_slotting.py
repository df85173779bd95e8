"""`PlanSlotting`: every item in a slot that it fits, fewer metres, no more moves than allowed."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from placing import compiled, items_of, orders_of, slotting_query, warehouse

from serving.adapters.slot_moves import choose_moves
from serving.core.errors import InvalidInput
from serving.decisions.place.contract import I64, Orders, SlottingAnswer, SlottingQuery
from serving.decisions.place.ground import ground_of, order_points, walked
from serving.decisions.place.slotting import plan_slotting


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    compiled()


def metres(query: SlottingQuery, slot: I64, orders: Orders | None = None) -> float:
    """Over the history, counted anew."""
    ground, point = ground_of(query.layout, query.slots, slot)
    return float(walked(ground, *order_points(orders or query.orders, point)).sum())


def check(query: SlottingQuery, answer: SlottingAnswer) -> None:
    """All that must hold of any answer."""
    assert len(np.unique(answer.slot)) == len(query.items)
    assert answer.after_metres == pytest.approx(metres(query, answer.slot))
    moved = {move.item: (move.source, move.target) for move in answer.moves}
    changed = np.flatnonzero(answer.slot != query.slot)
    assert moved == {int(item): (int(query.slot[item]), int(answer.slot[item])) for item in changed}
    if answer.before_metres is not None:
        assert answer.before_metres == pytest.approx(metres(query, query.slot))
        assert answer.after_metres <= answer.before_metres
    if query.moves_max is not None:
        assert len(answer.moves) <= query.moves_max


def test_it_beats_the_index_and_the_index_beats_chance() -> None:
    """Families that are ordered together come to lie together, which no order of items by themselves can do."""
    query = replace(slotting_query(), seconds=200.0)  # it ends when nothing is left to gain
    answer = plan_slotting(query, choose_moves)
    check(query, answer)
    assert answer.before_metres is not None
    assert answer.start_metres < 0.97 * answer.before_metres
    assert answer.after_metres < 0.93 * answer.start_metres
    assert answer.seconds < query.seconds


def test_a_small_shop_is_solved_to_the_end() -> None:
    """Six items, six slots: no exchange of two is left that saves, and all orders of slots say how good that is."""
    layout, slots = warehouse(3, 2, (0.0, 3.0))
    orders = orders_of([0, 1], [0, 1], [2, 3], [2, 3], [4], [5], [0, 5])
    query = slotting_query(layout=layout, slots=slots, items=items_of(6), orders=orders, slot=np.arange(6)[::-1].copy())
    answer = plan_slotting(query, choose_moves)
    check(query, answer)
    best = min(metres(query, np.array(some)) for some in permutations(range(6)))
    assert best <= answer.after_metres <= 1.05 * best


def test_few_moves_are_kept_and_well_spent() -> None:
    """Few moves bring more than their share of the gain of all."""
    free = plan_slotting(slotting_query(), choose_moves)
    for budget in (0, 1, 4, 10):
        query = slotting_query(moves_max=budget)
        answer = plan_slotting(query, choose_moves)
        check(query, answer)
        assert answer.before_metres is not None
        gain, most = answer.before_metres - answer.after_metres, answer.before_metres - free.after_metres
        assert gain >= most * 1.4 * budget / len(free.moves)


def test_groups_can_be_carried_alone() -> None:
    """Each group leaves no slot with two items, and saves what it says."""
    query = slotting_query(moves_max=12)
    answer = plan_slotting(query, choose_moves)
    for group in {move.group for move in answer.moves}:
        slot = query.slot.copy()
        some = [move for move in answer.moves if move.group == group]
        for move in some:
            slot[move.item] = move.target
        assert len(np.unique(slot)) == len(slot)
        saved = metres(query, query.slot) - metres(query, slot)
        assert [move.saved_metres for move in some] == pytest.approx([saved] * len(some))


def test_zones_sizes_weights_and_pins_hold() -> None:
    """Chilled things stay chilled, big ones in big slots, heavy ones on strong ones, pinned ones where they are."""
    _, slots = warehouse()
    zone = tuple("cold" if k % 12 < 2 else "" for k in range(60))
    slots = replace(slots, zone=zone, volume=np.where(np.arange(60) % 2, 10.0, 5.0), weight=np.full(60, 20.0))
    items = items_of(
        50, zone=tuple("cold" if k < 8 else "" for k in range(50)), volume=np.where(np.arange(50) % 5 == 0, 4.0, 1.0),
        weight=np.ones(50), stock=np.full(50, 2), pinned=np.arange(50) == 30,
    )  # fmt: skip
    query = slotting_query(slots=slots, items=items, slot=np.where(np.arange(50) == 30, 41, -1))
    answer = plan_slotting(query, choose_moves)
    check(query, answer)
    assert answer.before_metres is None
    assert all(zone[slot] == "cold" for slot in answer.slot[:8])
    assert (items.volume * 2 <= slots.volume[answer.slot]).all()
    assert answer.slot[30] == 41


def test_items_that_need_the_same_few_slots_make_way() -> None:
    """Three big items and three big slots: the popular small ones that lie there first give way."""
    layout, slots = warehouse(2, 3, (0.0, 4.0))
    slots = replace(slots, volume=np.array([9.0, 9.0, 9.0, 1.0, 1.0, 1.0]))
    orders = orders_of([0], [0], [1], [1], [2], [2], [3])
    items = items_of(6, volume=np.array([1.0, 1, 1, 9, 9, 9]))
    query = slotting_query(layout=layout, slots=slots, items=items, orders=orders, slot=np.full(6, -1))
    answer = plan_slotting(query, choose_moves)
    assert set(answer.slot[3:]) == {0, 1, 2}
    crowd = replace(query, items=items_of(6, volume=np.array([1.0, 1, 9, 9, 9, 9])))
    with pytest.raises(InvalidInput, match="too many items need the same few slots"):
        plan_slotting(crowd, choose_moves)


def test_who_has_gone_away_is_answered_at_once() -> None:
    """The start stands; its moves are one group, which saves what it says."""
    query = slotting_query(seconds=300.0)
    answer = plan_slotting(query, choose_moves, stop=lambda: True)
    check(query, answer)
    assert answer.evaluations == 0
    assert {move.group for move in answer.moves} == {0}
    assert answer.before_metres is not None
    assert answer.moves[0].saved_metres == pytest.approx(answer.before_metres - answer.after_metres)


def test_the_solver_spends_a_budget_best() -> None:
    """Two small exchanges beat the large one; no item moves twice; what costs metres stays."""
    assert choose_moves([10.0, 6.0, 6.0, -1.0], [[1, 2], [3], [4], [5]], 2) == [1, 2]
    assert choose_moves([10.0, 9.0, 5.0], [[1, 2], [2, 3], [3, 4]], 4) == [0, 2]
    assert choose_moves([10.0], [[1, 2]], 1) == []
    assert choose_moves([], [], 5) == []
