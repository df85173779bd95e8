"""How a worker stands aside for the pages, and pages for the network. Elsewhere than on Linux nothing changes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from serving.core.priority import but_the_first
from serving.runtime.worker_params import IDLE
from serving.runtime.worker_params import NICE as NICELY

NICE: Final = 10
"""Of a thread that computes: the storefront's calls go first where both want the same core."""
THREADS: Final = "/proc/self/task"


def stand_aside(scheduling: str = NICELY) -> None:
    """The calling thread, and those that it starts, come after the storefront's: threads of Linux have a nice value
    each, and a policy.

    scheduling: `idle` is for processes that hold no lock a page waits for: a thread of SCHED_IDLE leaves its core to
    whoever wakes in its session (sched(7)), where a niced one runs on to the end of its slice; but it may also be kept
    waiting with the lock of Python in its hands.
    """
    thread = threading.get_native_id()
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, thread, NICE)
        if scheduling == IDLE:
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def whoever_stands_aside(scheduling: str) -> None:
    """All threads of this process that have called `stand_aside`, and those that they have started, do so in this way:
    the threads by which bundles come would else keep a core to the end of their slice."""
    if scheduling != IDLE:
        return
    with suppress(AttributeError, OSError):
        for thread in _threads():
            with suppress(OSError):  # it has ended
                if os.getpriority(os.PRIO_PROCESS, thread) >= NICE:
                    os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def keep_off(spare_cores: int) -> None:
    """So many of the cores that the calling thread may use are no longer used by this process, the first ones.

    There a page waits for the end of no slice, whatever sessions, groups and the version of the scheduler make of nice
    values. All threads keep off, those of Ray too, which answer in time as they are not niced: where the other cores
    compute, whatever else a process does would have to be done on the core that is spared.
    """
    with suppress(AttributeError, OSError):
        left = but_the_first(spare_cores)
        for thread in _threads():
            with suppress(OSError):  # it has ended
                os.sched_setaffinity(thread, left)


def _threads() -> Iterator[int]:
    """Of this process, also those that have been started meanwhile: one that has not been told yet may start others."""
    seen: set[str] = set()
    while new := set(os.listdir(THREADS)) - seen:
        yield from map(int, new)
        seen |= new
