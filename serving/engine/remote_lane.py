"""A lane whose batches are computed elsewhere: in another process, on another machine, or on a thread of its own.

It waits for nobody: a batch is sent, and what comes back is answered on the thread that brings it. At most so many
batches are on their way at once; what comes meanwhile waits in the batcher, with the same bounds, turns and deadlines
as in every other lane.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field

from serving.core.clock import Clock
from serving.core.errors import DeadlineExpired, NotReady, StoregateError
from serving.engine.batcher import Batch, Batcher, Limits, expired_error
from serving.engine.calls import Call, Responder, Size
from serving.engine.execution import fail, own_error
from serving.engine.lane import LEAVING
from serving.engine.refusing import HELD_MAX, Refusal
from serving.engine.remote import Answers, Bundle, Link, Request
from serving.engine.telemetry import Family, Telemetry


@dataclass(frozen=True, slots=True)
class RemoteLimits:
    """Bounds of one such lane. waiting: of what has not been sent. in_flight_max: batches on their way. call_s_max:
    after so long nobody waits for a batch any more, whatever the deadlines of its calls."""

    waiting: Limits
    in_flight_max: int = 2
    call_s_max: float = 60.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One method of a worker."""

    size: Size | None = None
    repeatable: bool = False


@dataclass(slots=True, eq=False)
class _Flight:
    """A batch on its way. live: those of its calls that are not answered yet, by their place; under the guard."""

    batch: Batch
    began: float
    live: dict[int, Call] = field(default_factory=dict)
    future: Future[Answers] | None = None


