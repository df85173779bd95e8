"""The thinking part of a lane: which waiting calls run next, which are refused. No threads, no clock, no sockets.

`(arrivals, now) -> what to run, what to refuse`: the caller passes the time in, and answers the calls itself.

Interactive calls run before bulk, which runs in slices of about SLICE_S, so that nobody waits longer than that behind
it. While interactive calls wait, bulk that waits gets BULK_SHARE of the time and never two slices in a row. Callers
take turns (flows.py), and a caller may fill only part of the room that others leave (waiting.py). Refusal comes early:
how many interactive calls may wait follows the time they wait (limiter.py). Expired work is never run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from serving.core.errors import DeadlineExpired, InvalidInput
from serving.engine.calls import Call
from serving.engine.costs import Costs
from serving.engine.limiter import Limiter
from serving.engine.refusing import Refusal, Refuser
from serving.engine.waiting import Room, Waiting

SLICE_S = 0.002
"""Estimated seconds of a bulk slice. A call is not cut: one that takes longer is a slice of its own."""
BULK_SHARE = 0.1
"""Of the time, while interactive calls wait too; 0 < share < 1."""
OWED_S_MAX = 0.1
"""What bulk has not got of its share, or got beyond it, is forgotten beyond this."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one lane. All are at least 1, seconds above 0.

    What may wait is told for a caller alone; several callers together may have three times as much waiting.
    """

    batch_max: int = 64
    """Calls computed together."""
    queue_max: int = 1024
    """Interactive calls waiting."""
    queue_seconds_max: float = 2.0
    """Seconds that the waiting calls of either priority are estimated to take."""
    bulk_queue_max: int = 256
    """Bulk calls waiting."""
    wait_s_target: float = math.inf
    """What an interactive call may wait for the batches before its own; the number that may wait follows from it,
    between batch_max and queue_max. Infinite = always queue_max."""
    queue_bytes_max: int = 64 << 20
    """Of the requests that wait, of either priority."""

    def __post_init__(self) -> None:
        for name in ("batch_max", "queue_max", "bulk_queue_max", "queue_bytes_max"):
            if getattr(self, name) < 1:
                raise InvalidInput(name, getattr(self, name), "at least 1")
        for name in ("queue_seconds_max", "wait_s_target"):
            if not getattr(self, name) > 0:
                raise InvalidInput(name, getattr(self, name), "more than 0 seconds")


@dataclass(slots=True)
class Batch:
    """What to do now: run `calls` (all of one method and priority, oldest first), fail `expired`, send `refused`."""

    method: str
    bulk: bool
    calls: list[Call]
    units: int
    """Of work, over `calls`."""
    deadline: float
    """The nearest deadline of `calls`."""
    expired: list[Call]
    refused: list[Refusal]


class Batcher:
    """Waiting calls. Every call offered leaves once: refused, taken, expired or cancelled.

    The next batch is of the method whose turn has waited longest, and takes what waits of that method, callers in turn,
    up to `batch_max` or the slice; so order is kept within a method and caller, no method or caller can starve another,
    and a lone call never waits.
    """

    __slots__ = (
        "_after_bulk",
        "_bulk",
        "_costs",
        "_interactive",
        "_limiter",
        "_limits",
        "_owed_s",
        "_refuser",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits, self._costs = limits, Costs()
        self._interactive, self._bulk = Waiting(self._costs), Waiting(self._costs)
        self._limiter = Limiter(min(limits.batch_max, limits.queue_max), limits.queue_max, limits.wait_s_target)
        self._refuser = Refuser()
        self._owed_s = 0.0
        """Of its share, what bulk has not got yet."""
        self._after_bulk = False

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return self._interactive.calls + self._bulk.calls

    @property
    def waiting_bulk(self) -> int:
        """Of them, bulk."""
        return self._bulk.calls

    @property
    def waiting_bytes(self) -> int:
        """Of the requests that wait."""
        return self._interactive.bytes + self._bulk.bytes

    @property
    def pending(self) -> int:
        """Calls that wait or whose refusal is still to be sent: while there are any, somebody must `take`."""
        return self._interactive.calls + self._bulk.calls + len(self._refuser.held)

    @property
    def held(self) -> list[Refusal]:
        """Refusals that are still to be sent."""
        return list(self._refuser.held)

    @property
    def limit(self) -> int:
        """Interactive calls that may wait now."""
        return self._limiter.limit

    def offer(self, arrivals: Sequence[Call], now: float) -> list[Refusal]:
        """Admits calls in order; returns refusals to send now, each with Overloaded and when to retry.

        Refusals that must wait (refusing.py) come with a later batch.
        """
        bulk = [call for call in arrivals if call.bulk]
        interactive = [call for call in arrivals if not call.bulk] if bulk else arrivals
        limits = self._limits
        seconds, size = limits.queue_seconds_max, limits.queue_bytes_max
        refusals = self._interactive.admit(interactive, Room(self._limiter.limit, seconds, size))
        if refusals:
            self._limiter.refused(now)
        if bulk:
            refusals += self._bulk.admit(bulk, Room(limits.bulk_queue_max, seconds, size))
        if refusals or self._refuser.held:
            self._refuser.add(refusals)
            return self._refuser.due(idle=False)
        return refusals

    def take(self, now: float) -> Batch | None:
        """The next batch, or None when nothing waits. `calls` may be empty when all that was looked at has expired."""
        bulk = self._bulk_is_next()
        waiting = self._bulk if bulk else self._interactive
        if not waiting.calls:
            refused = self._refuser.due(idle=True)
            return Batch("", bulk, [], 0, math.inf, [], refused) if refused else None
        method, flows = waiting.turn()
        units_max = SLICE_S / self._costs.unit_s(method) if bulk else math.inf
        calls, expired = waiting.take(flows, now, self._limits.batch_max, units_max)
        refused = self._refuser.due(idle=False) if self._refuser.held else []
        if not calls:
            return Batch(method, bulk, [], 0, math.inf, expired, refused)
        nearest, oldest, units = math.inf, now, 0
        for call in calls:
            units += call.units
            if call.deadline < nearest:
                nearest = call.deadline
            if call.arrived < oldest:
                oldest = call.arrived
        self._after_bulk = bulk
        if not bulk:
            self._limiter.waited(now - oldest, now)
        return Batch(method, bulk, calls, units, nearest, expired, refused)

    def cancel(self, keys: set[tuple[int, int]]) -> list[Call]:
        """Takes out the calls with these (id of the responder, call id), ignoring keys that do not wait. O(waiting)."""
        return self._interactive.cancel(keys) + self._bulk.cancel(keys) + self._refuser.cancel(keys)

    def clear(self) -> list[Call]:
        """Takes everything out."""
        return self._interactive.clear() + self._bulk.clear() + self._refuser.clear()

    def ran(self, batch: Batch, seconds: float) -> None:
        """`batch`, which was taken last, has ended after `seconds`: learns from it, and keeps bulk's account."""
        self._costs.learn(batch.method, batch.units, seconds)
        self._refuser.computed(len(batch.calls))
        if not self._bulk.calls:
            self._owed_s = 0.0
        elif not batch.bulk:
            self._owed_s = min(self._owed_s + seconds * BULK_SHARE / (1.0 - BULK_SHARE), OWED_S_MAX)
        elif self._interactive.calls:
            self._owed_s = max(self._owed_s - seconds, -OWED_S_MAX)

    def seconds(self) -> float:
        """Estimated seconds of work that wait."""
        return self._interactive.seconds() + self._bulk.seconds()

    def _bulk_is_next(self) -> bool:
        """Bulk runs when nothing else waits, or when it is owed a slice and has not just had one."""
        if not (self._bulk.calls and self._interactive.calls):
            return not self._interactive.calls
        return self._owed_s >= SLICE_S and not self._after_bulk


def expired_error(call: Call, now: float) -> DeadlineExpired:
    """The failure of a call whose deadline passed while it waited."""
    return DeadlineExpired(
        f"the deadline passed {max(now - call.deadline, 0.0) * 1000:.0f} ms before the work could begin; "
        f"it had waited {max(now - call.arrived, 0.0) * 1000:.0f} ms: allow more time"
    )
