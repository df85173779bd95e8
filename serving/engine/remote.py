"""Calls that are computed beside the engine: how they travel, and who computes them where they arrive.

Bytes go out and bytes come back: requests are decoded, and answers encoded, where they are computed, so that a replica
of the gateway spends next to nothing on a call of a thousand items.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from serving.core.clock import NEVER, Clock
from serving.core.errors import StoregateError, UnknownMethod
from serving.core.turn import Turn, not_gone
from serving.engine.batcher import expired_error
from serving.engine.calls import Call, Route
from serving.engine.execution import execute
from serving.engine.telemetry import Family, Telemetry


@dataclass(frozen=True, slots=True)
class Request:
    """One call on its way. left_s: until its deadline, when it was sent; clocks of machines differ."""

    payload: bytes
    left_s: float = NEVER
    json: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    """Calls of one method that are computed together. repeatable: they may be computed a second time."""

    method: str
    requests: tuple[Request, ...]
    repeatable: bool = False


Answers = list[bytes | StoregateError]
"""One a request, in order."""


class Link(Protocol):
    """The way to who computes."""

    def send(self, bundle: Bundle) -> Future[Answers]:
        """Returns at once; from any thread. The future raises StoregateError for all requests alike; to cancel it says
        that nobody waits for them any more: they cost nothing more if they have not begun, and else are told by
        `Turn.gone`."""
        ...

    def close(self) -> None:
        """Ends what is ours. Idempotent."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A way that has something to tell."""

    def families(self) -> list[Family]:
        """Its metrics."""
        ...


Connect = Callable[[str], Link]
"""Worker's name -> the way to it."""


class Host:
    """Computes bundles, those of one turn one after another: a second thread waits for it."""

    def __init__(
        self, name: str, routes: Sequence[Route], clock: Clock, turns: Mapping[str, str] | None = None
    ) -> None:
        """turns: method -> its turn; None = all have the same."""
        self._routes = {route.method: route for route in routes}
        self._clock = clock
        self._telemetry = Telemetry(name, tuple(self._routes))
        of = turns or {}
        locks = {of.get(method, ""): threading.Lock() for method in self._routes}
        self._turns = {method: locks[of.get(method, "")] for method in self._routes}
        self._began: dict[str, float] = {}
        """When what is being computed began, by method."""
        self._guard = threading.Lock()
        """Of the one count that all methods share."""

    def run(self, bundle: Bundle, arrived: float, gone: Callable[[], bool] = not_gone) -> Answers:
        """arrived: when the bundle came, on this machine's monotonic clock; what is left of deadlines counts from then.
        gone: as in Turn. Never raises an Exception; what has expired is not computed."""
        route = self._routes.get(bundle.method)
        if route is None:  # in the middle of a rollout the gateway may know more than we do
            return [UnknownMethod(f"no such method in this worker: {bundle.method[:80]!r}")] * len(bundle.requests)
        gathered = _Gathered()
        calls = [
            Call(gathered, number, bundle.method, sent.payload, arrived + sent.left_s, arrived, json=sent.json)
            for number, sent in enumerate(bundle.requests)
        ]
        with self._turns[bundle.method]:
            self._run(route, calls, gathered, gone)
        return [gathered.answers[number] for number in range(len(calls))]

    def stalled_s(self, now: float) -> float:
        """Seconds since the oldest bundle began that has not ended; 0 when idle."""
        return max((now - began for began in tuple(self._began.values())), default=0.0)

    def families(self) -> list[Family]:
        """As the engine's, under names of their own: the gateway counts the same calls."""
        return [
            replace(family, name=family.name.replace("storegate_", "storegate_worker_", 1))
            for family in self._telemetry.families()
        ]

    def _run(self, route: Route, calls: Sequence[Call], gathered: _Gathered, gone: Callable[[], bool]) -> None:
        began = self._began[route.method] = self._clock.monotonic()
        try:
            counts, live = self._telemetry.methods[route.method], []
            for call in calls:
                counts.queue_s.observe(began - call.arrived)
                if call.deadline > began:
                    live.append(call)
                else:
                    gathered.fail(call.call_id, expired_error(call, began))
                    counts.failed("DEADLINE_EXPIRED")
            if live:
                deadline = min(call.deadline for call in live)
                execute(route, live, Turn(began, self._clock.wall(), deadline, gone), self._telemetry)
            took = self._clock.monotonic() - began
            counts.batch.observe(len(live))
            counts.service_s.observe(took)
            with self._guard:
                self._telemetry.busy_s += took
        finally:
            del self._began[route.method]


class _Gathered:
    """A Responder that keeps what it is told."""

    def __init__(self) -> None:
        self.answers: dict[int, bytes | StoregateError] = {}

    def respond(self, call_id: int, payload: bytes) -> None:
        self.answers[call_id] = payload

    def fail(self, call_id: int, error: StoregateError) -> None:
        self.answers[call_id] = error
