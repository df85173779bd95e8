"""What the searches of Place add up equals what is counted anew, one walk after the other."""

from __future__ import annotations

import numpy as np
import pytest
from placing import batch_query, slotting_query

from serving.decisions.place import batching, slotting
from serving.decisions.place.contract import BatchQuery
from serving.kernels.batching import arrival, gather, no_batches, pair_savings
from serving.kernels.batching_search import INSERTIONS, REMOVALS, draw, search
from serving.kernels.picker_walk import walk_metres
from serving.kernels.point_bits import bits_of, points_of_two
from serving.kernels.slotting import exchange, exchange_change, group_change, improve, lay_out


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
    case = slotting._case(query)
    history, shelves = case.whole, slotting._shelves(case, case.whole, query.slot)
    total = lay_out(history, shelves)
    mark, room = slotting._scratch(history)
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
        now = slotting._metres(case, shelves.item_slot)
        assert price == pytest.approx(now - total, abs=1e-6)
        assert together == pytest.approx(price, abs=1e-6)
        assert shelves.metres.sum() == pytest.approx(now)
        total = now
    home, left = shelves.item_slot.copy(), np.array([6])
    change, judged = improve(history, shelves, home, left, mark, 5000, room, np.array([3], np.uint64), 2000, 0.0)
    assert judged > 0
    assert total + change == pytest.approx(slotting._metres(case, shelves.item_slot))
    assert change < 0
    assert (
        shelves.item_slot[shelves.slot_item[shelves.slot_item >= 0]] == np.flatnonzero(shelves.slot_item >= 0)
    ).all()
