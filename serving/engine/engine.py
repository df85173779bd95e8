"""The engine: takes calls from any front on any thread, and answers each exactly once.

Six lanes: `engine` computes in memory, batched, on whichever thread comes first; `writer` waits for stores on a
thread of its own, where all writes that wait are committed together; `importer` runs what takes long, one by one,
`operator` likewise what changes the models, `files` what stores whole files, `batch` what brings many calls at once.
Beside them stand the lanes of the workers (remote_lane.py), which compute elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from serving.core.clock import Clock, SystemClock
from serving.core.errors import InvalidInput, NotReady, PayloadTooLarge, StoregateError, UnknownMethod
from serving.engine.batcher import Limits
from serving.engine.calls import Call, Lane, Responder, Route
from serving.engine.execution import fail
from serving.engine.lane import LEAVING, WorkLane
from serving.engine.load import Work
from serving.engine.remote_lane import RemoteLane
from serving.engine.telemetry import Family

IMPORTS = Limits(batch_max=1, queue_max=4)
BATCHES = Limits(batch_max=1, queue_max=16)


@dataclass(frozen=True, slots=True)
class EngineParams:
    """Bounds of the engine."""

    limits: Limits = field(default_factory=Limits)
    """Of the computing lane."""
    writer: Limits = field(default_factory=lambda: Limits(batch_max=256))
    """Of the writing lane; batch_max is the most writes committed together."""
    payload_bytes_max: int = 4 * 1024 * 1024
    """Larger requests are refused before they are decoded. 1 KiB to 64 MiB."""
    stalled_s_max: float = 10.0
    """A batch running, or a call untouched, for longer than this makes the engine unhealthy."""

    def __post_init__(self) -> None:
        if not 1024 <= self.payload_bytes_max <= 64 * 1024 * 1024:
            raise InvalidInput("payload_bytes_max", self.payload_bytes_max, "1024 to 67108864 bytes")
        if not self.stalled_s_max > 0:
            raise InvalidInput("stalled_s_max", self.stalled_s_max, "more than 0 seconds")


class Engine:
    """Implements `Intake`. Accepts calls from construction on, until `drain`."""

    def __init__(
        self,
        routes: Sequence[Route],
        params: EngineParams | None = None,
        clock: Clock | None = None,
        remote: Sequence[RemoteLane] = (),
    ) -> None:
        """remote: lanes of workers, which are ended with the engine; their methods are no routes."""
        self._params = params or EngineParams()
        self._clock = clock or SystemClock()
        self._remote = tuple(remote)
        self._compute, self._write, *slow = own = tuple(
            WorkLane(
                lane.value,
                [route for route in routes if route.lane is lane],
                limits,
                self._clock,
                combining=lane is Lane.ENGINE,
            )
            for lane, limits in (
                (Lane.ENGINE, self._params.limits),
                (Lane.WRITER, self._params.writer),
                (Lane.IMPORTER, IMPORTS),
                (Lane.OPERATOR, IMPORTS),
                (Lane.FILES, IMPORTS),
                (Lane.BATCH, BATCHES),
            )
        )
        self._slow: tuple[WorkLane | RemoteLane, ...] = (*slow, *self._remote)
        self._lanes: tuple[WorkLane | RemoteLane, ...] = (*own, *self._remote)
        self._leaving = False
        self._refused: dict[str, int] = {}

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        """Takes calls from any thread; may compute a batch on it, of others' calls too. As `Intake.submit`."""
        compute_routes, write_routes = self._compute.routes, self._write.routes
        bytes_max, now = self._params.payload_bytes_max, 0.0
        compute: list[Call] = []
        write: list[Call] = []
        for call in calls:
            if not call.arrived:
                call.arrived = now = now or self._clock.monotonic()
            if len(call.payload) > bytes_max:
                self._refuse(call, PayloadTooLarge(len(call.payload), bytes_max))
            elif self._leaving:
                self._refuse(call, NotReady(LEAVING))
            elif (route := compute_routes.get(call.method)) is not None:
                if route.size is not None:
                    call.units = route.size.units(call.payload)
                    if call.bulk is None:
                        call.bulk = call.units > route.size.interactive_max
                compute.append(call)
            elif call.method in write_routes:
                call.bulk = False  # all that wait are committed together
                write.append(call)
            elif (slow := next((lane for lane in self._slow if call.method in lane.routes), None)) is not None:
                if isinstance(slow, WorkLane):
                    call.bulk = False  # one by one, in their order
                slow.submit([call])
            else:
                self._refuse(call, UnknownMethod(f"there is no method {call.method[:80]!r}", method=call.method[:80]))
        if write:
            self._write.submit(write)
        return self._compute.submit(compute, returning)

    def cancel(self, responder: Responder, call_id: int) -> None:
        """The caller has gone: the call costs nothing more if it has not begun."""
        for lane in self._lanes:
            lane.cancel(responder, call_id)

    def healthy(self, now: float) -> bool:
        """False when a batch hangs or a call is left lying. A slow store (the writer) does not count: a restart would
        not mend it."""
        return self._compute.stalled_s(now) <= self._params.stalled_s_max

    def work(self) -> Work:
        """What the computing lane has done since its construction; stores are waited for elsewhere, and replicas would
        not help."""
        telemetry = self._compute.telemetry
        return Work(telemetry.busy_s, sum(of.queue_s.total for of in telemetry.methods.values()))

    @property
    def waiting(self) -> int:
        """Calls that wait, over all lanes."""
        return sum(lane.waiting for lane in self._lanes)

    def drain(self, grace_s: float) -> None:
        """Refuses new calls (NotReady), finishes what waits within `grace_s` seconds, ends the threads. Idempotent."""
        self._leaving = True
        until = self._clock.monotonic() + grace_s
        for lane in self._lanes:
            lane.drain(max(until - self._clock.monotonic(), 0.0))

    def _admission(self) -> list[Family]:
        """Of the computing lane: the only one with bulk and with a limit that adapts."""
        lane = self._compute
        return [
            Family(
                "gauge", "storegate_waiting_bulk_calls", "Bulk calls that wait.", (), [((), float(lane.waiting_bulk))]
            ),
            Family(
                "gauge",
                "storegate_held_refusals",
                "Calls whose refusal is decided and not sent yet.",
                (),
                [((), float(lane.held))],
            ),
            Family(
                "gauge",
                "storegate_waiting_calls_limit",
                "Interactive calls of one caller that may wait; follows the time that they wait.",
                (),
                [((), float(lane.limit))],
            ),
        ]

    def _refuse(self, call: Call, error: StoregateError) -> None:
        # Counted without a lock: two threads may lose one of two refusals at the same instant.
        self._refused[error.reason] = self._refused.get(error.reason, 0) + 1
        fail(call, error, None)

    def telemetry(self) -> list[Family]:
        """Counters of all lanes, families of one name merged."""
        merged: dict[str, Family] = {family.name: family for family in self._admission()}
        remote = [family for lane in self._remote for family in lane.families()]
        for family in remote:
            merged.setdefault(family.name, replace(family, rows=[])).rows.extend(family.rows)
        for lane in self._lanes:
            of = ((lane.telemetry.lane,),)
            calls = Family(
                "gauge", "storegate_waiting_calls", "Calls that wait.", ("lane",), [(*of, float(lane.waiting))]
            )
            size = Family(
                "gauge",
                "storegate_waiting_bytes",
                "Bytes of the requests that wait.",
                ("lane",),
                [(*of, float(lane.waiting_bytes))],
            )
            for family in (*lane.telemetry.families(), calls, size):
                merged.setdefault(family.name, Family(family.kind, family.name, family.help, family.labels, []))
                merged[family.name].rows.extend(family.rows)
        refused = Family("counter", "storegate_calls_refused", "Calls refused at the door, by reason.", ("reason",), [])
        refused.rows.extend(((reason,), float(count)) for reason, count in list(self._refused.items()))
        return [*merged.values(), refused]
