"""Whatever arrives, expires or is cancelled, at any time: every call leaves the batcher exactly once."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from serving.core.errors import Overloaded, StoregateError
from serving.engine.batcher import BULK_SHARE, OWED_S_MAX, SLICE_S, Batcher, Limits
from serving.engine.calls import Call
from serving.engine.costs import GROWTH_MAX, UNIT_S_FIRST, Costs
from serving.engine.limiter import Limiter
from serving.engine.refusing import BURST, HELD_MAX, PER_CALL, Refusal, Refuser
from serving.engine.waiting import ROOM

METHODS = ("/a", "/b", "/c")
CALLERS = ("", "shop", "robot")
UNITS_MAX = 6
BYTES_MAX = 900


class Nobody:
    """A responder that is never asked: the batcher answers nobody."""

    def respond(self, call_id: int, payload: bytes) -> None:
        raise AssertionError("the batcher must not respond")

    def fail(self, call_id: int, error: StoregateError) -> None:
        raise AssertionError("the batcher must not fail a call")


class AnyTraffic(RuleBasedStateMachine):
    """A model beside the batcher: the calls that wait, in the order of their admission, and those whose refusal is
    still to be sent."""

    @initialize(
        batch_max=st.integers(1, 5),
        queue_max=st.integers(1, 12),
        bulk_max=st.integers(1, 12),
        seconds=st.sampled_from([0.001, 0.01, 1.0, 1e6]),
        wait_s=st.sampled_from([0.001, 0.1, math.inf]),
        size=st.sampled_from([1, 1000, 1 << 20]),
    )
    def begin(self, batch_max: int, queue_max: int, bulk_max: int, seconds: float, wait_s: float, size: int) -> None:
        self.limits = Limits(batch_max, queue_max, seconds, bulk_max, wait_s, size)
        self.batcher = Batcher(self.limits)
        self.costs = Costs()
        self.responders = (Nobody(), Nobody())
        self.now = 100.0
        self.made = 0
        self.waiting: list[Call] = []
        self.held: list[Call] = []
        self.outcomes: dict[int, str] = {}
        self.slices_in_a_row = 0

    def leave(self, call: Call, outcome: str) -> None:
        assert call.call_id not in self.outcomes, "a second outcome"
        self.outcomes[call.call_id] = outcome

    def refused(self, refusals: list[Refusal]) -> None:
        """They are answered now; the batcher holds the others."""
        for call, error in refusals:
            assert isinstance(error, Overloaded)
            assert 0 < error.retry_after_s <= 5
            self.leave(call, "refused")
        self.held = [call for call, _ in self.batcher.held]

    @rule(
        calls=st.lists(
            st.tuples(
                st.sampled_from(METHODS),
                st.sampled_from(CALLERS),
                st.floats(-1, 5),
                st.integers(0, 1),
                st.sampled_from([None, False, False, True]),
                st.integers(1, UNITS_MAX),
                st.sampled_from([0, 7, BYTES_MAX]),
            ),
            max_size=20,
        )
    )
    def arrive(self, calls: list[tuple[str, str, float, int, bool | None, int, int]]) -> None:
        arrivals = []
        for method, caller, left_s, who, bulk, units, size in calls:
            deadline = self.now + left_s if left_s < 4 else math.inf
            responder = self.responders[who]
            arrivals.append(Call(responder, self.made, method, bytes(size), deadline, self.now, caller, bulk, units))
            self.made += 1
        before = list(self.waiting)
        self.refused(self.batcher.offer(arrivals, self.now))
        out = {call.call_id for call in self.held} | set(self.outcomes)
        self.waiting += [call for call in arrivals if call.call_id not in out]
        for bulk in (False, True):
            mine = [call for call in arrivals if bool(call.bulk) is bulk]
            if mine and not any(bool(call.bulk) is bulk for call in before):
                assert any(call in self.waiting for call in mine), "an idle lane refused everything"
        if len(before) == len(self.waiting) - len(arrivals):
            return
        assert len(self.waiting) > 0, "nothing waits, and yet something was refused"

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(took=st.floats(0, 0.1))
    def take(self, took: float) -> None:
        interactive = [call for call in self.waiting if not call.bulk]
        batch = self.batcher.take(self.now)
        if batch is None:
            assert not self.waiting, "work-conserving: something waits, so something leaves"
            assert not self.held, "an idle lane holds no refusal back"
            return
        self.refused(batch.refused)
        gone = {call.call_id for call in batch.calls + batch.expired}
        assert bool(gone) == bool(self.waiting), "work-conserving: something waits, so something leaves"
        if not gone:
            return
        assert len(batch.calls) <= self.limits.batch_max
        assert batch.units == sum(call.units for call in batch.calls)
        same = [call for call in self.waiting if call.method == batch.method and bool(call.bulk) is batch.bulk]
        assert gone <= {call.call_id for call in same}
        self.taken_in_turn(same, batch.calls, gone)
        if batch.bulk:
            most = int(SLICE_S / self.costs.unit_s(batch.method))
            assert len(batch.calls) <= 1 or batch.units <= most, "a slice is short, or one call"
            self.slices_in_a_row = (self.slices_in_a_row + 1) if interactive and batch.calls else 0
            assert self.slices_in_a_row <= 1, "an interactive call waits for one bulk slice at most"
        else:
            self.slices_in_a_row = 0
            if len(batch.calls) < self.limits.batch_max:
                assert len(gone) == len(same), "a batch that is not full leaves nobody behind"
        for call in batch.calls:
            assert call.deadline > self.now, "expired work is never run"
            assert batch.deadline <= call.deadline
            self.leave(call, "run")
        for call in batch.expired:
            assert call.deadline <= self.now
            self.leave(call, "expired")
        self.waiting = [call for call in self.waiting if call.call_id not in gone]
        if batch.calls:
            self.batcher.ran(batch, took)
            self.costs.learn(batch.method, batch.units, took)

    def taken_in_turn(self, same: list[Call], calls: list[Call], gone: set[int]) -> None:
        """Each caller's oldest go first, and of two callers who both still wait neither has got more work done than the
        other by more than a longest call of each (the fairness theorem of start-time fair queueing)."""
        work = []
        for caller in CALLERS:
            mine = [call for call in same if call.caller == caller]
            taken = [call for call in mine if call.call_id in gone]
            assert taken == mine[: len(taken)]
            run = [call.call_id for call in calls if call.caller == caller]
            assert run == sorted(run)
            if len(taken) < len(mine):
                work.append(sum(call.units for call in taken))
        assert max(work, default=0) - min(work, default=0) <= 2 * UNITS_MAX, "callers who wait are served alike"

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        ids = data.draw(st.sets(st.integers(0, self.made + 2), max_size=6))
        responder = data.draw(st.sampled_from(self.responders))
        known = self.waiting + self.held
        expected = [call for call in known if call.call_id in ids and call.responder is responder]
        gone = self.batcher.cancel({(id(responder), call_id) for call_id in ids})
        assert {call.call_id for call in gone} == {call.call_id for call in expected}
        for call in gone:
            self.leave(call, "cancelled")
        self.waiting = [call for call in self.waiting if call.call_id not in self.outcomes]
        self.held = [call for call in self.held if call.call_id not in self.outcomes]

    @invariant()
    def bounds_hold(self) -> None:
        if not hasattr(self, "batcher"):
            return
        bulk = sum(bool(call.bulk) for call in self.waiting)
        assert self.batcher.waiting == len(self.waiting)
        assert self.batcher.waiting_bulk == bulk <= ROOM * self.limits.bulk_queue_max
        assert len(self.waiting) - bulk <= ROOM * self.limits.queue_max
        assert self.batcher.pending == len(self.waiting) + len(self.held)
        assert len(self.outcomes) + len(self.waiting) + len(self.held) == self.made
        assert self.batcher.seconds() >= 0
        sizes = {
            kind: sum(len(call.payload) for call in self.waiting if bool(call.bulk) is kind) for kind in (True, False)
        }
        assert self.batcher.waiting_bytes == sum(sizes.values())
        assert max(sizes.values()) <= max(ROOM * self.limits.queue_bytes_max, BYTES_MAX), "one call alone may be larger"
        assert not any(call.payload for call in self.held), "what is refused is not kept"
        assert 1 <= self.batcher.limit <= self.limits.queue_max

    def teardown(self) -> None:
        if not hasattr(self, "batcher"):
            return
        while self.waiting or self.held:
            self.take(0.0)
        assert set(self.outcomes) == set(range(self.made)), "a call was lost"


AnyTraffic.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
TestAnyTraffic = AnyTraffic.TestCase


@settings(max_examples=50)
@given(took=st.lists(st.floats(1e-4, 0.05), min_size=20, max_size=80), slice_s=st.floats(1e-4, 0.005))
def test_bulk_is_not_starved(took: list[float], slice_s: float) -> None:
    """Interactive calls wait at every moment, and yet bulk gets its share of the time, but for what it is still owed
    (never more than OWED_S_MAX), and for what a batch may hold it up."""
    batcher = Batcher(Limits(batch_max=1, queue_max=1000, bulk_queue_max=1000))
    for number in range(80):
        batcher.offer([Call(Nobody(), number, "/i", b""), Call(Nobody(), 100 + number, "/b", b"", bulk=True)], 0.0)
    got = {False: 0.0, True: 0.0}
    for interactive_s in took:
        batch = batcher.take(0.0)
        assert batch is not None
        seconds = slice_s if batch.bulk else interactive_s
        batcher.ran(batch, seconds)
        got[batch.bulk] += seconds
    entitled = got[False] * BULK_SHARE / (1 - BULK_SHARE)
    assert got[True] <= entitled + slice_s, "and no more than its share"
    if slice_s >= SLICE_S and max(took) * BULK_SHARE / (1 - BULK_SHARE) <= SLICE_S:
        assert got[True] >= entitled - OWED_S_MAX


@given(
    low=st.integers(1, 50),
    above=st.integers(0, 500),
    target=st.floats(1e-3, 1),
    steps=st.lists(st.tuples(st.floats(0, 3), st.booleans(), st.floats(0, 0.2)), max_size=60),
)
def test_the_limit_stays_within_its_bounds(
    low: int, above: int, target: float, steps: list[tuple[float, bool, float]]
) -> None:
    """Whatever is measured; it shrinks only after a long wait, and grows only where it was felt or all is quiet."""
    limiter, now, refused_at = Limiter(low, low + above, target), 0.0, -math.inf
    for delay, refused, pause in steps:
        now += pause
        if refused:
            limiter.refused(now)
            refused_at = now
        before = limiter.limit
        limiter.waited(delay, now)
        assert low <= limiter.limit <= low + above
        if limiter.limit < before:
            assert delay > target
        if limiter.limit > before:
            assert delay <= target
            assert refused or now > refused_at


@given(steps=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 64)), max_size=40))
def test_refusals_are_paid_for_and_none_is_lost(steps: list[tuple[int, int]]) -> None:
    """Beyond the burst no more are sent than computed calls pay for, in order, until nothing else is to be done."""
    refuser, made, sent, computed = Refuser(), 0, [], 0
    error = Overloaded("full", 0.1)
    for refused, calls in steps:
        refuser.add([(Call(Nobody(), made + number, "/m", b""), error) for number in range(refused)])
        made += refused
        sent += refuser.due(idle=False)
        refuser.computed(calls)
        computed += calls
        assert len(refuser.held) <= HELD_MAX
        assert len(sent) <= BURST + PER_CALL * computed or len(refuser.held) == HELD_MAX
    while refuser.held:
        sent += refuser.due(idle=True)
    assert [call.call_id for call, _ in sent] == list(range(made))


@given(seconds=st.lists(st.floats(0, 1e3), max_size=50))
def test_one_batch_teaches_little(seconds: list[float]) -> None:
    """An estimate stays above nothing, and no batch raises it by more than a third."""
    costs = Costs()
    assert costs.unit_s("/m") == UNIT_S_FIRST
    for took in seconds:
        before = costs.unit_s("/m")
        costs.learn("/m", 3, took)
        assert 0 < costs.unit_s("/m") <= before * (1 + 0.1 * (GROWTH_MAX - 1)) * (1 + 1e-9)
