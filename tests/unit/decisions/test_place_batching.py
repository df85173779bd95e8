"""`BatchOrders`: every order once, no limit broken, never further than first-come, and close to the best there is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from placing import batch_query, compiled, drawn_orders, items_of, orders_of, warehouse

from serving.decisions.place.batching import batch_orders
from serving.decisions.place.contract import Aisles, BatchAnswer, BatchQuery, Limits, Matrix, Slots
from serving.decisions.place.ground import ground_of, point_sets, walked


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    compiled()


def check(query: BatchQuery, answer: BatchAnswer) -> None:
    """All that must hold of any answer, counted without the search."""
    orders, limits = query.orders, query.limits
    assert sorted(order for batch in answer.batches for order in batch.orders) == list(range(len(orders)))
    for batch in answer.batches:
        lines = np.concatenate([np.arange(orders.start[k], orders.start[k + 1]) for k in batch.orders])
        volume = 0 if query.items.volume is None else (query.items.volume[orders.item] * orders.quantity)[lines].sum()
        assert batch.lines == len(lines) <= (limits.lines or np.inf)
        assert batch.units == orders.quantity[lines].sum() <= (limits.units or np.inf)
        assert batch.volume == pytest.approx(volume)
        assert volume <= (limits.volume or np.inf) * (1 + 1e-9)
        assert len(batch.orders) <= (limits.orders or np.inf)
        assert sorted(batch.stops) == sorted(set(query.slot[orders.item[lines]].tolist()))
        ground, point = ground_of(query.layout, query.slots, np.array(sorted(batch.stops)))
        if isinstance(query.layout, Aisles):
            best = walked(ground, *point_sets(point, np.zeros_like(point), 1))[0]
            assert batch.metres == pytest.approx(best)
        else:
            way = [query.layout.depot, *query.slots.place[list(batch.stops)], query.layout.end or query.layout.depot]
            assert batch.metres == pytest.approx(query.layout.metres[way[:-1], way[1:]].sum())
    assert answer.metres == pytest.approx(sum(batch.metres for batch in answer.batches))
    assert answer.metres <= answer.first_come_metres + 1e-6


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(1, 40), st.integers(0, 1000), st.sampled_from([(0.0, 13.0), (0.0, 6.5, 13.0)]),
    st.sampled_from([Limits(lines=8), Limits(orders=3), Limits(units=9, volume=14.0), Limits()]),
    st.sampled_from([0.0, 0.002, 0.03]), st.sampled_from([None, 12.0]),
)  # fmt: skip
def test_any_answer_holds(
    count: int, seed: int, cross: tuple[float, ...], limits: Limits, seconds: float, end: float | None
) -> None:
    """Windows of any size, with one block and two, any limits, and next to no time."""
    layout, slots = warehouse(cross=cross)
    items = items_of(60, volume=np.linspace(0.5, 2, 60))
    query = batch_query(
        count, seed, limits, layout=replace(layout, end_x=end), slots=slots, items=items, seconds=seconds
    )
    check(query, batch_orders(query))


def test_a_matrix_is_walked_too() -> None:
    """The same shop by its distances: an answer holds, and is as good as with aisles."""
    query = batch_query(30, 3)
    layout, slots = query.layout, query.slots
    assert isinstance(layout, Aisles)
    x, y = np.append(layout.aisle_x[slots.place], layout.depot_x), np.append(slots.y, 0.0)
    way = np.minimum(y[:, None] + y[None], 26.0 - y[:, None] - y[None])
    metres = np.abs(x[:, None] - x[None]) + np.where(x[:, None] == x[None], np.abs(y[:, None] - y[None]), way)
    matrix = replace(query, layout=Matrix(metres, 60), slots=Slots(slots.ids, np.arange(60), slots.y))
    answer, with_aisles = batch_orders(matrix), batch_orders(query)
    check(matrix, answer)
    assert answer.reference_metres is None
    assert answer.first_come_metres == pytest.approx(with_aisles.first_come_metres, rel=0.01)
    assert answer.metres <= with_aisles.metres * 1.03


@pytest.mark.parametrize("seed", range(6))
def test_small_windows_are_solved_to_the_end(seed: int) -> None:
    """Seven orders: every way to part them into walks was tried."""
    query = batch_query(7, seed, seconds=200.0)
    lines = np.diff(query.orders.start)
    ground, point = ground_of(query.layout, query.slots, query.slot)

    def metres(batch: frozenset[int]) -> float:
        items = np.concatenate([query.orders.item[query.orders.start[k] : query.orders.start[k + 1]] for k in batch])
        points = np.unique(point[items])
        return float(walked(ground, points, np.array([0, len(points)]))[0])

    @cache
    def best(left: frozenset[int]) -> float:
        if not left:
            return 0.0
        first, rest = min(left), sorted(left - {min(left)})
        found = np.inf
        for chosen in range(1 << len(rest)):
            batch = frozenset({first, *(order for k, order in enumerate(rest) if chosen >> k & 1)})
            if lines[list(batch)].sum() <= 10:
                found = min(found, metres(batch) + best(left - batch))
        return found

    answer = batch_orders(query)
    assert answer.metres == pytest.approx(best(frozenset(range(7))))
    assert answer.seconds < query.seconds, "it did not end when nothing was left to gain"


def test_orders_of_one_aisle_go_together() -> None:
    """A checkerboard: two orders in each of four aisles, arriving in turns, two to a walk."""
    rows = [[12 * aisle + 9 + half] for half in (0, 1) for aisle in (1, 2, 3, 4)]
    query = batch_query(orders=orders_of(*rows), slot=np.arange(60), limits=Limits(orders=2))
    answer = batch_orders(query)
    assert sorted(batch.orders for batch in answer.batches) == [(0, 4), (1, 5), (2, 6), (3, 7)]
    assert answer.metres < answer.first_come_metres


def test_the_same_seed_and_rounds_give_the_same_answer() -> None:
    """A clock that only counts its readings stands for any machine."""

    def run(seed: int) -> BatchAnswer:
        ticks = iter(range(10_000_000))
        return batch_orders(replace(batch_query(40, 1, seconds=5.0), seed=seed), clock=lambda: next(ticks) * 0.004)

    assert run(1) == run(1)
    assert run(1).batches != run(2).batches


def test_more_time_is_never_worse_and_search_gains() -> None:
    """None, then enough: what is found first is kept until something better is."""
    query = batch_query(60, 5)
    none, much = batch_orders(replace(query, seconds=0.0)), batch_orders(replace(query, seconds=1.0))
    assert none.engine == "first-come"
    assert none.metres == pytest.approx(none.first_come_metres)
    assert much.engine == "alns"
    assert much.metres < 0.9 * none.metres


def test_who_has_gone_away_is_answered_at_once() -> None:
    """A caller that stops gets what is there."""
    answer = batch_orders(batch_query(60, 5, seconds=300.0), stop=lambda: True)
    assert answer.engine == "first-come"
    assert answer.rounds == 0


def test_two_items_at_one_place_are_one_stop_each() -> None:
    """Two levels at one place: the walk goes there once, and both slots are named."""
    layout, _ = warehouse()
    slots = Slots(("low", "high", "far"), np.array([1, 1, 2]), np.array([4.0, 4.0, 2.0]))
    query = batch_query(
        layout=layout, slots=slots, items=items_of(3), slot=np.arange(3), orders=orders_of([0, 1], [2]), limits=Limits()
    )
    answer = batch_orders(query)
    assert [set(batch.stops) for batch in answer.batches] == [{0, 1, 2}]
    assert answer.metres == pytest.approx(2 * 6 + 2 * 4 + 2 * 2)


def test_a_long_window_in_no_time_is_an_answer() -> None:
    """2,000 orders within 20 ms: nobody waits, nothing is lost."""
    query = batch_query(orders=drawn_orders(2000, 60, 1), seconds=0.02)
    check(query, batch_orders(query))
