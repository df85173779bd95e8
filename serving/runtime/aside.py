"""How a worker's threads stand aside for the pages. Elsewhere than on Linux nothing changes."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import Final

from serving.runtime.worker_params import IDLE
from serving.runtime.worker_params import NICE as NICELY

NICE: Final = 10
"""Of a thread that computes: the storefront's calls go first where both want the same core."""


def stand_aside(scheduling: str = NICELY, spare_cores: int = 0) -> None:
    """The calling thread, and those that it starts, come after the storefront's: threads of Linux have a nice value
    each, a policy, and cores that they may use.

    scheduling: `idle` is for processes that hold no lock a page waits for: a thread of SCHED_IDLE leaves its core to
    whoever wakes in its session (sched(7)), where a niced one runs on to the end of its slice; but it may also be kept
    waiting with the lock of Python in its hands.
    spare_cores: so many of the cores that the thread may use are no longer used, the first ones: there a page waits
    for the end of no slice, whatever sessions, groups and the version of the scheduler make of nice values. The
    process's other threads keep all cores and their weight: those of Ray must answer in time, or it is replaced.
    """
    thread = threading.get_native_id()
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, thread, NICE)
        if scheduling == IDLE:
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
        if spare_cores:
            cores = sorted(os.sched_getaffinity(thread))
            os.sched_setaffinity(thread, cores[min(spare_cores, len(cores) - 1) :])
