"""A worker on threads of this process, one for each turn, which come after the storefront's."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

from serving.core.clock import Clock
from serving.core.errors import StoregateError, WorkerUnavailable
from serving.engine.remote import Answers, Bundle
from serving.engine.telemetry import Family
from serving.runtime.aside import stand_aside
from serving.runtime.worker_parts import Seat, WorkerSpec

AGAIN_S: Final = 10.0
"""A worker that could not be built is tried again when it is asked, this long after."""
LEAVE_S: Final = 2.0
"""What a bundle under way gets on the way out; the thread ends with its process."""

log = logging.getLogger(__name__)


class _Sent(Future[Answers]):
    """Answers to come. A bundle that is being computed cannot be taken back, but may ask whether it was."""

    called_back = False

    def cancel(self) -> bool:
        self.called_back = True
        return super().cancel()


class ThreadLink:
    """See Link. A worker that cannot be built keeps nobody from starting: its calls say why."""

    def __init__(self, spec: WorkerSpec, settings: Any, clock: Clock) -> None:
        self._spec, self._settings, self._clock = spec, settings, clock
        self._waiting: dict[str, SimpleQueue[tuple[_Sent, Bundle, float] | None]] = {
            turn: SimpleQueue() for turn in dict.fromkeys(spec.turns.values())
        }
        self._guard = threading.Lock()
        """Of the building and the closing."""
        self._seat: Seat | None = None
        self._why = "is starting"
        self._again_at = 0.0
        self._sat = threading.Event()
        self._closed = False
        self._left = len(self._waiting)
        """Threads that have not ended."""
        self._threads = [
            threading.Thread(target=self._work, args=(queue,), name=f"storegate-worker-{spec.name}", daemon=True)
            for queue in self._waiting.values()
        ]
        for thread in self._threads:
            thread.start()

    def wait_built(self, timeout_s: float) -> None:
        """Until the first attempt is over."""
        self._sat.wait(timeout_s)

    def send(self, bundle: Bundle) -> Future[Answers]:
        """See Link."""
        future = _Sent()
        if self._closed:
            future.set_exception(WorkerUnavailable(self._spec.name, "is leaving"))
        else:
            turn = self._spec.turns.get(bundle.method, next(iter(self._waiting)))
            self._waiting[turn].put((future, bundle, self._clock.monotonic()))
        return future

    def ready(self) -> tuple[bool, str]:
        """As Seat's."""
        seat = self._seat
        return seat.ready() if seat is not None else (False, self._why)

    def families(self) -> list[Family]:
        """As Seat's; none before it is built."""
        seat = self._seat
        return seat.families() if seat is not None else []

    def close(self, grace_s: float = LEAVE_S) -> None:
        """Idempotent."""
        self._closed = True
        for queue in self._waiting.values():
            queue.put(None)
        until = self._clock.monotonic() + grace_s
        for thread in self._threads:
            thread.join(max(until - self._clock.monotonic(), 0.0))

    def _work(self, waiting: SimpleQueue[tuple[_Sent, Bundle, float] | None]) -> None:
        stand_aside()
        self._sit()
        self._sat.set()
        while (next_one := waiting.get()) is not None:
            future, bundle, arrived = next_one
            if not future.set_running_or_notify_cancel():
                continue
            seat = self._seat or self._sit()
            try:
                if seat is None:
                    raise WorkerUnavailable(self._spec.name, self._why)
                answers = seat.run(bundle, arrived, partial(getattr, future, "called_back"))
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(answers)
        with self._guard:
            self._left -= 1
            last = not self._left
        if last and self._seat is not None:
            self._seat.close()

    def _sit(self) -> Seat | None:
        """Builds the worker, unless it is there or that has failed a moment ago."""
        with self._guard:
            return self._seat or self._built()

    def _built(self) -> Seat | None:
        now = self._clock.monotonic()
        if now >= self._again_at:
            try:
                self._seat = Seat(self._spec, self._settings, self._clock)
            except Exception as error:
                told = error.message if isinstance(error, StoregateError) else "see the log"
                log.error("the worker %s cannot be built: %s", self._spec.name, error, exc_info=error)
                self._why = f"cannot be built ({told})"
                self._again_at = self._clock.monotonic() + AGAIN_S
        return self._seat
