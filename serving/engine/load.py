"""What a replica had to do lately, from counters that only grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serving.core.clock import Clock
from serving.engine.scaling import Load


@dataclass(frozen=True, slots=True)
class Work:
    """Sums since the start. busy_s: time spent in batches. queued_s: time that all calls together waited for theirs."""

    busy_s: float
    queued_s: float


class LoadMeter:
    """Reads a difference: the load since the last look. One reader."""

    def __init__(self, work: Callable[[], Work], clock: Clock) -> None:
        self._work, self._clock = work, clock
        self._at, self._before = clock.monotonic(), work()

    def read(self) -> Load:
        """Since the last look, or the construction. A batch counts when it has ended, so the share is capped.

        Seconds that calls waited, over the seconds passed, is how many waited on average [1]: exact, as looks at the
        queue now and then are not.

        [1] Little: A proof for the queuing formula L = lambda W, Operations Research 9(3), 1961.
        """
        now, work = self._clock.monotonic(), self._work()
        passed = now - self._at
        if passed <= 0:
            return Load(0.0, 0.0)
        before, self._at, self._before = self._before, now, work
        return Load(
            min((work.busy_s - before.busy_s) / passed, 1.0), max(work.queued_s - before.queued_s, 0.0) / passed
        )
