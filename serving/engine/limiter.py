"""How many interactive calls may wait at once: as many as keep the time they wait near its target.

Additive increase and multiplicative decrease on the measured queueing delay, as Breakwater grants its credits: Cho,
Saeed, Fried, Park, Alizadeh, Belay 2020, "Overload control for us-scale RPCs with Breakwater". The limit never falls
below what the next batch can take, since a batch in the making costs nobody time, and it grows only where it was felt.
No clock: a measurement brings the time with it.
"""

from __future__ import annotations

import math

INCREASE_SHARE = 1 / 16
"""Of the lowest limit, added when calls were refused although the wait was short."""
DECREASE_SHARE = 0.5
"""Taken off when the wait was twice its target; less in proportion, and never more."""
BURST = 2
"""So many batches' worth may come at once when there has been no flood."""
QUIET_S = 0.1
"""Without a refusal for so long there is no flood (any more)."""


class Limiter:
    """low, high: calls, 1 <= low <= high. target_s: seconds; infinite = the limit is always `high`."""

    __slots__ = ("_high", "_low", "_pressed", "_refused_at", "_start", "_target_s", "limit")

    def __init__(self, low: int, high: int, target_s: float) -> None:
        self._low, self._high, self._target_s = low, high, target_s
        self._start = high if target_s == math.inf else min(BURST * low, high)
        self._refused_at = -math.inf
        self._pressed = False
        self.limit = self._start
        """Calls that may wait."""

    def refused(self, now: float) -> None:
        """The limit was felt."""
        self._pressed, self._refused_at = True, now

    def waited(self, delay_s: float, now: float) -> None:
        """A batch begins at `now`, and its oldest call has waited for `delay_s`."""
        if delay_s > self._target_s:
            share = 1.0 - DECREASE_SHARE * min(delay_s / self._target_s - 1.0, 1.0)
            self.limit = max(self._low, int(self.limit * share))
        elif self._pressed:
            self.limit = min(self._high, self.limit + max(1, int(self._low * INCREASE_SHARE)))
        elif self.limit < self._start and now - self._refused_at > QUIET_S:
            self.limit = self._start
        self._pressed = False
