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
    """Picks the groups of moves that save most within a budget."""

    def __call__(self, saved: Sequence[float], moves: Sequence[int], budget: int) -> list[int]:
        """saved: metres of each group; moves: how many items it carries. Positions, ascending."""
        ...
