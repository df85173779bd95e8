"""Whatever arrives, expires or is cancelled, at any time: every call leaves the batcher exactly once."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from serving.core.errors import Overloaded, StoregateError
from serving.engine.batcher import Batcher, Limits
from serving.engine.calls import Call

METHODS = ("/a", "/b", "/c")
CALLERS = ("", "shop", "robot")


class Nobody:
    """A responder that is never asked: the batcher answers nobody."""

    def respond(self, call_id: int, payload: bytes) -> None:
        raise AssertionError("the batcher must not respond")

    def fail(self, call_id: int, error: StoregateError) -> None:
        raise AssertionError("the batcher must not fail a call")


class AnyTraffic(RuleBasedStateMachine):
    """A model beside the batcher: the set of calls that wait, and in which order each method's were admitted."""

    @initialize(
        batch_max=st.integers(1, 5), queue_max=st.integers(1, 12), seconds=st.sampled_from([0.001, 0.01, 1.0, 1e6])
    )
    def begin(self, batch_max: int, queue_max: int, seconds: float) -> None:
        self.limits = Limits(batch_max, queue_max, seconds)
        self.batcher = Batcher(self.limits)
        self.responders = (Nobody(), Nobody())
        self.now = 100.0
        self.made = 0
        self.waiting: list[Call] = []
        self.outcomes: dict[int, str] = {}

    def leave(self, call: Call, outcome: str) -> None:
        assert call.call_id not in self.outcomes, "a second outcome"
        self.outcomes[call.call_id] = outcome

    @rule(
        calls=st.lists(
            st.tuples(st.sampled_from(METHODS), st.sampled_from(CALLERS), st.floats(-1, 5), st.integers(0, 1)),
            max_size=20,
        )
    )
    def arrive(self, calls: list[tuple[str, str, float, int]]) -> None:
        arrivals = []
        for method, caller, left_s, responder in calls:
            deadline = self.now + left_s if left_s < 4 else math.inf
            arrivals.append(Call(self.responders[responder], self.made, method, b"", deadline, self.now, caller))
            self.made += 1
        was_idle = not self.waiting
        refused = self.batcher.offer(arrivals, self.now)
        for call, error in refused:
            assert isinstance(error, Overloaded)
            assert 0 < error.retry_after_s <= 5
            self.leave(call, "refused")
        self.waiting = [call for call in self.waiting + arrivals if call.call_id not in self.outcomes]
        assert not (was_idle and arrivals and len(refused) == len(arrivals)), "an idle lane refused everything"
        left = Counter(call.caller for call in self.waiting)
        for call, _ in refused:
            above_mean = (left[call.caller] + 1) * len(left) > len(self.waiting)
            assert above_mean or left[call.caller] >= max(left.values()) - 1, "refused for another's calls"

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(took=st.floats(0, 0.1))
    def take(self, took: float) -> None:
        batch = self.batcher.take(self.now)
        assert (batch is None) == (not self.waiting), "work-conserving: something waits, so something leaves"
        if batch is None:
            return
        gone = {call.call_id for call in batch.calls + batch.expired}
        assert len(batch.calls) <= self.limits.batch_max
        same = [call for call in self.waiting if call.method == batch.method]
        assert gone <= {call.call_id for call in same}
        taken = {caller: [c.call_id for c in batch.calls if c.caller == caller] for caller in CALLERS}
        for caller, ids in taken.items():
            mine = [call.call_id for call in same if call.caller == caller]
            out = [call_id for call_id in mine if call_id in gone]
            assert out == mine[: len(out)], "oldest first within the method and caller"
            assert ids == sorted(ids)
        behind = [caller for caller in CALLERS if any(c.caller == caller and c.call_id not in gone for c in same)]
        shares = [sum(c.caller == caller and c.call_id in gone for c in same) for caller in behind]
        assert max(shares, default=0) - min(shares, default=0) <= 2, "callers who wait are served alike"
        if len(batch.calls) < self.limits.batch_max:
            assert len(gone) == len(same), "a batch that is not full leaves nobody behind"
        for call in batch.calls:
            assert call.deadline > self.now
            assert batch.deadline <= call.deadline
            self.leave(call, "run")
        for call in batch.expired:
            assert call.deadline <= self.now
            self.leave(call, "expired")
        self.waiting = [call for call in self.waiting if call.call_id not in gone]
        if batch.calls:
            self.batcher.ran(batch.method, len(batch.calls), took, self.now)

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        ids = data.draw(st.sets(st.integers(0, self.made + 2), max_size=6))
        responder = data.draw(st.sampled_from(self.responders))
        expected = [call for call in self.waiting if call.call_id in ids and call.responder is responder]
        gone = self.batcher.cancel({(id(responder), call_id) for call_id in ids})
        assert {call.call_id for call in gone} == {call.call_id for call in expected}
        for call in gone:
            self.leave(call, "cancelled")
        self.waiting = [call for call in self.waiting if call.call_id not in self.outcomes]

    @invariant()
    def bounds_hold(self) -> None:
        if not hasattr(self, "batcher"):
            return
        assert self.batcher.waiting == len(self.waiting) <= self.limits.queue_max
        assert len(self.outcomes) + len(self.waiting) == self.made
        assert self.batcher.seconds() >= 0

    def teardown(self) -> None:
        if not hasattr(self, "batcher"):
            return
        while self.waiting:
            self.take(0.0)
        assert set(self.outcomes) == set(range(self.made)), "a call was lost"


AnyTraffic.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestAnyTraffic = AnyTraffic.TestCase
