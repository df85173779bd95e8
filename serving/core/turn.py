"""What a batch knows of its surroundings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def not_gone() -> bool:
    """Somebody waits, as far as is known."""
    return False


@dataclass(frozen=True, slots=True)
class Turn:
    """One batch. Times: seconds of the monotonic clock, `wall` of the epoch."""

    now: float
    wall: float
    deadline: float
    """The nearest deadline of the batch."""
    gone: Callable[[], bool] = not_gone
    """Whether nobody waits for the batch any more: what takes long asks now and then, and ends. Quick."""
