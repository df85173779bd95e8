"""The thinking part of a lane: which waiting calls run next, which are refused. No threads, no clock, no sockets.

`(arrivals, now) -> what to run, what to refuse`: the caller passes the time in, and answers the calls itself.

Three things keep it well under a flood. Callers take turns (flows.py), and where a bound is reached the caller with
the most waiting calls loses its newest. Refusal comes early: work without a pause for STANDING_S is no burst, and from
then on only `standing_max` calls may wait, so that what is admitted is answered about as soon as ever (after Nichols &
Jacobson 2012, "Controlling queue delay", and its form for servers in Maurer 2015, "Fail at scale"). And expired work is
never run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from serving.core.errors import DeadlineExpired, InvalidInput, Overloaded, StoregateError
from serving.engine.calls import Call
from serving.engine.flows import Flows

EMA_SHARE = 0.1
"""Weight of the newest batch in the estimate of what a call costs."""
SERVICE_S_FIRST = 0.000_5
"""Seconds a call is taken to cost before one has been measured."""
GROWTH_MAX = 4.0
"""So many times the estimate is the most that one batch can teach: a batch that was held up says little of the next."""
STANDING_S = 0.1
"""Work for so long without a pause is no burst."""
PAUSE_S = 0.002
"""The engine has paused when nothing came for so long: what waits in a front while a batch runs comes sooner."""
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
    """Seconds that the waiting calls are estimated to take: what a burst may bring."""
    standing_max: int = 1_000_000
    """Calls waiting once there has been no pause for STANDING_S."""

    def __post_init__(self) -> None:
        for name in ("batch_max", "queue_max", "standing_max"):
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
    """Waiting calls, by method and caller. Every call offered leaves once: refused, taken, expired or cancelled.

    The next batch is of the method whose turn has waited longest, and takes what waits of that method, callers in turn,
    up to `batch_max`; so order is kept within a method and caller, no method or caller can starve another, and a lone
    call never waits.
    """

    __slots__ = (
        "_backlog",
        "_limits",
        "_methods",
        "_ran_at",
        "_running",
        "_service_s",
        "_working_since",
        "admitted",
        "estimate_s",
        "waiting",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._methods: dict[str, Flows] = {}
        self._backlog: dict[str, int] = {}
        """Caller -> how many of his calls wait, 1 or more."""
        self._service_s: dict[str, float] = {}
        self._working_since = self._ran_at = -math.inf
        self._running = False
        self.admitted = 0
        """Calls ever admitted; the number of the newest one."""
        self.waiting = 0
        self.estimate_s = 0.0
        """Seconds of work that waited after the last offer."""

    def offer(self, arrivals: Iterable[Call], now: float) -> list[Refusal]:
        """Admits calls in order; returns those that are beyond the bounds, each with Overloaded and when to retry.

        Where the bound is reached by another caller's doing, his newest call is refused instead of this one.
        """
        refusals: list[Refusal] = []
        if not self._running and not self.waiting and now - self._ran_at > PAUSE_S:
            self._working_since = now
        limits, seconds = self._limits, self.seconds()
        queue_max, seconds_max = limits.queue_max, limits.queue_seconds_max
        if self.standing(now):
            queue_max = min(queue_max, limits.standing_max)
        for call in arrivals:
            # An idle lane admits whatever the estimate says: otherwise one slow batch could close it for good.
            if self.waiting >= queue_max or (self.waiting and seconds > seconds_max):
                victim = self._beyond_share(call.caller)
                if victim is None:
                    refusals.append((call, overloaded(self.waiting, seconds)))
                    continue
                gone = self._drop_newest(victim)
                refusals.append((gone, overloaded(self.waiting, seconds)))
                seconds -= self._cost_s(gone.method)
            self._push(call)
            seconds += self._cost_s(call.method)
        self.estimate_s = seconds
        return refusals

    def take(self, now: float) -> Batch | None:
        """The next batch, or None when nothing waits. `calls` may be empty when all that was looked at has expired."""
        head = self.head()
        if head is None:
            return None
        method, flows = head[1], self._methods[head[1]]
        calls: list[Call] = []
        expired: list[Call] = []
        nearest, room = float("inf"), self._limits.batch_max
        while flows.waiting and room:
            call = flows.pop()
            self._left(call)
            deadline = call.deadline
            if deadline <= now:
                expired.append(call)
                continue
            if deadline < nearest:
                nearest = deadline
            calls.append(call)
            room -= 1
        self._running = bool(calls)
        return Batch(method, calls, nearest, expired)

    def head(self) -> tuple[int, str] | None:
        """(number, method) of the call whose turn it is."""
        if not self.waiting:
            return None
        return min((flows.head(), method) for method, flows in self._methods.items() if flows.waiting)

    def cancel(self, keys: set[tuple[int, int]]) -> list[Call]:
        """Takes out the calls with these (id of the responder, call id), ignoring keys that do not wait. O(waiting)."""
        gone: list[Call] = []
        for flows in self._methods.values():
            gone += flows.keep(lambda call: (id(call.responder), call.call_id) not in keys)
        for call in gone:
            self._left(call)
        return gone

    def clear(self) -> list[Call]:
        """Takes everything out."""
        rest = [call for flows in self._methods.values() for call in flows]
        self._methods.clear()
        self._backlog.clear()
        self.waiting = 0
        return rest

    def ran(self, method: str, calls: int, seconds: float, now: float) -> None:
        """The batch that was taken last, `calls` of `method`, has ended after `seconds`: learns from it."""
        self._running, self._ran_at = False, now
        known = self._cost_s(method)
        self._service_s[method] = known + EMA_SHARE * (min(seconds / calls, GROWTH_MAX * known) - known)

    def seconds(self) -> float:
        """Estimated seconds of work that wait."""
        if not self.waiting:
            return 0.0
        return sum(flows.waiting * self._cost_s(method) for method, flows in self._methods.items())

    def standing(self, now: float) -> bool:
        """Whether there has been no pause for STANDING_S."""
        return now - self._working_since >= STANDING_S

    def _cost_s(self, method: str) -> float:
        return self._service_s.get(method, SERVICE_S_FIRST)

    def _push(self, call: Call) -> None:
        flows = self._methods.get(call.method)
        if flows is None:
            flows = self._methods[call.method] = Flows()
        self.admitted += 1
        self.waiting += 1
        flows.push(self.admitted, call)
        self._backlog[call.caller] = self._backlog.get(call.caller, 0) + 1

    def _left(self, call: Call) -> None:
        self.waiting -= 1
        left = self._backlog[call.caller] - 1
        if left:
            self._backlog[call.caller] = left
        else:
            del self._backlog[call.caller]

    def _beyond_share(self, caller: str) -> str | None:
        """The caller with the most waiting calls, where these are more than this one would have with one more."""
        backlog = self._backlog
        mine = backlog.get(caller, 0) + 1
        if mine * len(backlog) > self.waiting:  # above the mean: the usual case in a flood, told without a search
            return None
        most = max(backlog, key=backlog.__getitem__)
        return most if backlog[most] > mine else None

    def _drop_newest(self, caller: str) -> Call:
        flows = max(self._methods.values(), key=lambda flows: flows.newest(caller))
        call = flows.drop_newest(caller)
        self._left(call)
        return call


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
