"""How a replica's process is tuned, and how a process makes sure that no child is left."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import MutableMapping
from contextlib import suppress

import psutil  # type: ignore[import-untyped]

THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def pin(environ: MutableMapping[str, str] = os.environ) -> None:
    """One thread for every numeric library: replicas scale by processes. Before numpy and numba are imported."""
    for name in THREADS:
        environ[name] = "1"


def tune(gil_switch_s: float) -> None:
    """A thread that wants Python's lock waits `gil_switch_s` for it instead of 5 ms."""
    sys.setswitchinterval(gil_switch_s)


def stand_back() -> None:
    """This process, and whatever it starts, yields to all that answers: nice 19, and SCHED_BATCH of sched(7), so that
    it takes no core from who has it when it wakes. Elsewhere than on Linux nothing changes."""
    with suppress(AttributeError, OSError):
        for thread in os.listdir("/proc/self/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), 19)
            os.sched_setscheduler(int(thread), os.SCHED_BATCH, os.sched_param(0))


def settle() -> None:
    """After warm-up: everything that lives for ever is taken out of the garbage collector's sight.

    A full collection waits until a quarter as many objects have grown old as the last one has left: without the second
    one, which finds nothing left, garbage would pile up to a quarter of everything that was frozen.
    """
    gc.collect()
    gc.freeze()
    gc.collect()


def children() -> list[psutil.Process]:
    """All processes below this one."""
    found: list[psutil.Process] = psutil.Process().children(recursive=True)
    return found


def end(processes: list[psutil.Process], patience_s: float = 5.0) -> int:
    """Waits for the processes to end, asks those that do not, kills those that ignore it; how many had to be asked."""
    _, alive = psutil.wait_procs(processes, timeout=patience_s)
    for process in alive:
        _signal(process, "terminate")
    _, stubborn = psutil.wait_procs(alive, timeout=patience_s)
    for process in stubborn:
        _signal(process, "kill")
    psutil.wait_procs(stubborn, timeout=patience_s)
    return len(alive)


def _signal(process: psutil.Process, how: str) -> None:
    try:
        getattr(process, how)()
    except psutil.NoSuchProcess:
        return
