"""Threads that let others go first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import sleep, thread_time
from typing import TypeVar

T = TypeVar("T")


STRETCH_S = 0.000_3
"""Of processor time, that a thread which yields works before it makes a pause."""
PAUSES = 2.0
"""How long a pause is, against the processor time that was worked before it."""
PAUSE_S_MAX = 0.006


class _Pace(threading.local):
    """Of each thread: whether it yields, and the processor time it had used at its last pause."""

    yields = False
    since = 0.0


_pace = _Pace()


def yield_to_others(nice: int) -> None:
    """Gives the calling thread this nice value, 1 to 19: threads of Linux have one each; elsewhere nothing changes."""
    _pace.yields, _pace.since = True, thread_time()
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


def breathe() -> None:
    """Called by long work between its steps: on a thread that yields to others it makes a pause twice as long as the
    processor time it has used since the last one. A nice value alone does not do: a thread that runs has its slice, a
    few milliseconds, whoever wakes.
    """
    if _pace.yields and (worked := thread_time() - _pace.since) > STRETCH_S:
        sleep(min(PAUSES * worked, PAUSE_S_MAX))
        _pace.since = thread_time()


def cores() -> list[int]:
    """Those that the calling thread may use, in order; none where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def but_the_first(spare: int) -> list[int]:
    """`cores()` without the first so many; one is left, however few there are."""
    found = cores()
    return found[min(spare, len(found) - 1) :] if found else []


def go_first() -> bool:
    """The calling thread, not those that it starts, has its core as soon as it wants it: SCHED_FIFO of sched(7), with
    the lowest of its priorities. False where it may not have that (CAP_SYS_NICE, RLIMIT_RTPRIO), or nobody has.

    A fair scheduler, EEVDF, pays its debts whoever wakes: of several threads of SCHED_IDLE on one core those that have
    had less than the others are owed milliseconds, and get them first.
    """
    try:
        first = os.sched_param(os.sched_get_priority_min(os.SCHED_FIFO))
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, first)
    except (AttributeError, OSError):
        return False
    return True


give_way: Callable[[], None] = getattr(os, "sched_yield", lambda: None)
"""Lets a thread that waits for this core have it first."""


def patient(make: Callable[[], T], on: Sequence[int] = ()) -> T:
    """What `make` gives or raises, called on a thread which, like those that it starts, does not take a core from who
    has it when it wakes, but gets its fair share all the same: SCHED_BATCH of sched(7). on: the cores that they use;
    none = those of the calling thread. Elsewhere nothing changes."""
    with ThreadPoolExecutor(1, initializer=_be_patient, initargs=(on,)) as one:
        return one.submit(make).result()


def _be_patient(on: Sequence[int]) -> None:
    thread = threading.get_native_id()
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
        if on:
            os.sched_setaffinity(thread, on)
