"""What a batch knows of its surroundings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """One batch. Times: seconds of the monotonic clock, `wall` of the epoch."""

    now: float
    wall: float
    deadline: float
    """The nearest deadline of the batch."""
