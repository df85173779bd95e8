"""Streams of plans on an event loop, for the fronts that have one: HTTP and grpc.aio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

from serving.core.clock import NEVER, Clock
from serving.core.errors import NotReady, StoregateError
from serving.decisions.route.params import Limits
from serving.transport.listening import LEAVING
from serving.transport.plan_steps import STREAMS_MAX, PlanSteps, Step, too_many

Ask = Callable[[Step, float | None], Awaitable[bytes]]
"""(step, seconds that are left for it, None = as many as it takes) -> the answer."""


class PlanLoop:
    """Belongs to one loop, but for `leave`."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits, self._clock = limits, clock
        self._open = 0
        self._leaving = False

    def leave(self) -> None:
        """Every stream ends with the best plan that it has. From any thread."""
        self._leaving = True

    async def plans(self, payload: bytes, deadline: float, ask: Ask) -> AsyncGenerator[bytes, None]:
        """What is to be sent. Raises StoregateError before the first; to cancel it cancels the step under way."""
        if self._open >= STREAMS_MAX:
            raise too_many()
        self._open += 1
        try:
            clock = self._clock.monotonic
            steps = PlanSteps(payload, self._limits, clock(), deadline)
            while not self._leaving and (step := steps.next(clock(), self._open)) is not None:
                left_s = None if step.deadline == NEVER else max(step.deadline - clock(), 0.0)
                try:
                    told = steps.took(await ask(step, left_s), clock())
                except StoregateError as error:
                    steps.failed(error)
                    continue
                if told is not None:
                    yield told
            if not steps.begun:
                raise NotReady(LEAVING)
            yield steps.last(clock())
        finally:
            self._open -= 1
