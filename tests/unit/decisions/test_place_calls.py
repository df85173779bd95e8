"""How long calls of Place search, and that they end when nobody waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from serving.adapters.slot_moves import choose_moves
from serving.core.clock import NEVER, SystemClock
from serving.core.errors import InvalidInput
from serving.core.turn import Turn
from serving.decisions.place.calls import Batched, PlacementCalls
from serving.decisions.place.contract import Aisles, BatchQuery, Items, Limits, Orders, Slots
from serving.decisions.place.service import PlacementService

NOW = 1000.0


class Stopped(SystemClock):
    """A clock that stands at NOW and a bit."""

    def monotonic(self) -> float:
        return NOW + 0.5


class Told(PlacementService):
    """The real service, which also writes down how long it was told to search."""

    def __init__(self) -> None:
        super().__init__(choose_moves)
        self.seconds: list[float] = []

    def run_batch(self, query: BatchQuery, stop: Callable[[], bool] = lambda: False):  # type: ignore[no-untyped-def]
        self.seconds.append(query.seconds)
        return super().run_batch(replace(query, seconds=0.0), stop)


def query(orders: int = 3, seconds: float = 5.0) -> BatchQuery:
    """Orders of two items each, in ten aisles."""
    rng = np.random.default_rng(0)
    layout = Aisles(np.arange(10) * 5.0, np.array([0.0, 91.0]), 0.0)
    slots = Slots(tuple(f"s{k}" for k in range(900)), np.repeat(np.arange(10), 90), np.tile(np.arange(1.0, 91.0), 10))
    lines = np.concatenate([rng.choice(900, 2, replace=False) for _ in range(orders)])
    return BatchQuery(
        layout, slots, Items(tuple(f"i{k}" for k in range(900))),
        Orders(tuple(f"o{k}" for k in range(orders)), np.arange(orders + 1) * 2, lines, np.ones(2 * orders, np.int64)),
        np.arange(900), Limits(orders=4), seconds, request_id="r",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("left_s", "seconds_max", "wanted", "searched"),
    [
        (NEVER, 60.0, 5.0, 5.0),
        (2.5, 60.0, 5.0, 1.78),  # 0.5 have gone, a tenth of the rest and 20 ms are for the answer
        (NEVER, 2.5, 5.0, 1.78),
        (2.5, 60.0, 0.3, 0.3),
        (0.5, 60.0, 5.0, 0.0),
    ],
)
def test_a_search_ends_before_its_caller_goes(
    left_s: float, seconds_max: float, wanted: float, searched: float
) -> None:
    """By the deadline, by what a call may take at all, or as it was told to."""
    service = Told()
    calls = PlacementCalls(service, Stopped(), seconds_max)
    (done,) = calls.run_batch([query(seconds=wanted)], Turn(NOW, 0.0, NOW + left_s))
    assert service.seconds == [pytest.approx(searched)]
    assert isinstance(done, Batched)
    assert done.query.seconds == wanted
    assert done.answer.request_id == "r"


def test_an_answer_is_whole_without_any_time_to_search() -> None:
    """Every order once, no walk above the limit, and never further than first come."""
    calls = PlacementCalls(PlacementService(choose_moves), SystemClock(), 60.0)
    now = time.monotonic()
    (done,) = calls.run_batch([query(40)], Turn(now, 0.0, now))
    assert isinstance(done, Batched)
    assert sorted(order for batch in done.answer.batches for order in batch.orders) == list(range(40))
    assert max(len(batch.orders) for batch in done.answer.batches) <= 4
    assert done.answer.metres <= done.answer.first_come_metres + 1e-9


def test_a_search_ends_when_nobody_waits_for_it() -> None:
    """Long before its time: it asks, and is told after a few times."""
    asked = 0

    def gone() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    calls = PlacementCalls(PlacementService(choose_moves), SystemClock(), 60.0)
    began = time.monotonic()
    (done,) = calls.run_batch([query(60, seconds=50.0)], Turn(began, 0.0, NEVER, gone))
    assert isinstance(done, Batched)
    assert 3 < asked < 20


def test_what_is_wrong_with_one_call_is_its_own() -> None:
    calls = PlacementCalls(PlacementService(choose_moves), SystemClock(), 60.0)
    good = query(seconds=0.0)
    bad = replace(good, limits=Limits(units=1))
    wrong, done = calls.run_batch([bad, good], Turn(time.monotonic(), 0.0, NEVER))
    assert isinstance(wrong, InvalidInput)
    assert isinstance(done, Batched)
