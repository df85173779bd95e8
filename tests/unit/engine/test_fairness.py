"""Who gets the engine when more is asked of it than it can do: the batcher under a virtual clock."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from serving.core.errors import StoregateError
from serving.engine.batcher import STANDING_S, Batcher, Limits
from serving.engine.calls import Call

COST_S, BATCH_MAX = 0.0005, 16
CAPACITY = 1 / COST_S
"""Calls a second."""


class Nobody:
    """A responder that is never asked."""

    def respond(self, call_id: int, payload: bytes) -> None:
        raise AssertionError("the batcher answers nobody")

    def fail(self, call_id: int, error: StoregateError) -> None:
        raise AssertionError("the batcher answers nobody")


NOBODY = Nobody()


class Result:
    """What became of the callers' calls."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = defaultdict(list)
        self.refused: dict[str, int] = defaultdict(int)
        self.ended: list[float] = []

    def p99(self, *callers: str) -> float:
        return float(np.quantile(np.concatenate([self.took[caller] for caller in callers]), 0.99))


def arrivals(rates: dict[str, float], seconds: float, seed: int) -> list[tuple[float, str]]:
    """Poisson arrivals of every caller, by time. rates: calls a second."""
    rng = np.random.default_rng(seed)
    times = [(at, caller) for caller, rate in rates.items() for at in poisson(rng, rate, seconds)]
    return sorted(times)


def poisson(rng: np.random.Generator, rate: float, seconds: float) -> list[float]:
    return np.sort(rng.uniform(0, seconds, rng.poisson(rate * seconds))).tolist()


def run(events: list[tuple[float, str]], limits: Limits) -> Result:
    """One server that takes COST_S a call; what arrives while a batch runs is offered before the next is taken."""
    batcher, result, now, at = Batcher(limits), Result(), 0.0, 0
    while at < len(events) or batcher.waiting:
        if not batcher.waiting and at < len(events):
            now = max(now, events[at][0])
        while at < len(events) and events[at][0] <= now:
            arrived, caller = events[at]
            for call, _ in batcher.offer([Call(NOBODY, at, "/m", b"", arrived=arrived, caller=caller)], arrived):
                result.refused[call.caller] += 1
            at += 1
        batch = batcher.take(now)
        if batch is None:
            continue
        took = COST_S * len(batch.calls)
        now += took
        batcher.ran("/m", len(batch.calls), took, now)
        for call in batch.calls:
            result.took[call.caller].append(now - call.arrived)
            result.ended.append(now)
    return result


@pytest.mark.parametrize("seed", range(3))
def test_a_caller_at_a_hundred_times_its_share_does_not_move_the_others(seed: int) -> None:
    """Four shares of a quarter: three callers stay within theirs while the fourth asks for a little more than what is
    left, so that the engine is full, or for a hundred shares."""
    limits = Limits(batch_max=BATCH_MAX, queue_max=512, queue_seconds_max=2.0, standing_max=40)
    others = dict.fromkeys(("app", "web", "mail"), 0.9 * CAPACITY / 4)
    usual = run(arrivals(others | {"robot": 1.5 * CAPACITY / 4}, 5.0, seed), limits)
    flood = run(arrivals(others | {"robot": 100 * CAPACITY / 4}, 5.0, seed), limits)
    assert flood.p99(*others) <= 1.1 * usual.p99(*others)
    assert sum(flood.refused[name] for name in others) < 0.02 * sum(len(flood.took[name]) for name in others)
    assert flood.refused["robot"] > 0.9 * 100 * CAPACITY / 4 * 5
    assert len(flood.took["robot"]) > 0.9 * 5 * (CAPACITY - sum(others.values())), "what the others leave is his"


@pytest.mark.parametrize("times", [5, 10])
def test_a_flood_is_refused_early_and_what_is_admitted_is_quick(times: int) -> None:
    """Goodput stays at capacity, the admitted wait little longer than in a full hour, and an end is an end."""
    limits = Limits(batch_max=BATCH_MAX, queue_max=512, queue_seconds_max=2.0, standing_max=40)
    full = run(arrivals({"": 0.95 * CAPACITY}, 10.0, seed=1), limits)
    flood = arrivals({"": times * CAPACITY}, 2.0, seed=2)
    after = [(2.0 + at, "later") for at, _ in arrivals({"": 0.5 * CAPACITY}, 3.0, seed=3)]
    found = run(flood + after, limits)
    in_flood = [end for end in found.ended if 1.0 <= end < 2.0]
    assert len(in_flood) >= 0.99 * CAPACITY
    settled = found.took[""][int(2 * STANDING_S * CAPACITY) + limits.queue_max :]
    assert np.quantile(settled, 0.99) <= 2 * full.p99("")
    assert found.refused["later"] == 0


def test_a_burst_is_no_flood() -> None:
    """What the queue can take at once is taken, as long as it goes away again."""
    limits = Limits(batch_max=BATCH_MAX, queue_max=512, queue_seconds_max=2.0, standing_max=10)
    bursts = [(second + number * 1e-6, "") for second in range(5) for number in range(100)]
    assert not run(bursts, limits).refused


def test_a_batch_that_was_held_up_does_not_close_the_queue() -> None:
    """One batch of a hundred times the cost teaches little; many of them teach all."""
    batcher = Batcher(Limits(queue_seconds_max=0.2))
    calls = [Call(NOBODY, number, "/m", b"") for number in range(128)]
    batcher.ran("/m", 1, 0.05, 0.0)
    assert batcher.offer(calls, 0.0) == []
    batcher.clear()
    for _ in range(60):
        batcher.ran("/m", 1, 0.05, 0.0)
    assert len(batcher.offer(calls, 0.0)) > 100
