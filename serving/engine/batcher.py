"""The thinking part of a lane: which waiting calls run next, which are refused. No threads, no clock, no sockets.

`(arrivals, now) -> what to run, what to refuse`: the caller passes the time in, and answers the calls itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from serving.core.errors import DeadlineExpired, InvalidInput, Overloaded, StoregateError
from serving.engine.calls import Call

EMA_SHARE = 0.1
"""Weight of the newest batch in the estimate of what a call costs."""
SERVICE_S_FIRST = 0.000_5
"""Seconds a call is taken to cost before one has been measured."""
RETRY_S_MIN, RETRY_S_MAX = 0.01, 5.0

Refusal = tuple[Call, StoregateError]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one lane. All are at least 1, seconds above 0."""

    batch_max: int = 64
    """Calls computed together."""
    queue_max: int = 1024
    """Calls waiting."""
    queue_seconds_max: float = 2.0
    """Seconds that the waiting calls are estimated to take."""

    def __post_init__(self) -> None:
        for name in ("batch_max", "queue_max"):
            if getattr(self, name) < 1:
                raise InvalidInput(name, getattr(self, name), "at least 1")
        if not self.queue_seconds_max > 0:
            raise InvalidInput("queue_seconds_max", self.queue_seconds_max, "more than 0 seconds")


@dataclass(slots=True)
class Batch:
    """What to do now: run `calls` (all of one method, oldest first), and fail `expired`."""

    method: str
    calls: list[Call]
    deadline: float
    """The nearest deadline of `calls`."""
    expired: list[Call]


class Batcher:
    """Waiting calls, one queue a method. Every call offered leaves exactly once: refused, taken, expired or cancelled.

    The next batch is of the method whose head has waited longest, and takes what waits of that method, oldest first,
    up to `batch_max`; so order is kept within a method, no method can starve another, and a lone call never waits.
    """

    __slots__ = ("_limits", "_queues", "_service_s", "admitted", "estimate_s", "waiting")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queues: dict[str, deque[tuple[int, Call]]] = {}
        self._service_s: dict[str, float] = {}
        self.admitted = 0
        """Calls ever admitted; the number of the newest one."""
        self.waiting = 0
        self.estimate_s = 0.0
        """Seconds of work that waited after the last offer."""

    def offer(self, arrivals: Iterable[Call]) -> list[Refusal]:
        """Admits calls in order; returns those beyond the bounds, each with Overloaded and when to retry."""
        refusals: list[Refusal] = []
        queues, queue_max, seconds_max = self._queues, self._limits.queue_max, self._limits.queue_seconds_max
        number, waiting, seconds = self.admitted, self.waiting, self.seconds()
        for call in arrivals:
            method = call.method
            # An idle lane admits whatever the estimate says: otherwise one slow batch could close it for good.
            if waiting >= queue_max or (waiting and seconds > seconds_max):
                refusals.append((call, overloaded(waiting, seconds)))
                continue
            queue = queues.get(method)
            if queue is None:
                queue = queues[method] = deque()
            number += 1
            waiting += 1
            seconds += self._service_s.get(method, SERVICE_S_FIRST)
            queue.append((number, call))
        self.admitted, self.waiting, self.estimate_s = number, waiting, seconds
        return refusals

    def take(self, now: float) -> Batch | None:
        """The next batch, or None when nothing waits. `calls` may be empty when all that was looked at has expired."""
        head = self.head()
        if head is None:
            return None
        method, queue = head[1], self._queues[head[1]]
        calls: list[Call] = []
        expired: list[Call] = []
        nearest, room, taken = float("inf"), self._limits.batch_max, 0
        while queue and room:
            call = queue.popleft()[1]
            taken += 1
            deadline = call.deadline
            if deadline <= now:
                expired.append(call)
                continue
            if deadline < nearest:
                nearest = deadline
            calls.append(call)
            room -= 1
        self.waiting -= taken
        return Batch(method, calls, nearest, expired)

    def head(self) -> tuple[int, str] | None:
        """(number, method) of the call that has waited longest."""
        if not self.waiting:
            return None
        return min((queue[0][0], method) for method, queue in self._queues.items() if queue)

    def cancel(self, keys: set[tuple[int, int]]) -> list[Call]:
        """Takes out the calls with these (id of the responder, call id), ignoring keys that do not wait. O(waiting)."""
        gone: list[Call] = []
        for method, queue in self._queues.items():
            kept: deque[tuple[int, Call]] = deque()
            for entry in queue:
                call = entry[1]
                if (id(call.responder), call.call_id) in keys:
                    gone.append(call)
                else:
                    kept.append(entry)
            self._queues[method] = kept
        self.waiting -= len(gone)
        return gone

    def clear(self) -> list[Call]:
        """Takes everything out, oldest first within a method."""
        rest = [entry[1] for queue in self._queues.values() for entry in queue]
        self._queues.clear()
        self.waiting = 0
        return rest

    def ran(self, method: str, calls: int, seconds: float) -> None:
        """Learns from a batch of `calls` that took `seconds`."""
        cost = seconds / calls
        known = self._service_s.get(method)
        self._service_s[method] = cost if known is None else known + EMA_SHARE * (cost - known)

    def seconds(self) -> float:
        """Estimated seconds of work that wait."""
        if not self.waiting:
            return 0.0
        costs = self._service_s
        return sum(len(queue) * costs.get(method, SERVICE_S_FIRST) for method, queue in self._queues.items())


def overloaded(waiting: int, seconds: float) -> Overloaded:
    """The refusal, with the time after which what waits now should be done."""
    retry_s = min(max(seconds, RETRY_S_MIN), RETRY_S_MAX)
    return Overloaded(
        f"{waiting} calls wait already (about {seconds:.3g} s of work): retry in {retry_s:.2f} s", retry_s
    )


def expired_error(call: Call, now: float) -> DeadlineExpired:
    """The failure of a call whose deadline passed while it waited."""
    return DeadlineExpired(
        f"the deadline passed {max(now - call.deadline, 0.0) * 1000:.0f} ms before the work could begin; "
        f"it had waited {max(now - call.arrived, 0.0) * 1000:.0f} ms: allow more time"
    )
