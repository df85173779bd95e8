"""Between an event loop and the engine: coroutines ask, the engine answers from any thread.

Calls of one turn of the loop are submitted together, so that batches form; answers of one batch wake the loop once.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque

from serving.core.clock import NEVER, Clock, SystemClock
from serving.core.errors import InternalError, NotReady, StoregateError
from serving.engine.calls import Call, Intake
from serving.transport.listening import LEAVING


class LoopBridge:
    """A Responder that belongs to one event loop. `ask`, `close` run on that loop; the rest on any thread."""

    def __init__(self, intake: Intake, loop: asyncio.AbstractEventLoop, clock: Clock | None = None) -> None:
        self._intake, self._loop, self._clock = intake, loop, clock or SystemClock()
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._pending: list[Call] = []
        self._settled: deque[tuple[int, bytes | StoregateError]] = deque()
        self._woken = False
        self._closing = False
        self._idle = asyncio.Event()

    async def ask(
        self, method: str, payload: bytes, left_s: float | None = None, caller: str = "", bulk: bool | None = None
    ) -> bytes:
        """The encoded answer. left_s: seconds until the deadline, None = none. caller: as in callers.py. bulk: as in
        priority.py.

        Raises the engine's StoregateError.
        A cancelled `ask` cancels its call.
        """
        if self._closing:
            raise NotReady(LEAVING)
        now = self._clock.monotonic()
        call_id = next(self._ids)
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[call_id] = future
        if not self._pending:
            self._loop.call_soon(self._submit)
        deadline = NEVER if left_s is None else now + left_s
        self._pending.append(Call(self, call_id, method, payload, deadline, now, caller, bulk))
        try:
            return await future
        except asyncio.CancelledError:
            # The hand-over was scheduled before this could run, so the engine knows the call.
            self._intake.cancel(self, call_id)
            raise
        finally:
            self._waiting.pop(call_id, None)
            if self._closing and not self._waiting:
                self._idle.set()

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
        try:
            self._intake.submit(calls)
        except Exception as error:
            self._loop.call_exception_handler({"message": "the engine did not take calls", "exception": error})
            for call in calls:
                self.fail(call.call_id, InternalError("an internal error; see the gateway's log"))

    def _settle(self, call_id: int, outcome: bytes | StoregateError) -> None:
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
            future = self._waiting.get(call_id)
            if future is None or future.done():
                continue
            if isinstance(outcome, StoregateError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
