"""What is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """profiles: users who have one, None = all."""

    users: int
    items: int
    workers: int
    block_rows: int
    memory_mib: int
    profiles: int | None
    local: bool
    kill: bool
    beside: bool
    stretch_s: float
    callers: int
    seed: int
