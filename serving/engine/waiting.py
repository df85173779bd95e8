"""The calls of one priority that wait, by method and caller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from serving.engine.calls import Call
from serving.engine.costs import Costs
from serving.engine.flows import Flows


class Waiting:
    """Not thread-safe. The next call is of the method whose turn has waited longest; of it, callers take turns."""

    __slots__ = ("_backlog", "_costs", "_methods", "calls")

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._methods: dict[str, Flows] = {}
        self._backlog: dict[str, int] = {}
        """Caller -> how many of his calls wait, 1 or more."""
        self.calls = 0

    def extend(self, calls: Sequence[Call], number: int) -> None:
        """Adds calls, the first one with `number`, which is above all before it."""
        methods, backlog = self._methods, self._backlog
        for number, call in enumerate(calls, number):  # noqa: B020
            flows = methods.get(call.method)
            if flows is None:
                flows = methods[call.method] = Flows()
            flows.push(number, call)
            backlog[call.caller] = backlog.get(call.caller, 0) + 1
        self.calls += len(calls)

    def turn(self) -> tuple[str, Flows]:
        """The method whose turn it is, and its calls. Something must wait."""
        _, method = min((flows.head(), method) for method, flows in self._methods.items() if flows.calls)
        return method, self._methods[method]

    def left(self, calls: Sequence[Call]) -> None:
        """These have been taken out of their flows."""
        backlog = self._backlog
        for call in calls:
            still = backlog[call.caller] - 1
            if still:
                backlog[call.caller] = still
            else:
                del backlog[call.caller]
        self.calls -= len(calls)

    def seconds(self) -> float:
        """Estimated seconds of work that wait."""
        if not self.calls:
            return 0.0
        unit_s = self._costs.unit_s
        return sum(flows.units * unit_s(method) for method, flows in self._methods.items())

    def of(self, caller: str) -> int:
        """Calls of the caller that wait."""
        return self._backlog.get(caller, 0)

    def cancel(self, keys: set[tuple[int, int]]) -> list[Call]:
        """Takes out the calls with these (id of the responder, call id), ignoring keys that do not wait. O(waiting)."""
        gone: list[Call] = []
        for flows in self._methods.values():
            gone += flows.keep(lambda call: (id(call.responder), call.call_id) not in keys)
        self.left(gone)
        return gone

    def clear(self) -> list[Call]:
        """Takes everything out."""
        rest = list(self)
        self._methods.clear()
        self._backlog.clear()
        self.calls = 0
        return rest

    def __iter__(self) -> Iterator[Call]:
        for flows in self._methods.values():
            yield from flows
