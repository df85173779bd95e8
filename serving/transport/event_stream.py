"""StreamUserEvents: each message of the stream is a WriteUserEvent of its own to the engine, which groups them as any
other; this counts what became of them.

So many are under way at once (WINDOW); the next is read when one has been answered, and HTTP/2 holds the sender back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Final

import grpc

from serving.core.clock import NEVER, Clock
from serving.core.errors import DeadlineExpired, InvalidInput, NotReady, Overloaded, PayloadTooLarge, StoregateError
from serving.engine.calls import Call, Intake
from serving.transport import status
from serving.transport.callers import caller_in
from serving.transport.listening import LEAVING
from storegate.v1 import event_pb2 as pb

STREAM_USER_EVENTS: Final = "/storegate.v1.UserEventService/StreamUserEvents"
WRITE_USER_EVENT: Final = "/storegate.v1.UserEventService/WriteUserEvent"
WINDOW: Final = 128
STREAMS_MAX: Final = 32
"""Of a front; each holds a thread."""
LISTED_MAX: Final = 1000
RETRY_S: Final = 1.0
STARTING: Final = "the gateway is starting: retry"
CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class EventStream:
    """One stream. A Responder: the engine answers its calls from any thread."""

    def __init__(self, intake: Intake, clock: Clock, payload_bytes_max: int, caller: str, deadline: float) -> None:
        self._intake, self._clock, self._bytes_max = intake, clock, payload_bytes_max
        self._caller, self._deadline = caller, deadline
        self._room = threading.Semaphore(WINDOW)
        self._lock = threading.Lock()
        """Of all below: the sender's thread and the engine's change it."""
        self._received = self._stored = self._refused_count = 0
        self._refused: list[pb.RefusedEvent] = []
        self._missing: set[str] = set()
        self._open: dict[int, str] = {}
        """Position -> event id, of those that are not answered yet."""
        self._stopped: StoregateError | None = None

    def take(self, payload: bytes) -> bool:
        """The next message; False when no more can be taken. Waits while many are under way. Raises DeadlineExpired."""
        if not self._room.acquire(timeout=self._left_s()):
            raise DeadlineExpired(f"the deadline passed after {self._received} events: allow more time")
        fits = len(payload) <= self._bytes_max
        with self._lock:
            if self._stopped is not None:
                return False
            position = self._received
            self._received += 1
            self._open[position] = _event_id(payload) if fits else ""
        if not fits:
            self.fail(position, PayloadTooLarge(len(payload), self._bytes_max))
            return True
        now = self._clock.monotonic()
        self._intake.submit([Call(self, position, WRITE_USER_EVENT, payload, self._deadline, now, self._caller)])
        return True

    def stop(self, error: StoregateError) -> None:
        """No more is taken, because of this; the sender may try again."""
        with self._lock:
            self._stopped = self._stopped or error

    def end(self) -> pb.StreamUserEventsResponse:
        """Waits for all that are under way. Raises what stopped the stream, or DeadlineExpired."""
        for _ in range(WINDOW):
            if self._stopped is None and not self._room.acquire(timeout=self._left_s()):
                raise DeadlineExpired(f"the deadline passed before the last of {self._received} events was stored")
        with self._lock:
            if self._stopped is not None:
                raise self._stopped
            return pb.StreamUserEventsResponse(
                received=self._received,
                stored=self._stored,
                refused_count=self._refused_count,
                refused=sorted(self._refused, key=lambda refused: refused.position)[:LISTED_MAX],
                missing_item_ids=sorted(self._missing),
            )

    def respond(self, call_id: int, payload: bytes) -> None:
        written = pb.WriteUserEventResponse.FromString(payload)
        with self._lock:
            if self._open.pop(call_id, None) is None:
                return
            self._stored += written.stored
            for item_id in written.missing_item_ids:
                if len(self._missing) < LISTED_MAX:
                    self._missing.add(item_id)
        self._room.release()

    def fail(self, call_id: int, error: StoregateError) -> None:
        with self._lock:
            event_id = self._open.pop(call_id, None)
            if event_id is None:
                return
            if not isinstance(
                error, (InvalidInput, PayloadTooLarge)
            ):  # not of this event: the others would meet it too
                self._stopped = self._stopped or error
            else:
                self._refused_count += 1
                if len(self._refused) < LISTED_MAX:
                    self._refused.append(
                        pb.RefusedEvent(position=call_id, event_id=event_id, reason=error.reason, message=error.message)
                    )
        self._room.release()

    def _left_s(self) -> float | None:
        return None if self._deadline == NEVER else max(0.0, self._deadline - self._clock.monotonic())


class EventStreams(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc carries no types
    """What a grpcio server asks for the handler of the method."""

    def __init__(self, payload_bytes_max: int, clock: Clock) -> None:
        self._bytes_max, self._clock = payload_bytes_max, clock
        self._intake: Intake | None = None
        self._closing = False
        self._places = threading.BoundedSemaphore(STREAMS_MAX)
        self._handler = grpc.stream_unary_rpc_method_handler(self._run)

    def serve(self, intake: Intake) -> None:
        """Streams are taken from now on."""
        self._intake = intake

    def close(self) -> None:
        """No more of any stream is taken; what was taken is stored."""
        self._closing = True

    def service(self, handler_call_details: Any) -> Any:
        return self._handler if handler_call_details.method == STREAM_USER_EVENTS else None

    def _run(self, messages: Iterator[bytes], context: Any) -> bytes:
        """One stream, on a thread of the server's."""
        try:
            told: bytes = self._stored(messages, context).SerializeToString()
            return told
        except StoregateError as error:
            spelled = status.grpc_status(error)
            context.set_trailing_metadata(((status.DETAILS_KEY, spelled.details),))
            context.abort(CODES[spelled.code], spelled.message)
            raise  # abort has raised already

    def _stored(self, messages: Iterator[bytes], context: Any) -> pb.StreamUserEventsResponse:
        if self._intake is None:
            raise NotReady(STARTING)
        if not self._places.acquire(blocking=False):
            raise Overloaded(f"{STREAMS_MAX} streams are open already: close some, or wait", RETRY_S)
        try:
            left_s = context.time_remaining()
            deadline = NEVER if left_s is None else self._clock.monotonic() + left_s
            caller = caller_in(context.invocation_metadata() or (), context.peer())
            stream = EventStream(self._intake, self._clock, self._bytes_max, caller, deadline)
            for payload in messages:
                if self._closing:
                    stream.stop(NotReady(LEAVING))
                if not stream.take(payload):
                    break
            return stream.end()
        finally:
            self._places.release()


def _event_id(payload: bytes) -> str:
    """For the list of refused ones; what is no message has none."""
    try:
        return str(pb.WriteUserEventRequest.FromString(payload).event.event_id)
    except Exception:  # protobuf's own errors; the engine will say what is wrong
        return ""
