"""When to leave a failing store alone and when to ask whether it is well again. No socket, no clock: `now` is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import random


@dataclass(slots=True)
class Breaker:
    """Open after a failure, closed again by a successful probe. Times: seconds of one monotonic clock.

    The first probe after a calm time comes at once, so that a single hiccup costs milliseconds; the following ones
    come at jittered intervals between `wait_s_min` and `wait_s_max` that double. A store that fails again within
    `calm_s` of its recovery is asked at the interval it had reached: a store that answers probes but not calls then
    costs its callers at most one failed call per interval.
    """

    wait_s_min: float = 0.05
    wait_s_max: float = 0.5
    calm_s: float = 5.0
    jitter: Callable[[], float] = random
    """Uniform on [0, 1)."""
    cause: str = ""
    """Why it is open; empty when it is closed."""
    _wait_s: float = 0.0
    _probe_at: float = 0.0
    _closed_at: float = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether calls must fail at once."""
        return bool(self.cause)

    def failed(self, now: float, cause: str) -> None:
        """A call failed: opens. While it is open already, nothing changes."""
        if self.cause:
            return
        self.cause = cause or "failed"
        if now - self._closed_at > self.calm_s:
            self._wait_s, self._probe_at = 0.0, now
        else:
            self._back_off(now)

    def probe_in_s(self, now: float) -> float:
        """Seconds until the next probe, 0 = now. Meant for the open state."""
        return max(0.0, self._probe_at - now)

    def probe_failed(self, now: float, cause: str) -> None:
        """The store is still not well."""
        self.cause = cause or "failed"
        self._back_off(now)

    def probe_succeeded(self, now: float) -> None:
        """Closes."""
        self.cause = ""
        self._closed_at = now

    def _back_off(self, now: float) -> None:
        self._wait_s = min(max(2 * self._wait_s, self.wait_s_min), self.wait_s_max)
        jittered = self._wait_s * (0.5 + 0.5 * self.jitter())
        self._probe_at = now + max(self.wait_s_min, jittered)
