"""The calls of one priority that wait, by method and caller, and who may join them.

A caller may fill only part of the room that others leave: dynamic thresholds with a factor of a half. Choudhury, Hahne
1998, "Dynamic queue length thresholds for shared-memory packet switches".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from serving.core.errors import Overloaded
from serving.engine.calls import Call
from serving.engine.costs import Costs
from serving.engine.flows import Flows
from serving.engine.refusing import Refusal

ROOM = 3
"""Of what a caller alone may have waiting: then half of what is left is just that."""
RETRY_S_MIN, RETRY_S_MAX = 0.01, 5.0
NOTHING = (0, 0)
"""What waits of a caller of whom nothing does: calls and bytes."""


class Room(NamedTuple):
    """What may wait of one caller who is alone."""

    calls: int
    seconds: float
    bytes: int


class Waiting:
    """Not thread-safe. The next call is of the method whose turn has waited longest; of it, callers take turns."""

    __slots__ = ("_admitted", "_backlog", "_costs", "_methods", "bytes", "calls")

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._methods: dict[str, Flows] = {}
        self._backlog: dict[str, list[int]] = {}
        """Caller -> how many of his calls wait, 1 or more, and of how many bytes."""
        self._admitted = 0
        self.calls = 0
        self.bytes = 0

    def admit(self, arrivals: Sequence[Call], room: Room) -> list[Refusal]:
        """Admits calls in order; returns those that are beyond the bounds, without their payloads.

        A caller may have half as many calls waiting as there is room left, and seconds and bytes likewise: alone
        `room.calls`, among four who want all of it half as many each; who asks for little finds room whatever others
        do.
        """
        calls_room, seconds_room, bytes_room = ROOM * room.calls, ROOM * room.seconds, ROOM * room.bytes
        seconds, unit_s = self.seconds(), self._costs.unit_s
        seconds_most = seconds + self._costs.unit_s_most * sum([call.units for call in arrivals])
        bytes_most = self.bytes + sum([len(call.payload) for call in arrivals])
        if (
            ROOM * (self.calls + len(arrivals)) <= calls_room
            and ROOM * seconds_most <= seconds_room
            and ROOM * bytes_most <= bytes_room
        ):
            self._push(arrivals)  # there is room for all, whoever they are
            return []
        refusals: list[Refusal] = []
        error: Overloaded | None = None
        for call in arrivals:
            calls, (mine, my_bytes) = self.calls, self._backlog.get(call.caller, NOTHING)
            # An idle lane admits whatever the estimate says: otherwise one slow batch could close it for good.
            if calls and (
                2 * mine >= calls_room - calls
                or 2 * seconds * mine / calls >= seconds_room - seconds
                or 2 * my_bytes + len(call.payload) > bytes_room - self.bytes
            ):
                error = error or overloaded(calls, seconds)  # one for all: a flood must be cheap to refuse
                refusals.append((call, error))
                call.payload = b""  # a refusal may be held back: what was sent need not be
                continue
            self._push((call,))
            seconds += call.units * unit_s(call.method)
        return refusals

    def turn(self) -> tuple[str, Flows]:
        """The method whose turn it is, and its calls. Something must wait."""
        first: tuple[str, Flows] | None = None
        for method, flows in self._methods.items():
            if flows.calls and (first is None or flows.head() < first[1].head()):
                first = method, flows
        assert first is not None
        return first

    def take(self, flows: Flows, now: float, calls_max: int, units_max: float) -> tuple[list[Call], list[Call]]:
        """(calls to run, expired ones), both taken out; as `Flows.take`."""
        calls, expired = flows.take(now, calls_max, units_max)
        self._left(calls)
        if expired:
            self._left(expired)
        return calls, expired

    def seconds(self) -> float:
        """Estimated seconds of work that wait."""
        if not self.calls:
            return 0.0
        unit_s = self._costs.unit_s
        return sum(flows.units * unit_s(method) for method, flows in self._methods.items())

    def cancel(self, keys: set[tuple[int, int]]) -> list[Call]:
        """Takes out the calls with these (id of the responder, call id), ignoring keys that do not wait. O(waiting)."""
        gone: list[Call] = []
        for flows in self._methods.values():
            gone += flows.keep(lambda call: (id(call.responder), call.call_id) not in keys)
        self._left(gone)
        return gone

    def clear(self) -> list[Call]:
        """Takes everything out."""
        rest = list(self)
        self._methods.clear()
        self._backlog.clear()
        self.calls = self.bytes = 0
        return rest

    def __iter__(self) -> Iterator[Call]:
        for flows in self._methods.values():
            yield from flows

    def _push(self, calls: Sequence[Call]) -> None:
        methods, backlog = self._methods, self._backlog
        for call in calls:
            flows = methods.get(call.method)
            if flows is None:
                flows = methods[call.method] = Flows()
            self._admitted += 1
            flows.push(self._admitted, call)
            size, mine = len(call.payload), backlog.get(call.caller)
            if mine is None:
                backlog[call.caller] = [1, size]
            else:
                mine[0] += 1
                mine[1] += size
            self.bytes += size
        self.calls += len(calls)

    def _left(self, calls: Sequence[Call]) -> None:
        backlog = self._backlog
        for call in calls:
            size, mine = len(call.payload), backlog[call.caller]
            self.bytes -= size
            if mine[0] > 1:
                mine[0] -= 1
                mine[1] -= size
            else:
                del backlog[call.caller]
        self.calls -= len(calls)


def overloaded(waiting: int, seconds: float) -> Overloaded:
    """The refusal, with the time after which what waits now should be done."""
    retry_s = min(max(seconds, RETRY_S_MIN), RETRY_S_MAX)
    return Overloaded(
        f"{waiting} calls wait already (about {seconds:.3g} s of work): retry in {retry_s:.2f} s", retry_s
    )
