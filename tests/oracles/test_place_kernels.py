"""What the searches of Place add up equals what is counted anew, one walk after the other."""

from __future__ import annotations

import numpy as np
import pytest
from placing import batch_query, items_of, slotting_query

from serving.decisions.place import batching
from serving.decisions.place.case import case_of, metres_of, scratch, shelves_of
from serving.decisions.place.contract import BatchQuery, Limits
from serving.kernels.batching import arrival, gather, no_batches, pair_savings
from serving.kernels.batching_search import INSERTIONS, REMOVALS, draw, search
from serving.kernels.batching_swaps import swap
from serving.kernels.picker_walk import walk_metres
from serving.kernels.point_bits import bits_of, points_of_two
from serving.kernels.slotting import exchange, exchange_change, group_change, improve, lay_out
from serving.kernels.slotting_moves import spend


def walk_of(query: BatchQuery, some: list[int]) -> float:
    """The union of orders, by sets."""
    plan = batching._plan(query)
    points = sorted({int(p) for k in some for p in plan.point[plan.owner == k]})
    return float(walk_metres(plan.task.ground, np.array(points), len(points)))


def test_bits_come_out_in_order() -> None:
    """Random sets, with the words' first and last bits among them."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b = (np.unique(rng.choice([0, 1, 62, 63, 64, 127, 128, *range(200)], rng.integers(1, 60))) for _ in range(2))
        rows = bits_of(np.concatenate([a, b]), np.array([0, len(a), len(a) + len(b)]), 4)
        out = np.empty(256, np.int64)
        count = points_of_two(rows[0], rows[1], out)
        assert out[:count].tolist() == sorted({*a.tolist(), *b.tolist()})


def test_savings_and_arrival_equal_their_twins() -> None:
    """Pairs by sets of points; first-come by the rule as it is said."""
    query = batch_query(25, 2)
    plan = batching._plan(query)
    task, n = plan.task, 25
    saving = np.full((n, n), -1.0)
    everyone = np.array([[b for b in range(n) if b != a] for a in range(n)])
    pair_savings(task, everyone, 0, n, saving)
    lines = np.diff(query.orders.start)
    for a in range(n):
        for b in range(n):
            fits = a != b and lines[a] + lines[b] <= 10
            twin = walk_of(query, [a]) + walk_of(query, [b]) - walk_of(query, [a, b]) if fits else -1.0
            assert saving[a, b] == pytest.approx(twin)
    of, have, batch = [], 0, 0
    for order in range(n):
        if have + lines[order] > 10:
            batch, have = batch + 1, 0
        have += lines[order]
        of.append(batch)
    assert arrival(task).tolist() == of


@pytest.mark.parametrize("warmth", [0.0, 5.0])
def test_the_search_keeps_its_books(warmth: float) -> None:
    """After any rounds, loads, points and metres are those of the batches as they are; so is the best."""
    query = batch_query(30, 4)
    task = batching._plan(query).task
    batches, near = no_batches(task), batching._alike(task, 29)
    metres = gather(task, arrival(task), batches)
    best, total = batches.of.copy(), np.array([metres, metres])
    random, scores = np.array([1], np.uint64), np.zeros(REMOVALS + INSERTIONS)
    for rounds in (1, 7, 300):
        search(task, batches, near, best, total, warmth, scores + 1, scores.copy(), scores.copy(), random, rounds)
        again = no_batches(task)
        assert gather(task, batches.of, again) == pytest.approx(total[0])
        for mine, twin in zip(batches, again, strict=True):
            np.testing.assert_allclose(mine, twin, atol=1e-6)
        assert (again.load <= task.bound).all()
        assert gather(task, best, again) == pytest.approx(total[1])
        assert total[1] <= total[0] + 1e-6
    assert total[1] < metres


@pytest.mark.parametrize("limits", [Limits(lines=10), Limits(orders=3), Limits(units=9, volume=14.0), Limits()])
@pytest.mark.parametrize("warmth", [0.0, 5.0])
def test_exchanges_of_orders_keep_their_books(warmth: float, limits: Limits) -> None:
    """After any tries, batches are those that counting anew gives, within all limits, and metres those of the walks."""
    query = batch_query(30, 4, limits, items=items_of(60, volume=np.linspace(0.5, 2, 60)))
    task = batching.task_of(query)
    batches, near = no_batches(task), batching._alike(task, 29)
    metres = gather(task, arrival(task), batches)
    best, total, random = batches.of.copy(), np.array([metres, metres]), np.array([1], np.uint64)
    for tries in (1, 50, 5000):
        swap(task, batches, near, best, total, warmth, random, tries)
        again = no_batches(task)
        assert gather(task, batches.of, again) == pytest.approx(total[0])
        for mine, twin in zip(batches, again, strict=True):
            np.testing.assert_allclose(mine, twin, atol=1e-6)
        assert (again.load <= task.bound).all()
        assert gather(task, best, again) == pytest.approx(total[1])
        for row in set(best.tolist()):
            assert again.metres[row] == pytest.approx(walk_of(query, np.flatnonzero(best == row).tolist()))
    assert total[1] < metres or limits == Limits()


def test_draws_are_even() -> None:
    """Thousands of draws: the mean and the tenths of a uniform law."""
    state = np.array([7], np.uint64)
    some = np.array([draw(state) for _ in range(20_000)])
    assert some.min() >= 0
    assert some.max() < 1
    np.testing.assert_allclose(np.histogram(some, 10, (0, 1))[0] / 20_000, 0.1, atol=0.01)


def test_exchanges_are_priced_as_they_turn_out() -> None:
    """With and without an item on the other side, orders with both, groups: prices equal the walks counted anew."""
    query = slotting_query(3)
    case = case_of(query)
    history, shelves = case.whole, shelves_of(case, case.whole, query.slot)
    total = lay_out(history, shelves)
    mark, room = scratch(history)
    rng = np.random.default_rng(0)
    for turn in range(1, 200):
        item, target = int(rng.integers(0, 50)), int(rng.integers(0, 60))
        other = int(shelves.slot_item[target])
        if other == item:
            continue
        price = exchange_change(history, shelves, item, other, target, mark, turn, room)
        moved = np.array([item, other] if other >= 0 else [item])
        to = np.array([target, shelves.item_slot[item]] if other >= 0 else [target])
        together = group_change(history, shelves, moved, to, mark, 1000 + turn, room)
        exchange(history, shelves, item, other, target, room)
        now = metres_of(case, shelves.item_slot)
        assert price == pytest.approx(now - total, abs=1e-6)
        assert together == pytest.approx(price, abs=1e-6)
        assert shelves.metres.sum() == pytest.approx(now)
        total = now
    home, left = shelves.item_slot.copy(), np.array([6])
    change, judged = improve(history, shelves, home, left, mark, 5000, room, np.array([3], np.uint64), 2000, 0.0)
    assert judged > 0
    assert total + change == pytest.approx(metres_of(case, shelves.item_slot))
    assert change < 0
    assert (
        shelves.item_slot[shelves.slot_item[shelves.slot_item >= 0]] == np.flatnonzero(shelves.slot_item >= 0)
    ).all()


@pytest.mark.parametrize(("warmth", "price"), [(0.0, 0.0), (30.0, 20.0)])
def test_a_budget_of_moves_is_spent_by_its_books(warmth: float, price: float) -> None:
    """Metres, places and what is left of the budget are those that counting anew gives; a pinned item stays."""
    query = slotting_query(3)
    case = case_of(query)
    history, shelves = case.whole, shelves_of(case, case.whole, query.slot)
    history.fixed[7] = True
    total, home, left = lay_out(history, shelves), query.slot.copy(), np.array([9])
    mark, room = scratch(history)
    random, turn, least = np.array([3], np.uint64), 1, np.inf
    for tries in (1, 20, 400, 3000):
        change, judged = spend(history, shelves, home, left, mark, turn, room, random, tries, warmth, price)
        total, turn, least = total + change, turn + tries, min(least, total + change)
        assert judged <= tries
        assert total == pytest.approx(metres_of(case, shelves.item_slot))
        assert left[0] == 9 - (shelves.item_slot != home).sum() >= 0
        lying = np.flatnonzero(shelves.slot_item >= 0)
        assert (shelves.item_slot[shelves.slot_item[lying]] == lying).all()
        assert len(lying) == len(home)
        assert shelves.item_slot[7] == home[7]
    assert least < metres_of(case, home)