class RemoteLane:
    """Like WorkLane to the engine."""

    def __init__(self, name: str, methods: Mapping[str, Sent], link: Link, limits: RemoteLimits, clock: Clock) -> None:
        self.routes = methods
        self.telemetry = Telemetry(name, tuple(methods))
        self._link, self._limits, self._clock = link, limits, clock
        self._batcher = Batcher(limits.waiting)
        self._guard = threading.Lock()
        """Of the batcher, the flights and `_closed`; never held while calls are sent or answered."""
        self._flights: set[_Flight] = set()
        self._cancels: deque[tuple[int, int]] = deque(maxlen=limits.waiting.queue_max * 4 + HELD_MAX)
        self._wake = threading.Event()
        self._leaving_at: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._stand_by, name=f"storegate-{name}", daemon=True)
        self._thread.start()

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        """Takes calls whose methods are ours. As `Intake.submit`; never computes here."""
        for call in calls:
            size = self.routes[call.method].size
            if size is not None:
                call.units = size.units(call.payload)
                if call.bulk is None:
                    call.bulk = call.units > size.interactive_max
        with self._guard:
            closed = self._closed
            refusals = [] if closed else self._batcher.offer(calls, self._clock.monotonic())
        if closed:
            self._fail_all(calls, NotReady(LEAVING))
        self._refuse(refusals)
        self._wake.set()
        return False

    def cancel(self, responder: Responder, call_id: int) -> None:
        """The call is dropped, waiting or on its way; a batch that nobody waits for any more is called back."""
        if self._batcher.pending or self._flights:
            self._cancels.append((id(responder), call_id))
            self._wake.set()

    @property
    def waiting(self) -> int:
        """Calls that wait or are on their way."""
        return self._batcher.waiting + sum(len(flight.live) for flight in tuple(self._flights))

    @property
    def waiting_bytes(self) -> int:
        """Of the requests that have not been sent."""
        return self._batcher.waiting_bytes

    def families(self) -> list[Family]:
        """What this lane alone counts, with the label lane."""
        label: tuple[str, ...] = (self.telemetry.lane,)
        return [
            Family(
                "gauge",
                "storegate_batches_in_flight",
                "Batches at workers.",
                ("lane",),
                [(label, float(len(self._flights)))],
            )
        ]

    def drain(self, grace_s: float) -> None:
        """As WorkLane's."""
        self._leaving_at = self._clock.monotonic() + grace_s
        self._wake.set()
        self._thread.join(grace_s + 1.0)

    def _stand_by(self) -> None:
        while True:
            self._wake.wait(self._pause_s())
            self._wake.clear()
            self._drop_cancelled()
            self._expire(self._clock.monotonic())
            while len(self._flights) < self._limits.in_flight_max and self._dispatch():
                pass
            leaving_at = self._leaving_at
            if leaving_at is not None:
                idle = not self._batcher.pending and not self._flights
                if idle or self._clock.monotonic() >= leaving_at:
                    break
        self._close()

    def _pause_s(self) -> float | None:
        """Until somebody's time on the way is up; None = only something new can change anything."""
        with self._guard:
            ends = [self._ends(flight, call) for flight in self._flights for call in flight.live.values()]
        if self._leaving_at is not None:
            ends.append(self._leaving_at)
        return max(min(ends) - self._clock.monotonic(), 0.0) if ends else None

    def _ends(self, flight: _Flight, call: Call) -> float:
        return min(call.deadline, flight.began + self._limits.call_s_max)

    def _dispatch(self) -> bool:
        """Sends the next batch; whether there was any."""
        now = self._clock.monotonic()
        with self._guard:
            batch = self._batcher.take(now)
            if batch is None:
                return False
            flight = _Flight(batch, now, dict(enumerate(batch.calls)))
            if batch.calls:
                self._flights.add(flight)
        for call in batch.expired:
            fail(call, expired_error(call, now), self.telemetry.methods[call.method])
        self._refuse(batch.refused)
        if batch.calls:
            self._send(flight, now)
        return True

    def _send(self, flight: _Flight, now: float) -> None:
        method, calls = flight.batch.method, flight.batch.calls
        counts = self.telemetry.methods[method]
        for call in calls:
            counts.queue_s.observe(now - call.arrived)
        requests = tuple(Request(call.payload, call.deadline - now, call.json) for call in calls)
        try:
            future = self._link.send(Bundle(method, requests, self.routes[method].repeatable))
        except Exception as error:
            future = Future()
            future.set_exception(error)
        flight.future = future
        future.add_done_callback(lambda done: self._landed(flight, done))

    def _landed(self, flight: _Flight, future: Future[Answers]) -> None:
        """On the thread that brings the answers, or on ours when a batch was called back."""
        took = self._clock.monotonic() - flight.began
        with self._guard:
            live, flight.live = flight.live, {}
            self._flights.discard(flight)
            self._batcher.ran(flight.batch, took)
        method = flight.batch.method
        counts = self.telemetry.methods[method]
        answers = self._answers(flight, future)
        for place, call in live.items():
            answer = answers[place]
            if isinstance(answer, StoregateError):
                fail(call, answer, counts)
                continue
            try:
                call.responder.respond(call.call_id, answer)
                counts.answered += 1
            except Exception as error:
                fail(call, own_error(error, method, self.telemetry), counts)
        counts.batch.observe(len(flight.batch.calls))
        counts.service_s.observe(took)
        self.telemetry.busy_s += took
        self._wake.set()

    def _answers(self, flight: _Flight, future: Future[Answers]) -> Answers:
        """What came back; an error for everybody where nothing did."""
        wanted = len(flight.batch.calls)
        try:
            answers = future.result()
            if len(answers) != wanted:
                raise RuntimeError(f"{len(answers)} answers to {wanted} calls")
            return answers
        except CancelledError:
            return [NotReady(LEAVING)] * wanted
        except Exception as error:
            return [own_error(error, flight.batch.method, self.telemetry)] * wanted

    def _drop_cancelled(self) -> None:
        if not self._cancels:
            return
        keys = {self._cancels.popleft() for _ in range(len(self._cancels))}
        with self._guard:
            dropped = len(self._batcher.cancel(keys))
            for flight in self._flights:
                gone = [at for at, call in flight.live.items() if (id(call.responder), call.call_id) in keys]
                dropped += len([flight.live.pop(at) for at in gone])
        self.telemetry.cancelled += dropped
        self._call_back()

    def _expire(self, now: float) -> None:
        """Fails those on their way whose time is up; the rest of their batch goes on."""
        with self._guard:
            over = [
                (flight, at)
                for flight in self._flights
                for at, call in flight.live.items()
                if self._ends(flight, call) <= now
            ]
            expired = [(flight, flight.live.pop(at)) for flight, at in over]
        for flight, call in expired:
            error = DeadlineExpired(
                f"no answer of the worker {self.telemetry.lane} {(now - flight.began) * 1000:.0f} ms after the call "
                "was sent there: allow more time, or ask for less at once"
            )
            fail(call, error, self.telemetry.methods[call.method])
        if expired:
            self._call_back()

    def _call_back(self) -> None:
        """Gives up the batches that nobody waits for any more."""
        with self._guard:
            futures = [flight.future for flight in self._flights if not flight.live and flight.future]
        for future in futures:
            future.cancel()

    def _close(self) -> None:
        """Nothing waits for ever in a lane that has ended."""
        with self._guard:
            self._closed = True
            rest = self._batcher.clear()
            for flight in self._flights:
                rest += flight.live.values()
                flight.live = {}
        self._fail_all(rest, NotReady(LEAVING))
        self._call_back()

    def _refuse(self, refusals: Sequence[Refusal]) -> None:
        for call, error in refusals:
            fail(call, error, self.telemetry.methods[call.method])

    def _fail_all(self, calls: Sequence[Call], error: StoregateError) -> None:
        for call in calls:
            fail(call, error, self.telemetry.methods[call.method])
