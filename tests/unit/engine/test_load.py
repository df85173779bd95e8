"""What a replica had to do, from counters that only grow and a clock of the test."""

from __future__ import annotations

import pytest

from serving.engine.load import LoadMeter, Work
from serving.engine.scaling import Load


class Counting:
    """A clock and an engine's counters, set by hand."""

    def __init__(self) -> None:
        self.now, self.work = 100.0, Work(5.0, 50.0)

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def passed(self, seconds: float, busy_s: float, queued_s: float) -> None:
        self.now += seconds
        self.work = Work(self.work.busy_s + busy_s, self.work.queued_s + queued_s)


def test_a_look_tells_what_happened_since_the_last_one() -> None:
    """Shares and averages over the time between two looks, whatever came before."""
    counting = Counting()
    meter = LoadMeter(lambda: counting.work, counting)
    counting.passed(2.0, busy_s=0.5, queued_s=12.0)
    assert meter.read() == Load(0.25, 6.0)
    counting.passed(1.0, busy_s=0.0, queued_s=0.0)
    assert meter.read() == Load(0.0, 0.0)


def test_a_batch_that_began_before_the_last_look_makes_no_share_above_one() -> None:
    counting = Counting()
    meter = LoadMeter(lambda: counting.work, counting)
    counting.passed(1.0, busy_s=3.0, queued_s=1.0)
    assert meter.read().busy == 1.0


def test_two_looks_at_one_instant_tell_nothing_twice() -> None:
    """The second one has no time to speak of, and takes nothing from the next."""
    counting = Counting()
    meter = LoadMeter(lambda: counting.work, counting)
    counting.passed(1.0, busy_s=0.5, queued_s=0.0)
    meter.read()
    assert meter.read() == Load(0.0, 0.0)
    counting.passed(1.0, busy_s=0.5, queued_s=2.0)
    assert meter.read().busy == pytest.approx(0.5)
