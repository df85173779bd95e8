"""Blocks in processes of this machine, without Ray. A worker that is killed costs the block it was at."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Final

from serving.runtime.batch_driver import Worker
from serving.runtime.process import stand_back

PARENT_S: Final = 0.5

_worker: Worker | None = None


def run_in_processes(workers: int, make: Callable[[], Worker], blocks: Sequence[int]) -> Iterator[str]:
    """What the workers said of each block, in any order. A worker gives up a block that kills one after the other."""
    slots = [_Slot(make) for _ in range(min(workers, len(blocks)))]
    left = deque(blocks)
    running: dict[Future[str], tuple[_Slot, int]] = {}

    def give(slot: _Slot) -> None:
        block = left.popleft()
        running[slot.submit(block)] = (slot, block)

    try:
        for slot in slots:
            give(slot)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                slot, block = running.pop(future)
                try:
                    said = future.result()
                except BrokenProcessPool:
                    slot.renew()
                    left.appendleft(block)
                else:
                    yield said
                if left:
                    give(slot)
    finally:
        for slot in slots:
            slot.close()


class _Slot:
    """One process, so that the death of one is not that of all."""

    def __init__(self, make: Callable[[], Worker]) -> None:
        self._make = make
        self._pool = self._opened()

    def submit(self, block: int) -> Future[str]:
        try:
            return self._pool.submit(_compute, block)
        except BrokenProcessPool:  # it has died since its last block
            self.renew()
            return self._pool.submit(_compute, block)

    def renew(self) -> None:
        self.close()
        self._pool = self._opened()

    def close(self) -> None:
        for process in list((getattr(self._pool, "_processes", None) or {}).values()):
            process.terminate()  # whatever it is at: blocks are written whole or not at all
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _opened(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(self._make, os.getpid())
        )


def _begin(make: Callable[[], Worker], parent: int) -> None:
    global _worker
    stand_back()
    threading.Thread(target=_end_with, args=(parent,), name="end-with-parent", daemon=True).start()
    _worker = make()


def _compute(block: int) -> str:
    assert _worker is not None
    return _worker(block)


def _end_with(parent: int) -> None:
    """A pool's process waits for ever when its parent was killed."""
    while os.getppid() == parent:
        time.sleep(PARENT_S)
    os._exit(1)
