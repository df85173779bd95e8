"""Clocks are passed in, so that the thinking can be tested at any time of day."""

from __future__ import annotations

import time
from typing import Protocol

NEVER = float("inf")
"""A monotonic deadline that never passes."""


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds, for deadlines and durations."""
        ...

    def wall(self) -> float:
        """Seconds since the Unix epoch, for event times."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()
