"""The default front: HTTP/2 and gRPC in Rust outside the GIL (pygrpc-native); Python sees whole batches of calls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from pygrpc_native import EVENT_CALL, NativeGrpcFront

from serving.core.clock import NEVER, Clock, SystemClock
from serving.core.errors import InternalError, NotReady, PayloadTooLarge, StoregateError
from serving.core.priority import go_first, patient
from serving.engine.calls import Call, Intake
from serving.transport import status
from serving.transport.callers import CALLER_KEY, caller_at, caller_named
from serving.transport.contract import unary
from serving.transport.event_stream import EventStreams
from serving.transport.front_params import FrontParams
from serving.transport.listening import LEAVING, cannot_listen
from serving.transport.plan_stream import PlanStreams
from serving.transport.priority import bulk_in
from serving.transport.sidekick import Sidekick
from serving.transport.tokens import MISSING

DRAIN_MAX: Final = 8192
"""Events taken at once; a longer queue is taken in several turns."""
JOIN_S_MAX: Final = 5.0
FLUSH_S_MAX: Final = 0.1
"""Between the last answer and the end: pygrpc-native cuts off what it has not yet written, and cannot be asked."""
PORT_SETTING: Final = "--grpc-port"

_log = logging.getLogger(__name__)


class NativeFront:
    """Front over pygrpc-native. One thread of its own takes the calls and hands them to the intake.

    With tokens, every method needs one, health and reflection too (the check is made before Python sees the
    call): probes without a token use the admin port.
    """

    def __init__(
        self, params: FrontParams, methods: Sequence[str], services: Sequence[str], clock: Clock | None = None
    ) -> None:
        """Binds. methods: full names, "/storegate.v1.X/Y". services: for health and reflection. Raises SettingError."""
        methods = unary(methods)
        self._params, self._methods, self._clock = params, tuple(methods), clock or SystemClock()
        try:
            # Where the threads that read and write share a core with the engine, every answer wakes one of them, which
            # would take the core from the batch that is computed and give it back: two changes of thread a call, and
            # batches of fewer calls.
            self._front = patient(
                partial(
                    NativeGrpcFront,
                    params.address,
                    [(method, False) for method in methods],
                    io_threads=params.io_threads,
                    client_key_metadata=CALLER_KEY,
                    call_details=True,
                    bearer_token_sha256=list(params.token_sha256) or None,
                    unauthenticated_message=MISSING,
                    max_concurrent_streams=params.streams_max,
                    reuse_port=params.reuse_port,
                ),
                params.io_cores,
            )
        except OSError as error:
            raise cannot_listen(params.host, params.port, error, PORT_SETTING) from error
        self._streams = EventStreams(params.payload_bytes_max, self._clock)
        self._plans = PlanStreams(params.payload_bytes_max, params.plans, self._clock)
        self._side = Sidekick(services, self._streams, self._plans, params.payload_bytes_max)
        self._front.set_fallback(self._side.path)
        self._failed: tuple[StoregateError | None, Any] = None, None
        """The last error, as pygrpc-native wants it; one tuple, so that two threads cannot mix two errors."""
        self._thread: threading.Thread | None = None
        self._open: set[int] = set()
        self._closing = False
        self._idle = threading.Event()
        self._close_lock = threading.Lock()
        self._closed = False

    @property
    def port(self) -> int:
        return self._front.bound_port

    def start(self, intake: Intake) -> None:
        self._thread = threading.Thread(target=self._drain, args=(intake,), name="native-front", daemon=True)
        self._streams.serve(intake)
        self._plans.serve(intake)
        self._front.start()
        self._thread.start()

    def set_serving(self, serving: bool) -> None:
        """What grpc.health.v1 answers."""
        self._side.set_serving(serving)

    def respond(self, call_id: int, payload: bytes) -> None:
        self._front.respond(call_id, payload)
        self._gone(call_id)

    def fail(self, call_id: int, error: StoregateError) -> None:
        last, spelled = self._failed
        if error is not last:  # a flood is refused with one and the same error
            told = status.grpc_status(error)
            spelled = told.code, told.message, ((status.DETAILS_KEY, told.details),)
            self._failed = error, spelled
        self._front.fail(call_id, *spelled)
        self._gone(call_id)

    def close(self, grace_s: float) -> None:
        with self._close_lock:
            if self._closed:
                return
            self._closed = True
            self.set_serving(False)
            self._closing = True
            self._streams.close()
            self._plans.close()
            if self._open:
                self._idle.wait(grace_s)
            for call_id in list(self._open):
                self.fail(call_id, NotReady(LEAVING))
            if self._thread is not None:
                threading.Event().wait(min(FLUSH_S_MAX, grace_s))
            self._front.close()
            if self._thread is not None and self._thread is not threading.current_thread():
                self._thread.join(JOIN_S_MAX)
            self._side.close()

    def _gone(self, call_id: int) -> None:
        self._open.discard(call_id)
        if self._closing and not self._open:
            self._idle.set()

    def _drain(self, intake: Intake) -> None:
        """The thread: takes all calls that wait, as one list, until the front is closed.

        While it has work to do for the engine it looks for new calls after every batch, without waiting for them.
        """
        if self._params.realtime and not go_first():
            _log.warning("pages wait for planners now and then: SCHED_FIFO needs CAP_SYS_NICE or an RLIMIT_RTPRIO of 1")
        receive, working = self._front.recv_batch_details, False
        while (events := receive(DRAIN_MAX, 0 if working else None)) is not None:
            working = self._hand_over(events, intake)
        if working:
            intake.submit(())

    def _hand_over(self, events: Iterable[Any], intake: Intake) -> bool:
        """Whether work is left for this thread."""
        calls: list[Call] = []
        try:
            for call_id in self._sort(events, calls):
                intake.cancel(self, call_id)
            return intake.submit(calls, returning=True)
        except Exception:  # the thread must live on; what was taken is answered, once
            _log.exception("the front could not hand over %d calls", len(calls))
            for call in calls:
                if call.call_id in self._open:
                    self.fail(call.call_id, InternalError("an internal error; see the gateway's log"))
            return True  # the engine may still count on this thread

    def _sort(self, events: Iterable[Any], calls: list[Call]) -> list[int]:
        """Puts the calls into `calls`, refuses what is too large or too late; returns the ids of cancelled ones."""
        now, limit, methods = self._clock.monotonic(), self._params.payload_bytes_max, self._methods
        cancelled: list[int] = []
        for kind, call_id, method, payload, key, details in events:
            if kind != EVENT_CALL:
                cancelled.append(call_id)
                self._gone(call_id)
            elif len(payload) > limit:
                self.fail(call_id, PayloadTooLarge(len(payload), limit))
            elif self._closing:
                self.fail(call_id, NotReady(LEAVING))
            else:
                try:
                    bulk = bulk_in(details[0])
                except StoregateError as error:
                    self.fail(call_id, error)
                    continue
                left_s = details[2]
                deadline = NEVER if left_s is None else now + left_s
                self._open.add(call_id)
                caller = caller_at(key) if isinstance(key, str) else caller_named(key)
                calls.append(Call(self, call_id, methods[method], payload, deadline, now, caller, bulk))
        if cancelled:
            calls[:] = [call for call in calls if call.call_id in self._open]
        return cancelled
