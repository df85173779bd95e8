"""The threads of a worker's process that compute: one for each turn, whoever brings the bundles."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from serving.core.clock import Clock
from serving.engine.remote import Answers, Bundle
from serving.runtime.aside import stand_aside
from serving.runtime.worker_parts import Seat, WorkerSpec


@dataclass(frozen=True, slots=True)
class Taken:
    """A bundle that waits or is computed."""

    answers: Future[Answers]
    gone: threading.Event

    def call_back(self) -> None:
        """Nobody waits for it any more: it is taken from the queue, or told so."""
        self.gone.set()
        self.answers.cancel()


class Turns:
    """Of one process."""

    def __init__(self, spec: WorkerSpec, clock: Clock) -> None:
        self._turns, self._clock = spec.turns, clock
        self._threads = {
            turn: ThreadPoolExecutor(1, f"storegate-worker-{spec.name}", initializer=stand_aside)
            for turn in dict.fromkeys(spec.turns.values())
        }
        self._live: set[Future[Answers]] = set()

    def __iter__(self) -> Iterator[ThreadPoolExecutor]:
        return iter(self._threads.values())

    def of(self, method: str) -> ThreadPoolExecutor:
        """Any, where the method is not known: then that is the answer."""
        return self._threads[self._turns.get(method, next(iter(self._threads)))]

    def take(self, seat: Seat, bundle: Bundle) -> Taken:
        """From any thread; raises RuntimeError after `close`."""
        gone = threading.Event()
        answers = self.of(bundle.method).submit(seat.run, bundle, self._clock.monotonic(), gone.is_set)
        self._live.add(answers)
        answers.add_done_callback(self._live.discard)
        return Taken(answers, gone)

    @property
    def bundles(self) -> int:
        """Computed and waiting."""
        return len(self._live)

    def drain(self, timeout_s: float) -> None:
        """Until those that are here have been computed."""
        wait(tuple(self._live), timeout_s)

    def close(self) -> None:
        """Drops what waits."""
        for thread in self:
            thread.shutdown(wait=False, cancel_futures=True)
