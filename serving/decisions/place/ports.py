"""What Place needs of the outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

Stop = Callable[[], bool]
"""Whether the caller has gone away; asked often, so it must be quick."""


def never() -> bool:
    """The caller who waits."""
    return False


class MoveChooser(Protocol):
    """Picks the exchanges that together save most within a budget."""

    def __call__(self, saved: Sequence[float], items: Sequence[Sequence[int]], budget: int) -> list[int]:
        """saved: metres of each exchange; items: which it moves, each in at most one that is picked; budget: most moves
        together. Positions in `saved`, ascending."""
        ...
