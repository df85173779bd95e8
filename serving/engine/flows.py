"""The calls of one method that wait, one queue a caller, taken so that no caller gets more than its share.

Start-time fair queueing, a call being as long as its units of work: Goyal, Vin, Cheng 1997, "Start-time fair queueing:
a scheduling algorithm for integrated services packet switching networks", section 2. Of one caller's calls the oldest
goes first; a caller alone has a plain queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from serving.engine.calls import Call

Entry = tuple[int, int, Call]
"""(start tag, number of the admission, call)"""


class Flows:
    """Not thread-safe. Memory is that of the calls that wait: a caller is forgotten when none of his does."""

    __slots__ = ("_finish", "_flows", "_heads", "_virtual", "calls", "units")

    def __init__(self) -> None:
        self._flows: dict[str, deque[Entry]] = {}
        self._finish: dict[str, int] = {}
        self._heads: list[tuple[int, int, str]] = []
        """A heap of (tag, number, caller) of the queues' first calls; what stands for one that has gone is skipped."""
        self._virtual = 0
        self.calls = 0
        self.units = 0

    def push(self, number: int, call: Call) -> None:
        """Adds a call with a number above all before it. O(log callers)."""
        caller = call.caller
        flow = self._flows.get(caller)
        if flow is None:
            flow = self._flows[caller] = deque()
            start = self._virtual
        else:
            start = self._finish[caller]
        self._finish[caller] = start + call.units
        flow.append((start, number, call))
        if len(flow) == 1:
            heappush(self._heads, (start, number, caller))
        self.calls += 1
        self.units += call.units

    def take(self, now: float, calls_max: int, units_max: float) -> tuple[list[Call], list[Call]]:
        """Takes out what is to run, at most so much (but one call whatever its units), and what expired before it.
        O(log callers) a call."""
        calls: list[Call] = []
        expired: list[Call] = []
        while self.calls and len(calls) < calls_max:
            caller = self._first()[2]
            call = self._flows[caller][0][2]
            if call.deadline <= now:
                self._pop(caller)
                expired.append(call)
                continue
            units_max -= call.units
            if units_max < 0 and calls:
                break
            self._pop(caller)
            calls.append(call)
        return calls, expired

    def head(self) -> int:
        """Number of the call whose turn it is. Something must wait."""
        return self._first()[1]

    def keep(self, wanted: Callable[[Call], bool]) -> list[Call]:
        """Takes out and returns the calls that are not wanted. O(waiting)."""
        gone: list[Call] = []
        for caller, flow in list(self._flows.items()):
            kept = deque(entry for entry in flow if wanted(entry[2]))
            if len(kept) == len(flow):
                continue
            gone += [entry[2] for entry in flow if not wanted(entry[2])]
            if kept:
                self._flows[caller] = kept
            else:
                del self._flows[caller], self._finish[caller]
        if gone:
            self.calls -= len(gone)
            self.units -= sum(call.units for call in gone)
            self._heads = sorted((flow[0][0], flow[0][1], caller) for caller, flow in self._flows.items())
        return gone

    def __iter__(self) -> Iterator[Call]:
        """All that wait, a caller's oldest first."""
        for flow in self._flows.values():
            for entry in flow:
                yield entry[2]

    def _pop(self, caller: str) -> None:
        """Takes out the caller's first call, which is at the top of the heap."""
        heappop(self._heads)
        flow = self._flows[caller]
        self._virtual, _, call = flow.popleft()
        self.calls -= 1
        self.units -= call.units
        if flow:
            heappush(self._heads, (flow[0][0], flow[0][1], caller))
        else:
            del self._flows[caller], self._finish[caller]

    def _first(self) -> tuple[int, int, str]:
        """The top of the heap, after what has gone was thrown away."""
        heads, flows = self._heads, self._flows
        while True:
            top = heads[0]
            flow = flows.get(top[2])
            if flow and flow[0][1] == top[1]:
                return top
            heappop(heads)
