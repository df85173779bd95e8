"""Who gets the engine when more is asked of it than it can do: the batcher under a virtual clock."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count

import numpy as np
import pytest

from serving.core.errors import StoregateError
from serving.engine.batcher import BULK_SHARE, SLICE_S, Batcher, Limits
from serving.engine.calls import Call

COST_S, BATCH_MAX = 0.0005, 16
CAPACITY = 1 / COST_S
"""Calls a second."""
REFUSAL_S = COST_S / 10
BULK = "bulk"
"""The caller whose calls are bulk."""


class Nobody:
    """A responder that is never asked."""

    def respond(self, call_id: int, payload: bytes) -> None:
        raise AssertionError("the batcher answers nobody")

    def fail(self, call_id: int, error: StoregateError) -> None:
        raise AssertionError("the batcher answers nobody")


NOBODY = Nobody()


@dataclass(frozen=True, slots=True)
class Loop:
    """Callers that ask again as soon as they are answered or refused, without heeding any hint."""

    caller: str
    callers: int
    begin_s: float
    end_s: float


class Result:
    """What became of the callers' calls."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = defaultdict(list)
        self.ended: dict[str, list[float]] = defaultdict(list)
        self.refused: dict[str, int] = defaultdict(int)
        self.refusal_s: list[float] = []
        """From arrival to refusal."""

    def p99(self, *callers: str) -> float:
        return float(np.quantile(np.concatenate([self.took[caller] for caller in callers]), 0.99))

    def rate(self, begin_s: float, end_s: float) -> float:
        """Answers a second within that time."""
        return sum(begin_s <= at < end_s for ended in self.ended.values() for at in ended) / (end_s - begin_s)


def arrivals(rates: dict[str, float], seconds: float, seed: int) -> list[tuple[float, str]]:
    """Poisson arrivals of every caller, by time. rates: calls a second."""
    rng = np.random.default_rng(seed)
    times = [(at, caller) for caller, rate in rates.items() for at in poisson(rng, rate, seconds)]
    return sorted(times)


def poisson(rng: np.random.Generator, rate: float, seconds: float) -> list[float]:
    return np.sort(rng.uniform(0, seconds, rng.poisson(rate * seconds))).tolist()


def run(
    events: list[tuple[float, str]], limits: Limits, loops: tuple[Loop, ...] = (), refusal_s: float = 0.0
) -> Result:
    """One server that takes COST_S a call and `refusal_s` a refusal, and sees what arrived while it was busy at the
    end of the batch, as the engine does behind its front."""
    serial = count()
    coming = [(at, next(serial), caller, None) for at, caller in events]
    coming += [(loop.begin_s, next(serial), loop.caller, loop) for loop in loops for _ in range(loop.callers)]
    heapify(coming)
    batcher, result, now = Batcher(limits), Result(), 0.0
    open_loops: dict[int, Loop] = {}

    def again(call: Call) -> None:
        loop = open_loops.pop(call.call_id, None)
        if loop is not None and now < loop.end_s:
            heappush(coming, (now, next(serial), loop.caller, loop))

    while coming or batcher.pending:
        if not batcher.pending:
            now = max(now, coming[0][0])
        arrived = []
        while coming and coming[0][0] <= now:
            at, number, caller, loop = heappop(coming)
            arrived.append(Call(NOBODY, number, "/m", b"", arrived=at, caller=caller, bulk=caller == BULK))
            if loop is not None:
                open_loops[number] = loop
        refused = batcher.offer(arrived, now)
        batch = batcher.take(now)
        if batch is not None:
            took = COST_S * batch.units
            now += took
            if batch.calls:
                batcher.ran(batch, took)
            for call in batch.calls:
                result.took[call.caller].append(now - call.arrived)
                result.ended[call.caller].append(now)
                again(call)
            refused += batch.refused
        for call, _ in refused:
            now += refusal_s
            result.refused[call.caller] += 1
            result.refusal_s.append(now - call.arrived)
            again(call)
    return result


def limits(queue_max: int = 512, wait_s_target: float = 0.005) -> Limits:
    return Limits(BATCH_MAX, queue_max, queue_seconds_max=2.0, wait_s_target=wait_s_target)


@pytest.mark.parametrize("seed", range(3))
def test_a_caller_at_a_hundred_times_its_share_does_not_move_the_others(seed: int) -> None:
    """Four shares of a quarter: three callers stay within theirs while the fourth asks for a little more than what is
    left, so that the engine is full, or for a hundred shares."""
    others = dict.fromkeys(("app", "web", "mail"), 0.9 * CAPACITY / 4)
    usual = run(arrivals(others | {"robot": 1.5 * CAPACITY / 4}, 5.0, seed), limits())
    flood = run(arrivals(others | {"robot": 100 * CAPACITY / 4}, 5.0, seed), limits())
    assert flood.p99(*others) <= 1.1 * usual.p99(*others)
    assert sum(flood.refused[name] for name in others) < 0.02 * sum(len(flood.took[name]) for name in others)
    assert flood.refused["robot"] > 0.9 * 100 * CAPACITY / 4 * 5
    assert len(flood.took["robot"]) > 0.9 * 5 * (CAPACITY - sum(others.values())), "what the others leave is his"


