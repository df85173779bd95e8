"""A lane: a batcher, one thread of its own, and callers' threads that may do the work themselves.

Flat combining [1]: `submit` offers calls to the batcher and then, if nobody holds the lane, becomes its holder and runs
the batches at once, so that a lone call is computed on the thread that brought it, with no hop. Whoever finds the lane
held leaves: the holder looks at the batcher again after letting go, so no call is forgotten. A caller's thread holds
the lane for its own calls and those before them only; what arrived meanwhile it leaves to the lane's own thread.
The batcher has a lock of its own, held for microseconds: what is too much is refused at once, also while a batch runs.

[1] Hendler, Incze, Shavit, Tzafrir: Flat combining and the synchronization-parallelism tradeoff, SPAA 2010.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence

from serving.core.clock import Clock
from serving.core.errors import NotReady
from serving.core.turn import Turn
from serving.engine.batcher import Batcher, Limits, expired_error
from serving.engine.calls import Call, Responder, Route
from serving.engine.execution import execute, fail
from serving.engine.telemetry import Telemetry

LEAVING = "the gateway is going away: send the call to another one, or retry"


class WorkLane:
    """Routes of one lane. combining: callers' threads compute; otherwise the lane's own thread does it all."""

    def __init__(self, name: str, routes: Sequence[Route], limits: Limits, clock: Clock, *, combining: bool) -> None:
        self.routes: Mapping[str, Route] = {route.method: route for route in routes}
        self.telemetry = Telemetry(name, tuple(self.routes))
        self._limits = limits
        self._clock = clock
        self._combining = combining
        self._batcher = Batcher(limits)
        self._guard = threading.Lock()
        """Of the batcher and of `_closed`; never held while calls are run or answered."""
        # Cancels that find nothing waiting are dropped with the next turn; the bound drops the oldest.
        self._cancels: deque[tuple[int, int]] = deque(maxlen=limits.queue_max)
        self._held = threading.Lock()
        self._wake = threading.Event()
        self._turn_began = 0.0
        self._progress_at = 0.0
        self._leaving_at: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._stand_by, name=f"storegate-{name}", daemon=True)
        self._thread.start()

    def submit(self, calls: Sequence[Call]) -> None:
        """Takes calls whose methods are routes of this lane."""
        batcher, now = self._batcher, self._clock.monotonic()
        with self._guard:
            closed = self._closed
            if not closed:
                if not batcher.waiting:
                    self._progress_at = now
                refusals, own = batcher.offer(calls, now), batcher.admitted
        if closed:
            self._fail(calls)
            return
        for call, error in refusals:
            fail(call, error, self.telemetry.methods[call.method])
        if self._combining:
            # Others' calls may stand before these; an event loop must not be kept for all of them.
            self._combine(own, turns_max=len(calls) // self._limits.batch_max + 2)
        else:
            self._wake.set()

    def cancel(self, responder: Responder, call_id: int) -> None:
        """The call is dropped at the next turn if it still waits."""
        if self._batcher.waiting:
            self._cancels.append((id(responder), call_id))

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return self._batcher.waiting

    def stalled_s(self, now: float) -> float:
        """Seconds since a turn began that has not ended, or since calls wait that nobody looks at; 0 when idle."""
        began = self._turn_began
        if began:
            return now - began
        return max(now - self._progress_at, 0.0) if self._batcher.waiting else 0.0

    def drain(self, grace_s: float) -> None:
        """Finishes what waits, for at most `grace_s` seconds; fails the rest with NotReady; ends the thread."""
        self._leaving_at = self._clock.monotonic() + grace_s
        self._wake.set()
        self._thread.join(grace_s + 1.0)
        if self._thread.is_alive():  # one batch does not end; it cannot be stopped, so at least nobody waits behind it
            self._close()

    def _combine(self, own: int, turns_max: int) -> None:
        """Runs batches on the caller's thread until its calls, up to number `own`, and those before them are done; at
        most `turns_max`."""
        if not self._held.acquire(blocking=False):
            return
        try:
            while turns_max and (head := self._head()) is not None and head <= own:
                self._turn()
                turns_max -= 1
        finally:
            self._held.release()
        if self._batcher.waiting:
            self.telemetry.handovers += 1
            self._wake.set()

    def _head(self) -> int | None:
        with self._guard:
            head = self._batcher.head()
        return None if head is None else head[0]

    def _stand_by(self) -> None:
        """The lane's own thread: takes over what callers leave, until the lane is drained."""
        while self._leaving_at is None:
            self._wake.wait()
            self._wake.clear()
            while self._batcher.waiting:
                with self._held:
                    self._turn()
        # Never released: nobody shall compute in a lane that has ended.
        self._held.acquire()
        while self._batcher.waiting and self._clock.monotonic() < self._leaving_at:
            self._turn()
        self._close()

    def _turn(self) -> None:
        """Runs the next batch. Needs the lane to be held."""
        began = self._turn_began = self._clock.monotonic()
        try:
            with self._guard:
                if self._cancels:
                    keys = {self._cancels.popleft() for _ in range(len(self._cancels))}
                    self.telemetry.cancelled += len(self._batcher.cancel(keys))
                batch = self._batcher.take(began)
            if batch is None:
                return
            counts = self.telemetry.methods[batch.method]
            for call in batch.expired:
                fail(call, expired_error(call, began), counts)
            calls = batch.calls
            if not calls:
                return
            observe_queue = counts.queue_s.observe
            for call in calls:
                observe_queue(began - call.arrived)
            turn = Turn(began, self._clock.wall(), batch.deadline)
            execute(self.routes[batch.method], calls, turn, self.telemetry)
            ended = self._clock.monotonic()
            took = ended - began
            with self._guard:
                self._batcher.ran(batch.method, len(calls), took, ended)
            counts.batch.observe(len(calls))
            counts.service_s.observe(took)
            self.telemetry.busy_s += took
        finally:
            self._progress_at = self._clock.monotonic()
            self._turn_began = 0.0

    def _close(self) -> None:
        """Nothing waits for ever in a lane that has ended."""
        with self._guard:
            self._closed = True
            rest = self._batcher.clear()
        self._fail(rest)

    def _fail(self, calls: Sequence[Call]) -> None:
        for call in calls:
            fail(call, NotReady(LEAVING), self.telemetry.methods[call.method])
