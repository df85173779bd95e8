"""A lane: a batcher, one thread of its own, and callers' threads that may do the work themselves.

Flat combining [1]: `submit` offers calls to the batcher and then, if nobody holds the lane, becomes its holder and runs
the next batch at once, so that a lone call is computed on the thread that brought it, with no hop. Whoever finds the
lane held leaves: the holder looks at the batcher again after letting go, so no call is forgotten. What then still waits
is left to the lane's own thread, unless the caller comes back with what has arrived meanwhile: so calls do not wait
unseen in a front while batch after batch is computed.
The batcher has a lock of its own, held for microseconds: what is too much is refused at once, also while a batch runs.

[1] Hendler, Incze, Shavit, Tzafrir: Flat combining and the synchronization-parallelism tradeoff, SPAA 2010.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence

from serving.core.clock import Clock
from serving.core.errors import NotReady
from serving.core.priority import give_way
from serving.core.turn import Turn
from serving.engine.batcher import Batch, Batcher, Limits, expired_error
from serving.engine.calls import Call, Responder, Route
from serving.engine.execution import execute, fail
from serving.engine.refusing import HELD_MAX, Refusal
from serving.engine.telemetry import Telemetry

HELD_S_MAX = 1.0
"""How long a thread that comes back waits for its turn; then it lets the lane's own thread do the work."""
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
        self._cancels: deque[tuple[int, int]] = deque(maxlen=limits.queue_max + limits.bulk_queue_max + HELD_MAX)
        self._held = threading.Lock()
        self._attendant = 0
        """Ident of the thread that comes back for what waits, 0 = none: then it is for the lane's own thread."""
        self._wake = threading.Event()
        self._turn_began = 0.0
        self._progress_at = 0.0
        self._leaving_at: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._stand_by, name=f"storegate-{name}", daemon=True)
        self._thread.start()

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        """Takes calls whose methods are routes of this lane; as `Intake.submit`."""
        batcher, now = self._batcher, self._clock.monotonic()
        with self._guard:
            closed = self._closed
            if not closed:
                if not batcher.pending:
                    self._progress_at = now
                refusals = batcher.offer(calls, now) if calls else ()
        if closed:
            self._fail(calls)
            return False
        if refusals:
            self._refuse(refusals)
        if not self._combining:
            self._wake.set()
            return False
        return self._combine(returning)

    def cancel(self, responder: Responder, call_id: int) -> None:
        """The call is dropped at the next turn if it still waits."""
        if self._batcher.pending:
            self._cancels.append((id(responder), call_id))

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return self._batcher.waiting

    @property
    def waiting_bulk(self) -> int:
        """Of them, bulk."""
        return self._batcher.waiting_bulk

    @property
    def waiting_bytes(self) -> int:
        """Of the requests that wait."""
        return self._batcher.waiting_bytes

    @property
    def held(self) -> int:
        """Calls whose refusal is still to be sent."""
        return self._batcher.pending - self._batcher.waiting

    @property
    def limit(self) -> int:
        """Interactive calls that may wait now."""
        return self._batcher.limit

    @property
    def attended(self) -> bool:
        """Whether a caller's thread comes back for what waits."""
        return bool(self._attendant)

    def stalled_s(self, now: float) -> float:
        """Seconds since a turn began that has not ended, or since calls wait that nobody looks at; 0 when idle."""
        began = self._turn_began
        if began:
            return now - began
        return max(now - self._progress_at, 0.0) if self._batcher.pending else 0.0

    def drain(self, grace_s: float) -> None:
        """Finishes what waits, for at most `grace_s` seconds; fails the rest with NotReady; ends the thread."""
        self._leaving_at = self._clock.monotonic() + grace_s
        self._wake.set()
        self._thread.join(grace_s + 1.0)
        if self._thread.is_alive():  # one batch does not end; it cannot be stopped, so at least nobody waits behind it
            self._close()

    def _combine(self, returning: bool) -> bool:
        """Runs one batch on the caller's thread, unless another holds the lane; whether the caller shall come back.

        A thread that comes back waits for its turn: meanwhile nobody else may make the lane's work his own.
        """
        me = threading.get_ident()
        if returning:
            self._attendant = me
        elif self._attendant == me:
            self._attendant = 0
        if not self._held.acquire(timeout=HELD_S_MAX if returning else 0):
            if returning:
                self._attendant = 0
                self._wake.set()
            return False
        try:
            self._turn()
        finally:
            self._held.release()
            if returning:  # before the look at what is pending: whoever adds to it looks here after that
                self._attendant = 0
        if not self._batcher.pending:
            return False
        if returning and self._leaving_at is None:
            self._attendant = me
            return True
        if not self._attendant:
            self.telemetry.handovers += 1
            self._wake.set()
        return False

    def _stand_by(self) -> None:
        """The lane's own thread: takes over what callers leave, until the lane is drained."""
        while self._leaving_at is None:
            self._wake.wait()
            self._wake.clear()
            while self._batcher.pending and not self._attendant:
                with self._held:
                    self._turn()
        # Never released: nobody shall compute in a lane that has ended.
        self._held.acquire()
        while self._batcher.pending and self._clock.monotonic() < self._leaving_at:
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
            for call in batch.expired:
                fail(call, expired_error(call, began), self.telemetry.methods[call.method])
            if batch.calls:
                self._run(batch, began)
            if batch.refused:
                self._refuse(batch.refused)
        finally:
            self._progress_at = self._clock.monotonic()
            self._turn_began = 0.0

    def _run(self, batch: Batch, began: float) -> None:
        counts, calls = self.telemetry.methods[batch.method], batch.calls
        observe_queue = counts.queue_s.observe
        for call in calls:
            observe_queue(began - call.arrived)
        turn = Turn(began, self._clock.wall(), batch.deadline)
        execute(self.routes[batch.method], calls, turn, self.telemetry)
        if not self._batcher.pending:
            give_way()  # the answers leave before we count
        took = self._clock.monotonic() - began
        with self._guard:
            self._batcher.ran(batch, took)
        counts.batch.observe(len(calls))
        counts.service_s.observe(took)
        self.telemetry.busy_s += took

    def _close(self) -> None:
        """Nothing waits for ever in a lane that has ended."""
        with self._guard:
            self._closed = True
            rest = self._batcher.clear()
        self._fail(rest)

    def _refuse(self, refusals: Sequence[Refusal]) -> None:
        for call, error in refusals:
            fail(call, error, self.telemetry.methods[call.method])

    def _fail(self, calls: Sequence[Call]) -> None:
        for call in calls:
            fail(call, NotReady(LEAVING), self.telemetry.methods[call.method])