@pytest.mark.parametrize("times", [5, 10])
def test_a_flood_is_refused_early_and_what_is_admitted_is_quick(times: int) -> None:
    """Goodput stays at capacity, the admitted wait little longer than in a full hour, and an end is an end."""
    full = run(arrivals({"": 0.95 * CAPACITY}, 10.0, seed=1), limits())
    flood = arrivals({"": times * CAPACITY}, 2.0, seed=2)
    after = [(2.0 + at, "later") for at, _ in arrivals({"": 0.9 * CAPACITY}, 3.0, seed=3)]
    found = run(flood + after, limits())
    assert found.rate(0.1, 2.0) >= 0.99 * CAPACITY
    assert found.p99("") <= 2 * full.p99("")
    assert found.rate(2.0, 4.0) >= 0.95 * 0.9 * CAPACITY
    assert found.refused["later"] < 0.01 * len(after)


@pytest.mark.parametrize("times", [5, 10])
def test_callers_who_ask_again_at_once_do_not_live_off_refusals(times: int) -> None:
    """A refusal costs a tenth of an answer here. So many callers would take most of the time for being refused."""
    normal = run([], limits(), (Loop("", BATCH_MAX, 0.0, 4.0),), REFUSAL_S)
    flood = Loop("", times * BATCH_MAX, 0.0, 4.0)
    found = run([], limits(), (flood, Loop("later", BATCH_MAX, 4.0, 6.0)), REFUSAL_S)
    capacity = normal.rate(1.0, 4.0)
    assert found.rate(0.0, 4.0) >= 0.8 * capacity
    assert found.p99("") <= 2 * normal.p99("") + REFUSAL_S * 256
    assert max(found.refusal_s) < 0.5
    assert found.rate(4.1, 6.0) >= 0.95 * capacity


def test_who_asks_for_little_finds_room_whatever_others_do() -> None:
    """One caller alone has what the limit says; a second one is admitted beside it, and no more of the first."""
    batcher = Batcher(Limits(queue_max=10))

    def refused(caller: str, calls: int) -> int:
        return len(batcher.offer([Call(NOBODY, 0, "/m", b"", caller=caller) for _ in range(calls)], 0.0))

    assert refused("robot", 100) == 90
    assert refused("shop", 5) == 0
    assert refused("robot", 1) == 1
    assert batcher.waiting == 15


def test_large_requests_of_one_caller_leave_room_for_others() -> None:
    """The same of bytes: one caller may have as many waiting as the limit says, and others find room beside it."""
    batcher = Batcher(Limits(queue_bytes_max=1000))

    def refused(caller: str, size: int, calls: int) -> int:
        return len(batcher.offer([Call(NOBODY, 0, "/m", bytes(size), caller=caller) for _ in range(calls)], 0.0))

    assert refused("robot", 100, 30) == 20
    assert batcher.waiting_bytes == 1000
    assert refused("robot", 1, 1) == 1
    assert refused("shop", 100, 5) == 0
    assert refused("robot", 5000, 1) == 1
    batcher.clear()
    assert batcher.waiting_bytes == 0
    assert refused("robot", 5000, 1) == 0, "an idle lane takes what the door lets in"


def test_a_burst_is_no_flood() -> None:
    """Two batches' worth is taken at once, as often as it comes, as long as it goes away again."""
    bursts = [(second + number * 1e-6, "") for second in range(5) for number in range(2 * BATCH_MAX)]
    assert not run(bursts, limits()).refused


@pytest.mark.parametrize("load", [0.2, 0.5])
def test_bulk_holds_an_interactive_call_up_by_no_more_than_a_slice(load: float) -> None:
    """Two hundred bulk calls wait all the time and get what is left, to the last slice."""
    shop = arrivals({"shop": load * CAPACITY}, 5.0, seed=4)
    alone, beside = run(shop, limits()), run(shop, limits(), (Loop(BULK, 200, 0.0, 5.0),))
    assert np.median(beside.took["shop"]) <= np.median(alone.took["shop"]) + SLICE_S
    assert beside.p99("shop") <= alone.p99("shop") + 2 * SLICE_S
    assert not beside.refused
    assert beside.rate(0.0, 5.0) >= 0.99 * CAPACITY


def test_bulk_is_not_starved_by_a_flood_and_takes_no_more_than_its_share() -> None:
    """Interactive calls alone could fill the engine five times over."""
    loops = (Loop("shop", 5 * BATCH_MAX, 0.0, 5.0), Loop(BULK, 100, 0.0, 5.0))
    found = run([], limits(), loops)
    bulk = sum(at < 5.0 for at in found.ended[BULK]) / (5.0 * CAPACITY)
    assert 0.8 * BULK_SHARE <= bulk <= 1.1 * BULK_SHARE


def test_a_batch_that_was_held_up_does_not_close_the_queue() -> None:
    """One batch of a hundred times the cost teaches little; many of them teach all."""
    batcher = Batcher(Limits(queue_seconds_max=0.2))
    calls = [Call(NOBODY, number, "/m", b"") for number in range(128)]

    def held_up() -> None:
        batcher.offer([Call(NOBODY, 999, "/m", b"")], 0.0)
        batch = batcher.take(0.0)
        assert batch is not None
        batcher.ran(batch, 0.05)

    held_up()
    assert batcher.offer(calls, 0.0) == []
    batcher.clear()
    for _ in range(60):
        held_up()
    assert len(batcher.offer(calls, 0.0)) > 100
