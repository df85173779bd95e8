"""One timer for all calls that wait over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from serving.transport.http_way import Watch


class Timer:
    def __init__(self, at: float, what: Callable[[], None]) -> None:
        self.at, self.what, self.cancelled = at, what, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Remembers what it shall do, and when; the clock of the test."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def call_later(self, delay: float, what: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + delay, what))
        return self.timers[-1]

    def pass_(self, seconds: float) -> None:
        """Lets time go by, timer by timer."""
        until = self.now + seconds
        while due := [timer for timer in self.timers if timer.at <= until and not timer.cancelled]:
            first = min(due, key=lambda timer: timer.at)
            self.timers.remove(first)
            self.now = max(self.now, first.at)
            first.what()
        self.now = until


class Waiting:
    """A call until a moment."""

    def __init__(self, until: float) -> None:
        self.until, self.expired_at = until, 0.0
        self.loop: Loop

    def expire(self) -> None:
        self.expired_at = self.loop.now


def watched(loop: Any, *left_s: float) -> tuple[Watch, list[Waiting]]:
    watch, calls = Watch(loop, loop), [Waiting(loop.now + left) for left in left_s]
    for call in calls:
        call.loop = loop
        watch.add(call, loop.now)
    return watch, calls


def test_every_call_ends_when_its_time_is_up() -> None:
    """Whatever the order in which they came."""
    loop = Loop()
    _, calls = watched(loop, 3.0, 1.0, 2.0, 0.0)
    loop.pass_(10.0)
    assert [round(call.expired_at - 100.0, 2) for call in calls] == [3.0, 1.0, 2.0, 0.0]


def test_a_call_that_has_ended_is_left_alone() -> None:
    loop = Loop()
    watch, (first, second) = watched(loop, 1.0, 2.0)
    watch.discard(first)
    loop.pass_(5.0)
    assert (first.expired_at, round(second.expired_at, 2)) == (0.0, 102.0)


def test_calls_that_are_answered_in_time_set_no_timer_of_their_own() -> None:
    """A thousand, each with a second: one timer, which finds the time of none up."""
    loop = Loop()
    watch, _ = watched(loop)
    for _ in range(1000):
        call = Waiting(loop.now + 1.0)
        watch.add(call, loop.now)
        loop.pass_(0.0001)
        watch.discard(call)
    assert len(loop.timers) == 1
