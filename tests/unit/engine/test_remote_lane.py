"""A lane that sends its batches away: bounds, deadlines, cancels, and one outcome a call whatever comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from link_laws import awaited

from serving.core.clock import NEVER, SystemClock
from serving.core.errors import DeadlineExpired, InternalError, InvalidInput, NotReady, Overloaded, WorkerUnavailable
from serving.engine.batcher import Limits
from serving.engine.calls import Size
from serving.engine.engine import Engine
from serving.engine.remote import Answers, Bundle, Host
from serving.engine.remote_lane import RemoteLane, RemoteLimits, Sent

NOW = SystemClock().monotonic
ECHO, OTHER = "/echo", "/other"
WAIT_S = 20.0


class Depot:
    """A Link whose bundles stay where they are until somebody lets one go."""

    def __init__(self) -> None:
        self.sent: list[tuple[Bundle, Future[Answers]]] = []
        self.broken: Exception | None = None
        self._came = threading.Condition()

    def send(self, bundle: Bundle) -> Future[Answers]:
        if self.broken is not None:
            raise self.broken
        future: Future[Answers] = Future()
        with self._came:
            self.sent.append((bundle, future))
            self._came.notify_all()
        return future

    def close(self) -> None: ...

    def wait(self, count: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: len(self.sent) >= count, WAIT_S), f"only {len(self.sent)} were sent"

    def echo(self, number: int) -> None:
        """Bundle `number` comes back as it went."""
        bundle, future = self.sent[number]
        future.set_result([request.payload for request in bundle.requests])

    def payloads(self) -> list[list[bytes]]:
        return [[request.payload for request in bundle.requests] for bundle, _ in self.sent]


@pytest.fixture
def depot() -> Depot:
    return Depot()


@contextmanager
def lane_to(depot: object, size: Size | None = None, call_s_max: float = 60.0, **bounds: float) -> Iterator[RemoteLane]:
    """in_flight_max, and bounds of what waits."""
    in_flight_max = int(bounds.pop("in_flight_max", 1))
    methods = {ECHO: Sent(size, repeatable=True), OTHER: Sent()}
    limits = RemoteLimits(Limits(**{"batch_max": 2} | bounds), in_flight_max, call_s_max)
    lane = RemoteLane("small", methods, depot, limits, SystemClock())  # type: ignore[arg-type]
    try:
        yield lane
    finally:
        lane.drain(0.0)


def test_a_batch_is_sent_and_answered_by_who_brings_it(depot, recorder) -> None:
    """The submitting thread computes nothing, and the lane waits for nobody."""
    with lane_to(depot) as lane:
        lane.submit([recorder.call(1, b"a"), recorder.call(2, b"b")])
        depot.wait(1)
        assert recorder.outcomes == {}
        with ThreadPoolExecutor(1, "courier") as courier:
            courier.submit(depot.echo, 0).result()
        assert (recorder.only(1), recorder.only(2)) == (b"a", b"b")
        assert recorder.threads == {"courier_0"}
    bundle = depot.sent[0][0]
    assert bundle.repeatable
    assert [request.left_s for request in bundle.requests] == [NEVER, NEVER]


def test_no_more_batches_than_allowed_are_on_their_way(depot, recorder) -> None:
    """Two of two calls are; the next goes when one is back, with all that came meanwhile."""
    with lane_to(depot, in_flight_max=2) as lane:
        lane.submit([recorder.call(number, str(number).encode()) for number in range(7)])
        depot.wait(2)
        assert lane.waiting == 7
        depot.echo(1)
        depot.wait(3)
        assert depot.payloads() == [[b"0", b"1"], [b"2", b"3"], [b"4", b"5"]]
        depot.echo(0)
        depot.wait(4)
        for number in (2, 3):
            depot.echo(number)
        recorder.wait(7)
    assert [recorder.only(number) for number in range(7)] == [str(number).encode() for number in range(7)]


def test_a_full_queue_refuses_at_once_with_a_hint(depot, recorder) -> None:
    with lane_to(depot, queue_max=2) as lane:
        lane.submit([recorder.call(1), recorder.call(2)])
        depot.wait(1)
        lane.submit([recorder.call(number) for number in range(3, 20)])
        depot.echo(0)
        depot.wait(2)
        depot.echo(1)
        recorder.wait(19)
    refused = [number for number in range(3, 20) if isinstance(recorder.only(number), Overloaded)]
    assert refused
    assert all(recorder.only(number).retry_after_s > 0 for number in refused)
    answered = [number for number in range(1, 20) if recorder.only(number) == b"x"]
    assert len(answered) == 4


def test_a_deadline_that_passes_on_the_way_fails_that_call_alone(depot, recorder) -> None:
    """The other one of its batch is answered when it comes back."""
    with lane_to(depot) as lane:
        lane.submit([recorder.call(1, b"a", deadline=NOW() + 0.05), recorder.call(2, b"b")])
        depot.wait(1)
        recorder.wait(1)
        assert isinstance(recorder.only(1), DeadlineExpired)
        assert 0 < depot.sent[0][0].requests[0].left_s <= 0.05
        depot.echo(0)
        recorder.wait(2)
    assert recorder.only(2) == b"b"
    assert lane.telemetry.methods[ECHO].errors == {"DEADLINE_EXPIRED": 1}


def test_a_batch_whose_calls_have_all_expired_is_called_back_and_makes_room(depot, recorder) -> None:
    with lane_to(depot) as lane:
        lane.submit([recorder.call(1, deadline=NOW() + 0.05)])
        depot.wait(1)
        recorder.wait(1)
        lane.submit([recorder.call(2, b"next")])
        depot.wait(2)
        assert depot.sent[0][1].cancelled()
        depot.echo(1)
        recorder.wait(2)
    assert recorder.only(2) == b"next"


def test_nobody_waits_for_ever(depot, recorder) -> None:
    """A call without a deadline, at a worker that never answers."""
    with lane_to(depot, call_s_max=0.05) as lane:
        lane.submit([recorder.call(1)])
        recorder.wait(1)
        assert isinstance(recorder.only(1), DeadlineExpired)
    assert depot.sent[0][1].cancelled()


def test_what_expires_while_it_waits_is_never_sent(depot, recorder) -> None:
    with lane_to(depot) as lane:
        lane.submit([recorder.call(1, b"first")])
        depot.wait(1)
        lane.submit([recorder.call(2, b"late", deadline=NOW()), recorder.call(3, b"good")])
        depot.echo(0)
        depot.wait(2)
        depot.echo(1)
        recorder.wait(3)
    assert isinstance(recorder.only(2), DeadlineExpired)
    assert depot.payloads() == [[b"first"], [b"good"]]


def test_a_cancelled_call_is_dropped_waiting_or_on_its_way(depot, recorder) -> None:
    """Nobody answers it any more; a batch of nothing but cancelled calls is called back, the rest of another is not."""
    with lane_to(depot) as lane:
        lane.submit([recorder.call(1), recorder.call(2, b"stays")])
        depot.wait(1)
        lane.submit([recorder.call(3), recorder.call(4)])
        lane.cancel(recorder, 1)
        lane.cancel(recorder, 3)
        lane.cancel(recorder, 99)
        awaited(lambda: lane.waiting == 2, "both are dropped")
        depot.echo(0)
        depot.wait(2)
        assert depot.payloads()[1] == [b"x"]
        lane.cancel(recorder, 4)
        lane.submit([recorder.call(5, b"after")])
        depot.wait(3)
        assert depot.sent[1][1].cancelled()
        depot.echo(2)
        recorder.wait(2)
    assert recorder.outcomes == {2: [b"stays"], 5: [b"after"]}
    assert lane.telemetry.cancelled == 3


@pytest.mark.parametrize(
    ("back", "told"),
    [
        (WorkerUnavailable("small", "has no replica at the moment"), WorkerUnavailable),
        (ValueError("a defect"), InternalError),
        ([b"one answer to two calls"], InternalError),
        ([b"answer", InvalidInput("field", 1, "2")], InvalidInput),
    ],
)
def test_whatever_comes_back_every_call_has_one_outcome(depot, recorder, back, told) -> None:
    with lane_to(depot) as lane:
        lane.submit([recorder.call(1), recorder.call(2)])
        depot.wait(1)
        future = depot.sent[0][1]
        future.set_exception(back) if isinstance(back, Exception) else future.set_result(back)
        recorder.wait(2)
        assert isinstance(recorder.only(2), told)
        lane.submit([recorder.call(3, b"goes on")])
        depot.wait(2)
        depot.echo(1)
        recorder.wait(3)
    assert recorder.only(3) == b"goes on"


def test_a_link_that_takes_nothing_fails_the_batch_and_the_lane_goes_on(depot, recorder) -> None:
    with lane_to(depot) as lane:
        depot.broken = RuntimeError("the loop is closed")
        lane.submit([recorder.call(1)])
        recorder.wait(1)
        assert isinstance(recorder.only(1), InternalError)
        depot.broken = None
        lane.submit([recorder.call(2)])
        depot.wait(1)
        depot.echo(0)
        recorder.wait(2)
    assert recorder.only(2) == b"x"


def test_methods_are_not_mixed_and_size_counts(depot, recorder) -> None:
    """Of two methods two bundles; how much work waits follows the sizes."""
    with lane_to(depot, size=Size(len, interactive_max=10)) as lane:
        calls = [recorder.call(1, b"abc"), recorder.call(2, b"d", method=OTHER)]
        lane.submit(calls)
        depot.wait(1)
        depot.echo(0)
        depot.wait(2)
        depot.echo(1)
        recorder.wait(2)
    assert [bundle.method for bundle, _ in depot.sent] == [ECHO, OTHER]
    assert [bundle.repeatable for bundle, _ in depot.sent] == [True, False]
    assert [call.units for call in calls] == [3, 1]


def test_leaving_waits_for_what_is_on_its_way(depot, recorder) -> None:
    """And fails what is not back when the time is up; later calls are told at once."""
    with lane_to(depot) as lane:
        lane.submit([recorder.call(1, b"in time")])
        depot.wait(1)
        leaving = threading.Thread(target=lane.drain, args=(WAIT_S,))
        leaving.start()
        depot.echo(0)
        leaving.join(WAIT_S)
        assert recorder.only(1) == b"in time"
        lane.submit([recorder.call(2)])
        assert isinstance(recorder.only(2), NotReady)


def test_leaving_fails_what_is_not_back(depot, recorder) -> None:
    with lane_to(depot) as lane:
        lane.submit([recorder.call(number) for number in range(4)])
        depot.wait(1)
        lane.drain(0.0)
        assert all(isinstance(recorder.only(number), NotReady) for number in range(4))
        assert depot.sent[0][1].cancelled()


def test_the_engine_knows_the_methods_of_its_workers(depot, recorder, make_route) -> None:
    """Calls, cancels, metrics and leaving reach them; a page is computed while one is away."""
    with lane_to(depot) as lane:
        engine = Engine([make_route(method="/page")], remote=[lane])
        engine.submit([recorder.call(1, b"away"), recorder.call(2, b"page", method="/page")])
        assert recorder.only(2) == b"page"
        depot.wait(1)
        families = {family.name: family for family in engine.telemetry()}
        assert families["storegate_batches_in_flight"].rows == [(("small",), 1.0)]
        assert (("small",), 1.0) in families["storegate_waiting_calls"].rows
        engine.cancel(recorder, 1)
        awaited(lambda: not engine.waiting, "it is dropped")
        engine.drain(WAIT_S)
    assert list(recorder.outcomes) == [2]
    assert depot.sent[0][1].cancelled()


def test_many_threads_one_outcome_a_call(recorder: object, make_route: Callable[..., object]) -> None:
    """Callers, a host on threads of its own, cancels and deadlines at once: nothing is answered twice or forgotten."""
    host = Host("small", [make_route(method=ECHO)], SystemClock())
    pool = ThreadPoolExecutor(3)

    class Pool:
        def send(self, bundle: Bundle) -> Future[Answers]:
            return pool.submit(host.run, bundle, NOW())

        def close(self) -> None: ...

    all_wait = {"queue_max": 5000, "queue_seconds_max": 3600.0}  # a machine that stands still for a moment refuses none
    with pool, lane_to(Pool(), in_flight_max=3, batch_max=4, **all_wait) as lane, ThreadPoolExecutor(4) as callers:

        def bring(first: int) -> None:
            for number in range(first, first + 500):
                deadline = NOW() if number % 7 == 0 else NEVER
                lane.submit([recorder.call(number, str(number).encode(), deadline=deadline)])
                if number % 11 == 0:
                    lane.cancel(recorder, number)

        list(callers.map(bring, range(0, 2000, 500)))
        lane.drain(WAIT_S)
    outcomes = recorder.outcomes
    assert all(len(each) == 1 for each in outcomes.values())
    assert {number for number in range(2000) if number % 11} <= set(outcomes)
    answered = [number for number, (outcome,) in outcomes.items() if not isinstance(outcome, DeadlineExpired)]
    assert all(recorder.only(number) == str(number).encode() for number in answered)
    assert {number for number in range(2000) if number % 7 and number % 11} <= set(answered)


def test_bulk_waits_for_those_that_somebody_waits_for(depot, recorder) -> None:
    """By its caller's word or by its size; it is sent when nothing else waits."""
    with lane_to(depot, size=Size(len, interactive_max=3)) as lane:
        lane.submit([recorder.call(0, b"0")])
        depot.wait(1)
        lane.submit([recorder.call(1, b"large", bulk=None), recorder.call(2, b"b", bulk=True), recorder.call(3, b"i")])
        for number in range(4):
            depot.wait(number + 1)
            depot.echo(number)
        recorder.wait(4)
    assert depot.payloads()[:2] == [[b"0"], [b"i"]]
    assert sorted(depot.payloads()[2:]) == [[b"b"], [b"large"]]
