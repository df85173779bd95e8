"""PlanRoutes beside the native front: a thread of the server's takes the steps of a stream, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any

import grpc

from serving.core.clock import NEVER, Clock
from serving.core.errors import DeadlineExpired, NotReady, PayloadTooLarge, StoregateError
from serving.decisions.route.params import Limits
from serving.engine.calls import Call, Intake
from serving.transport import status
from serving.transport.callers import caller_in
from serving.transport.event_stream import CODES, STARTING
from serving.transport.listening import LEAVING
from serving.transport.plan_steps import PLAN_ROUTES, STREAMS_MAX, PlanSteps, too_many
from serving.transport.priority import bulk_in

Outcome = bytes | StoregateError | None
"""None = nobody waits any more."""


class PlanStreams(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc carries no types
    """What a grpcio server asks for the handler of the method."""

    def __init__(self, payload_bytes_max: int, limits: Limits, clock: Clock) -> None:
        self._bytes_max, self._limits, self._clock = payload_bytes_max, limits, clock
        self._intake: Intake | None = None
        self._closing = threading.Event()
        self._places = threading.BoundedSemaphore(STREAMS_MAX)
        self._open: set[_Asked] = set()
        self._handler = grpc.unary_stream_rpc_method_handler(self._run)

    def serve(self, intake: Intake) -> None:
        """Streams are taken from now on."""
        self._intake = intake

    def close(self) -> None:
        """Every stream ends with the best plan that it has."""
        self._closing.set()
        for asked in tuple(self._open):
            asked.fail(0, NotReady(LEAVING))

    def service(self, handler_call_details: Any) -> Any:
        return self._handler if handler_call_details.method == PLAN_ROUTES else None

    def _run(self, payload: bytes, context: Any) -> Iterator[bytes]:
        """One stream, on a thread of the server's."""
        try:
            yield from self._plans(payload, context)
        except StoregateError as error:
            spelled = status.grpc_status(error)
            context.set_trailing_metadata(((status.DETAILS_KEY, spelled.details),))
            context.abort(CODES[spelled.code], spelled.message)

    def _plans(self, payload: bytes, context: Any) -> Iterator[bytes]:
        if self._intake is None:
            raise NotReady(STARTING)
        if len(payload) > self._bytes_max:
            raise PayloadTooLarge(len(payload), self._bytes_max)
        if not self._places.acquire(blocking=False):
            raise too_many()
        asked: _Asked | None = None
        try:
            now, left_s = self._clock.monotonic(), context.time_remaining()
            deadline = NEVER if left_s is None else now + left_s
            metadata = context.invocation_metadata() or ()
            steps = PlanSteps(payload, self._limits, now, deadline)
            asked = _Asked(self._intake, self._clock, caller_in(metadata, context.peer()), bulk_in(metadata))
            self._open.add(asked)
            if not context.add_callback(asked.hang_up):
                return
            yield from self._steps(steps, asked)
        finally:
            if asked is not None:
                self._open.discard(asked)
                asked.hang_up()
            self._places.release()

    def _steps(self, steps: PlanSteps, asked: _Asked) -> Iterator[bytes]:
        while not self._closing.is_set() and (step := steps.next(self._clock.monotonic(), len(self._open))) is not None:
            outcome = asked.ask(step.payload, step.deadline)
            if outcome is None:
                return
            if isinstance(outcome, StoregateError):
                steps.failed(outcome)
                continue
            told = steps.took(outcome, self._clock.monotonic())
            if told is not None:
                yield told
        if not steps.begun:
            raise NotReady(LEAVING)
        yield steps.last(self._clock.monotonic())


class _Asked:
    """A Responder for one call at a time."""

    def __init__(self, intake: Intake, clock: Clock, caller: str, bulk: bool | None) -> None:
        self._intake, self._clock, self._caller, self._bulk = intake, clock, caller, bulk
        self._outcomes: SimpleQueue[tuple[int, Outcome]] = SimpleQueue()
        self._number = 0
        self._gone = False

    def ask(self, payload: bytes, deadline: float) -> Outcome:
        """The outcome of one step. Raises nothing."""
        self._number += 1
        now = self._clock.monotonic()
        self._intake.submit([Call(self, self._number, PLAN_ROUTES, payload, deadline, now, self._caller, self._bulk)])
        while True:
            try:
                number, outcome = self._outcomes.get(timeout=None if deadline == NEVER else max(deadline - now, 0.0))
            except Empty:
                self._intake.cancel(self, self._number)
                return DeadlineExpired("the deadline passed before there was a plan: allow more time")
            if number in (0, self._number):  # not the answer to a call that was given up
                if self._gone:  # maybe just before the call was made
                    self._intake.cancel(self, self._number)
                    return None
                return outcome

    def hang_up(self) -> None:
        """The caller has gone. From any thread; idempotent."""
        if not self._gone:
            self._gone = True
            self._intake.cancel(self, self._number)
            self._outcomes.put((0, None))

    def respond(self, call_id: int, payload: bytes) -> None:
        self._outcomes.put((call_id, payload))

    def fail(self, call_id: int, error: StoregateError) -> None:
        self._outcomes.put((call_id, error))
