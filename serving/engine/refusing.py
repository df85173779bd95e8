"""When refusals are sent: soon, but never so many that sending them takes the time of those who are served.

A refusal costs much less than a recommendation, and most of that in HTTP/2. Callers who ask again
at once when they are refused, whatever the retry hint says, could so take most of the capacity for being refused. So
beyond a burst refusals are paid for by computed calls, and those that cannot be paid for yet are held: their callers
get the wait that they did not keep themselves. An idle lane holds none. No clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from serving.core.errors import StoregateError
from serving.engine.calls import Call

PER_CALL = 1
"""Refusals that a computed call pays for."""
BURST = 256
"""Refusals that may be sent at once when none has been for a while."""
HELD_MAX = 8192
"""More are sent at once, paid for or not."""

Refusal = tuple[Call, StoregateError]


class Refuser:
    """Refusals that are decided and not sent yet."""

    __slots__ = ("_credit", "held")

    def __init__(self) -> None:
        self.held: deque[Refusal] = deque()
        """Oldest first; to be read only."""
        self._credit = BURST

    def add(self, refusals: Sequence[Refusal]) -> None:
        """Takes refusals in order; their payloads are let go, so that what is held is small."""
        for call, _ in refusals:
            call.payload = b""
        self.held += refusals

    def computed(self, calls: int) -> None:
        """A batch of so many calls has run."""
        if self._credit < BURST:
            self._credit = min(self._credit + PER_CALL * calls, BURST)

    def due(self, idle: bool) -> list[Refusal]:
        """What is to be sent now. idle: nothing waits to be computed, so that there is time."""
        held = self.held
        count = len(held)
        if idle:
            count = min(count, BURST)  # and then a look at what has arrived
        else:
            count = max(min(count, self._credit), count - HELD_MAX)
            self._credit = max(self._credit - count, 0)
        return [held.popleft() for _ in range(count)]

    def cancel(self, keys: set[tuple[int, int]]) -> list[Call]:
        """Takes out the calls with these (id of the responder, call id). O(held)."""
        gone = [call for call, _ in self.held if (id(call.responder), call.call_id) in keys]
        if gone:
            self.held = deque(entry for entry in self.held if (id(entry[0].responder), entry[0].call_id) not in keys)
        return gone

    def clear(self) -> list[Call]:
        """Takes everything out."""
        rest = [call for call, _ in self.held]
        self.held.clear()
        return rest
