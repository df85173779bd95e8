"""The way from HTTP into the engine: its limits, and one bridge and one watch over deadlines for the whole loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final, Protocol

from serving.core.clock import NEVER, Clock, SystemClock
from serving.core.errors import InvalidInput
from serving.decisions.route.params import Limits
from serving.engine.calls import Intake
from serving.transport.http_bodies import Bodies
from serving.transport.loop_bridge import LoopBridge
from serving.transport.plan_loop import PlanLoop

EXPIRED: Final = "the deadline passed before there was an answer: allow more time"
LOOK_S_MIN: Final = 0.001
"""Between two looks for calls whose time is up."""


@dataclass(frozen=True, slots=True)
class HttpParams:
    """body_bytes_max: 1 or more; longer bodies are refused while they arrive. token_sha256: as in FrontParams.

    patience_s_max: a call without a deadline is given up after this many seconds, more than 0. Either time begins with
    the headers: a body that trickles in is not waited for any longer. plans: how streams of plans take their time.
    """

    body_bytes_max: int = 1 << 20
    token_sha256: tuple[bytes, ...] = ()
    patience_s_max: float = 60.0
    plans: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.body_bytes_max < 1:
            raise InvalidInput("body_bytes_max", self.body_bytes_max, "1 or more bytes")
        if not self.patience_s_max > 0:
            raise InvalidInput("patience_s_max", self.patience_s_max, "more than 0 seconds")


class Way:
    """The way into the engine, made on the loop that serves the first request. Belongs to that loop."""

    def __init__(self, intake: Intake, params: HttpParams, clock: Clock | None) -> None:
        self.params, self.clock, self._intake = params, clock or SystemClock(), intake
        self._bridge: LoopBridge | None = None
        self._watch: Watch | None = None
        self.plans = PlanLoop(params.plans, self.clock)
        self.bodies = Bodies()

    def bridge(self) -> LoopBridge:
        if self._bridge is None:
            self._bridge = LoopBridge(self._intake, asyncio.get_running_loop(), self.clock)
        return self._bridge

    def watch(self) -> Watch:
        if self._watch is None:
            self._watch = Watch(asyncio.get_running_loop(), self.clock)
        return self._watch


class Timed(Protocol):
    """A call that waits until a moment of the monotonic clock."""

    until: float

    def expire(self) -> None: ...


class Watch:
    """Ends the calls whose time is up, with one timer for all of them: most calls end long before and touch none."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        self._loop, self._clock = loop, clock
        self._open: set[Timed] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = NEVER

    def add(self, call: Timed, now: float) -> None:
        self._open.add(call)
        if call.until < self._looks_at:
            self._look_at(call.until, now)

    def discard(self, call: Timed) -> None:
        self._open.discard(call)

    def _look_at(self, at: float, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = at
        self._timer = self._loop.call_later(max(at - now, LOOK_S_MIN), self._look)

    def _look(self) -> None:
        now = self._clock.monotonic()
        for call in [call for call in self._open if call.until <= now]:
            self._open.discard(call)
            call.expire()
        self._timer, self._looks_at = None, NEVER
        if self._open:
            self._look_at(min(call.until for call in self._open), now)
