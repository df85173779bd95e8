"""Which core belongs to whom: everything the server is on one, everything that measures on the other."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROUNDS_MAX = 20


@dataclass(frozen=True, slots=True)
class Cores:
    """Numbers of cores."""

    server: frozenset[int]
    load: frozenset[int]

    @classmethod
    def choose(cls, server: int = 1) -> Cores:
        """The first `server` cores this process may use for the server, the others for the load."""
        mine = sorted(os.sched_getaffinity(0))
        if not 0 < server < len(mine):
            raise ValueError(f"{server} cores for the server leave none of {len(mine)} for the load")
        return cls(frozenset(mine[:server]), frozenset(mine[server:]))


def pin(pids: Iterable[int], cores: frozenset[int]) -> int:
    """Puts every thread of the processes on `cores`; how many threads had to be moved.

    Threads that start meanwhile are found by looking again until nothing is left to move: a thread inherits the cores
    of the one that starts it.
    """
    moved = 0
    pids = tuple(pids)
    for _ in range(ROUNDS_MAX):
        strays = list(astray(pids, cores))
        if not strays:
            break
        for thread in strays:
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(thread, cores)
                moved += 1
    return moved


def astray(pids: Iterable[int], cores: frozenset[int]) -> Iterator[int]:
    """The threads of the processes that may run on other cores."""
    for pid in pids:
        try:
            threads = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for thread in threads:
            with contextlib.suppress(ProcessLookupError):
                if not os.sched_getaffinity(thread) <= cores:
                    yield thread


@contextlib.contextmanager
def only_on(cores: frozenset[int]) -> Iterator[None]:
    """Inside, every thread of this process and whatever it starts runs on `cores` alone."""
    before = os.sched_getaffinity(0)
    _move_own(cores)
    try:
        yield
    finally:
        _move_own(before)


def _move_own(cores: Iterable[int]) -> None:
    for entry in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(entry.name), cores)
