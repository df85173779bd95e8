"""The process that works on one batch. It is no replica's child, yields to all that answer, and ends with who started
it: what is done lies in the output, and the next one goes on from there.

Started by batch_watch.py, which sends what to do, pickled, through standard input.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.runtime.process import stand_back

Worker = Callable[[int], str]
"""Computes a block; what it says of it."""
Run = Callable[[Callable[[], Worker], Sequence[int]], Iterable[str]]
"""(makes a worker, where it is to work; blocks) -> what the workers said, in any order."""


@dataclass(frozen=True, slots=True)
class Where:
    """Who computes. ray_address: of a cluster; "local" = one of our own; "" = processes of this machine alone."""

    workers: int
    worker_cpus: float = 1.0
    ray_address: str = ""
    object_store_mib: int = 96
    environ: dict[str, str] = field(default_factory=dict)
    """For the workers of a cluster that is not ours."""


@dataclass(frozen=True, slots=True)
class Drive:
    """What a driver is sent. work: (settings, operation, how blocks are run); importable: it is sent by its name."""

    work: Callable[[Any, str, Run], object]
    settings: Any
    operation: str
    where: Where


def runner(where: Where) -> Run:
    """How blocks are run there."""
    if where.ray_address:
        from serving.runtime.ray_batches import run_on_ray

        return lambda make, blocks: run_on_ray(where, make, blocks)
    from serving.runtime.pool_batches import run_in_processes

    return lambda make, blocks: run_in_processes(where.workers, make, blocks)


def main() -> None:
    """Works until the batch is over, it is asked to end (SIGTERM), or its parent is gone."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    stand_back()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    drive: Drive = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    drive.work(drive.settings, drive.operation, runner(drive.where))


def _end_with_parent() -> None:
    while os.read(0, 1024):  # nothing comes any more: the end of the pipe is the end of who holds it
        pass
    main_thread = threading.main_thread().ident
    if main_thread is not None:  # to that one: it may wait for a block, and a signal to another would not wake it
        signal.pthread_kill(main_thread, signal.SIGTERM)


if __name__ == "__main__":
    main()
