"""Threads that let others go first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def yield_to_others(nice: int) -> None:
    """Gives the calling thread this nice value, 1 to 19: threads of Linux have one each; elsewhere nothing changes."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
    except (AttributeError, OSError):
        return


def aside(nice: int, make: Callable[[], T]) -> T:
    """What `make` gives or raises, called on a thread with this nice value: the threads that it starts have it too."""
    with ThreadPoolExecutor(1, initializer=yield_to_others, initargs=(nice,)) as one:
        return one.submit(make).result()
