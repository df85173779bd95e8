"""A lane: an inbox, a batcher, one thread of its own, and callers' threads that may do the work themselves.

Flat combining [1]: `submit` puts calls into the inbox and then, if nobody holds the lane, becomes its holder and runs
the batches at once, so that a lone call is computed on the thread that brought it, with no hop. Whoever finds the lane
held leaves: the holder looks at the inbox again after letting go, so no call is forgotten. A caller's thread holds the
lane for its own calls and those before them only; what arrived meanwhile it leaves to the lane's own thread.

[1] Hendler, Incze, Shavit, Tzafrir: Flat combining and the synchronization-parallelism tradeoff, SPAA 2010.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence

from serving.core.clock import Clock
from serving.core.errors import NotReady
from serving.core.turn import Turn
from serving.engine.batcher import Batcher, Limits, expired_error, overloaded
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
        self._inbox: deque[Call] = deque()
        # Cancels that find nothing waiting are dropped with the next turn; the bound drops the oldest.
        self._cancels: deque[tuple[int, int]] = deque(maxlen=limits.queue_max)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._turn_began = 0.0
        self._leaving_at: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._stand_by, name=f"storegate-{name}", daemon=True)
        self._thread.start()

    def submit(self, calls: Sequence[Call]) -> None:
        """Takes calls whose methods are routes of this lane."""
        room = self._limits.queue_max - len(self._inbox) - self._batcher.waiting
        # Nobody looks into the inbox while a batch runs, so it needs a bound of its own. A caller that will hold the
        # lane itself needs none: the batcher refuses what is too much.
        if room < len(calls) and not (self._combining and not self._lock.locked()):
            room = max(room, 0)
            self._refuse(calls[room:])
            calls = calls[:room]
        self._inbox.extend(calls)
        if self._closed:
            self._fail_inbox()
        elif self._combining:
            # Others' calls may stand before these; an event loop must not be kept for all of them.
            self._combine(turns_max=len(calls) // self._limits.batch_max + 2)
        elif calls:
            self._wake.set()

    def cancel(self, responder: Responder, call_id: int) -> None:
        """The call is dropped at the next turn if it still waits."""
        if self._inbox or self._batcher.waiting:
            self._cancels.append((id(responder), call_id))

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return len(self._inbox) + self._batcher.waiting

    def stalled_s(self, now: float) -> float:
        """Seconds since a turn began that has not ended, or since the oldest call in the inbox arrived; 0 when idle."""
        began = self._turn_began
        stalled = now - began if began else 0.0
        try:
            return max(stalled, now - self._inbox[0].arrived)
        except IndexError:
            return max(stalled, 0.0)

    def drain(self, grace_s: float) -> None:
        """Finishes what waits, for at most `grace_s` seconds; fails the rest with NotReady; ends the thread."""
        self._leaving_at = self._clock.monotonic() + grace_s
        self._wake.set()
        self._thread.join(grace_s + 1.0)
        if self._thread.is_alive():  # one batch does not end; it cannot be stopped, so at least nobody waits behind it
            self._closed = True
            self._fail_inbox()

    def _combine(self, turns_max: int) -> None:
        """Runs batches on the caller's thread until its calls, and those before them, are done; at most `turns_max`."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            batcher = self._batcher
            self._admit()
            own = batcher.admitted
            while turns_max and (head := batcher.head()) is not None and head[0] <= own:
                self._turn()
                turns_max -= 1
                if self._inbox or self._cancels:
                    self._admit()
        finally:
            self._lock.release()
        if self._inbox or self._batcher.waiting:
            self.telemetry.handovers += 1
            self._wake.set()

    def _stand_by(self) -> None:
        """The lane's own thread: takes over what callers leave, until the lane is drained."""
        while self._leaving_at is None:
            self._wake.wait()
            self._wake.clear()
            while self._inbox or self._batcher.waiting:
                with self._lock:
                    self._admit()
                    self._turn()
        # Never released: nobody shall compute in a lane that has ended. A call put into the inbox before `_closed` is
        # failed here, one put there after it by its own `submit`.
        self._lock.acquire()
        self._admit()
        while self._batcher.waiting and self._clock.monotonic() < self._leaving_at:
            self._turn()
            self._admit()
        self._closed = True
        self._fail(self._batcher.clear())
        self._fail_inbox()

    def _admit(self) -> None:
        """Inbox to batcher, refusals answered, cancels applied. Needs the lock."""
        inbox, batcher = self._inbox, self._batcher
        if inbox:
            for call, error in batcher.offer([inbox.popleft() for _ in range(len(inbox))]):
                fail(call, error, self.telemetry.methods[call.method])
        if self._cancels:
            keys = {self._cancels.popleft() for _ in range(len(self._cancels))}
            self.telemetry.cancelled += len(batcher.cancel(keys))

    def _turn(self) -> None:
        """Runs the next batch. Needs the lock."""
        began = self._turn_began = self._clock.monotonic()
        try:
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
            took = self._clock.monotonic() - began
            self._batcher.ran(batch.method, len(calls), took)
            counts.batch.observe(len(calls))
            counts.service_s.observe(took)
            self.telemetry.busy_s += took
        finally:
            self._turn_began = 0.0

    def _refuse(self, calls: Sequence[Call]) -> None:
        waiting, seconds = self.waiting, self._batcher.estimate_s
        for call in calls:
            fail(call, overloaded(waiting, seconds), self.telemetry.methods[call.method])

    def _fail_inbox(self) -> None:
        """Nothing waits for ever in a lane that has ended. From any thread: each call is popped once."""
        while self._inbox:
            try:
                call = self._inbox.popleft()
            except IndexError:
                return
            self._fail([call])

    def _fail(self, calls: Sequence[Call]) -> None:
        for call in calls:
            fail(call, NotReady(LEAVING), self.telemetry.methods[call.method])
