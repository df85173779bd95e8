"""Threads that let others go first."""

from __future__ import annotations

import os
import threading


def yield_to_others(nice: int) -> None:
    """Gives the calling thread this nice value, 1 to 19: threads of Linux have one each; elsewhere nothing changes."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
    except (AttributeError, OSError):
        return
