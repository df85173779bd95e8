"""Between an event loop and the engine: the loop's code asks, the engine answers from any thread.

Calls of one turn of the loop are submitted together, so that batches form; answers of one batch wake the loop once.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable

from serving.core.clock import NEVER, Clock, SystemClock
from serving.core.errors import InternalError, NotReady, StoregateError
from serving.engine.calls import Call, Intake
from serving.transport.listening import LEAVING

Outcome = bytes | StoregateError
Told = Callable[[Outcome], None]


class LoopBridge:
    """A Responder that belongs to one event loop. `respond` and `fail` work on any thread, the rest on that loop."""

    def __init__(self, intake: Intake, loop: asyncio.AbstractEventLoop, clock: Clock | None = None) -> None:
        self._intake, self._loop, self._clock = intake, loop, clock or SystemClock()
        self._ids = itertools.count(1)
        self._waiting: dict[int, Told] = {}
        self._pending: list[Call] = []
        self._settled: deque[tuple[int, Outcome]] = deque()
        self._woken = False
        self._closing = False
        self._idle = asyncio.Event()

    def begin(
        self,
        method: str,
        payload: bytes,
        told: Told,
        deadline: float = NEVER,
        caller: str = "",
        bulk: bool | None = None,
        *,
        json: bool = False,
    ) -> int:
        """Asks; the number of the call. told: is called on the loop, once, unless the call is cancelled before.

        deadline: of the monotonic clock. caller: as in callers.py. bulk: as in priority.py. json: how the answer is
        wanted. Raises NotReady.
        """
        if self._closing:
            raise NotReady(LEAVING)
        call_id = next(self._ids)
        self._waiting[call_id] = told
        if not self._pending:
            self._loop.call_soon(self._submit)
        self._pending.append(
            Call(self, call_id, method, payload, deadline, self._clock.monotonic(), caller, bulk, json=json)
        )
        return call_id

    def cancel(self, call_id: int) -> None:
        """Nobody waits for the call any more. Of no effect once its answer has come."""
        if call_id not in self._waiting:
            return
        pending = [call for call in self._pending if call.call_id != call_id]
        if len(pending) < len(self._pending):
            self._pending = pending
        else:
            self._intake.cancel(self, call_id)
        self._gone(call_id)

    async def ask(
        self,
        method: str,
        payload: bytes,
        left_s: float | None = None,
        caller: str = "",
        bulk: bool | None = None,
        *,
        json: bool = False,
    ) -> bytes:
        """The encoded answer. left_s: seconds until the deadline, None = none. Else as `begin`.

        Raises the engine's StoregateError. A cancelled `ask` cancels its call.
        """
        future: asyncio.Future[bytes] = self._loop.create_future()

        def told(outcome: Outcome) -> None:
            if future.done():
                return
            if isinstance(outcome, StoregateError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        deadline = NEVER if left_s is None else self._clock.monotonic() + left_s
        call_id = self.begin(method, payload, told, deadline, caller, bulk, json=json)
        try:
            return await future
        finally:
            self.cancel(call_id)

    def respond(self, call_id: int, payload: bytes) -> None:
        self._settle(call_id, payload)

    def fail(self, call_id: int, error: StoregateError) -> None:
        self._settle(call_id, error)

    async def close(self, grace_s: float) -> None:
        """Refuses new calls, waits up to `grace_s` for the open ones and fails those that are left."""
        self._closing = True
        if self._waiting:
            try:
                await asyncio.wait_for(self._idle.wait(), grace_s)
            except TimeoutError:
                for call_id in list(self._waiting):
                    self.fail(call_id, NotReady(LEAVING))
                self._deliver()

    def _submit(self) -> None:
        calls, self._pending = self._pending, []
        if not calls:
            return
        try:
            self._intake.submit(calls)
        except Exception as error:
            self._loop.call_exception_handler({"message": "the engine did not take calls", "exception": error})
            for call in calls:
                self.fail(call.call_id, InternalError("an internal error; see the gateway's log"))

    def _settle(self, call_id: int, outcome: Outcome) -> None:
        self._settled.append((call_id, outcome))
        if not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:  # the loop is closed: nobody waits any more
                self._settled.clear()

    def _deliver(self) -> None:
        # First the mark, then the queue: what is added in between schedules another, harmless, delivery.
        self._woken = False
        while self._settled:
            call_id, outcome = self._settled.popleft()
            told = self._gone(call_id)
            if told is not None:
                told(outcome)

    def _gone(self, call_id: int) -> Told | None:
        """Whom to tell; None when nobody waits any more."""
        told = self._waiting.pop(call_id, None)
        if self._closing and not self._waiting:
            self._idle.set()
        return told
