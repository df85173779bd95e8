"""The engine with real threads: one outcome a call, isolation of errors, handing over, leaving."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from serving.core.clock import SystemClock
from serving.core.errors import (
    DeadlineExpired,
    InternalError,
    InvalidInput,
    NotReady,
    Overloaded,
    PayloadTooLarge,
    StoreUnavailable,
    UnknownMethod,
)
from serving.engine.batcher import Limits
from serving.engine.calls import Lane, Size, Turn
from serving.engine.engine import Engine, EngineParams
from serving.engine.lane import WorkLane
from serving.engine.load import Work
from serving.engine.telemetry import Histogram

NOW = SystemClock().monotonic


@contextmanager
def running(*routes: Any, **params: Any) -> Iterator[Engine]:
    engine = Engine(routes, EngineParams(**params))
    try:
        yield engine
    finally:
        engine.drain(5.0)


class Gate:
    """A run that stands still until it is let go, and tells when it has begun."""

    def __init__(self) -> None:
        self.began, self.go = threading.Event(), threading.Event()
        self.batches: list[list[Any]] = []

    def run(self, queries: Sequence[Any], turn: Turn) -> list[Any]:
        self.batches.append(list(queries))
        self.began.set()
        assert self.go.wait(20)
        return list(queries)


def test_a_lone_call_is_computed_on_the_thread_that_brought_it(recorder, make_route) -> None:
    """No hop: when submit returns the answer is there, given by this very thread."""
    with running(make_route()) as engine:
        engine.submit([recorder.call(1, b"hello")])
        assert recorder.only(1) == b"hello"
        assert recorder.threads == {threading.current_thread().name}


def test_calls_submitted_together_run_as_one_batch_capped(recorder, make_route) -> None:
    """Seven calls with batch_max 3 run as 3 + 3 + 1, in order."""
    batches: list[list[Any]] = []

    def run(queries: Sequence[Any], turn: Turn) -> list[Any]:
        batches.append(list(queries))
        return list(queries)

    with running(make_route(run), limits=Limits(batch_max=3)) as engine:
        engine.submit([recorder.call(number, str(number).encode()) for number in range(7)])
        recorder.wait(7)
    assert batches == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


def test_what_arrives_during_a_batch_is_the_next_batch_on_the_lanes_own_thread(recorder, make_route) -> None:
    """The caller that holds the lane is not kept for calls that came later; they form one batch."""
    gate = Gate()
    with running(make_route(gate.run)) as engine:
        first = threading.Thread(target=engine.submit, args=([recorder.call(0, b"0")],), name="first")
        first.start()
        assert gate.began.wait(20)
        for number in (1, 2, 3):
            engine.submit([recorder.call(number, str(number).encode())])
        gate.go.set()
        first.join(20)
        recorder.wait(4)
    assert gate.batches == [["0"], ["1", "2", "3"]]
    assert recorder.threads == {"first", "storegate-engine"}


def test_a_bad_payload_fails_alone(recorder, make_route) -> None:
    """Its neighbours in the batch are answered."""

    def decode(payload: bytes) -> str:
        if payload == b"bad":
            raise InvalidInput("page_size", -1, "0 to 100")
        return payload.decode()

    with running(make_route(decode=decode)) as engine:
        engine.submit([recorder.call(1, b"a"), recorder.call(2, b"bad"), recorder.call(3, b"c")])
        assert isinstance(recorder.only(2), InvalidInput)
        assert (recorder.only(1), recorder.only(3)) == (b"a", b"c")


def test_a_defect_fails_the_poisonous_call_alone_and_is_logged(recorder, make_route, caplog) -> None:
    """An exception in the batch: the queries run one by one; the culprit gets a reference that stands in the log."""

    def run(queries: Sequence[Any], turn: Turn) -> list[Any]:
        return [1 // (query != "poison") and query for query in queries]

    with running(make_route(run)) as engine, caplog.at_level(logging.ERROR):
        engine.submit([recorder.call(1, b"a"), recorder.call(2, b"poison"), recorder.call(3, b"c")])
        error = recorder.only(2)
        assert isinstance(error, InternalError)
        assert "ZeroDivisionError" not in error.message
        assert error.facts["reference"] in caplog.text
        assert "ZeroDivisionError" in caplog.text
        assert (recorder.only(1), recorder.only(3)) == (b"a", b"c")
        engine.submit([recorder.call(4, b"after")])
        assert recorder.only(4) == b"after"


def test_a_run_that_forgets_an_answer_is_a_defect(recorder, make_route) -> None:
    """Fewer answers than queries never shift answers to the wrong caller."""

    def run(queries: Sequence[Any], turn: Turn) -> list[Any]:
        return [query for query in queries if query != "lost"]

    with running(make_route(run)) as engine:
        engine.submit([recorder.call(1, b"lost"), recorder.call(2, b"b")])
        assert isinstance(recorder.only(1), InternalError)
        assert recorder.only(2) == b"b"


def test_an_error_among_the_answers_goes_to_its_call(recorder, make_route) -> None:
    """Route.run may answer a query with a StoregateError."""

    def run(queries: Sequence[Any], turn: Turn) -> list[Any]:
        return [StoreUnavailable("timeout") if query == "w" else query for query in queries]

    with running(make_route(run)) as engine:
        engine.submit([recorder.call(1, b"w"), recorder.call(2, b"b")])
        assert isinstance(recorder.only(1), StoreUnavailable)
        assert recorder.only(2) == b"b"


def test_an_encoder_that_fails_is_a_defect_of_that_call(recorder, make_route) -> None:
    """The neighbours are answered."""

    def encode(answer: str) -> bytes:
        return answer.encode("ascii")

    with running(make_route(encode=encode)) as engine:
        engine.submit([recorder.call(1, "é".encode()), recorder.call(2, b"b")])
        assert isinstance(recorder.only(1), InternalError)
        assert recorder.only(2) == b"b"


def test_calls_that_cannot_be_taken_are_refused_at_the_door(recorder, make_route) -> None:
    """Unknown method, too many bytes, a deadline already past: each its own error, nothing computed."""
    batches: list[Any] = []

    def run(queries: Sequence[Any], turn: Turn) -> list[Any]:
        batches.append(queries)
        return list(queries)

    with running(make_route(run), payload_bytes_max=1024) as engine:
        engine.submit(
            [
                recorder.call(1, method="/no/such"),
                recorder.call(2, b"x" * 1025),
                recorder.call(3, deadline=NOW() - 0.001),
            ]
        )
    assert isinstance(recorder.only(1), UnknownMethod)
    assert isinstance(recorder.only(2), PayloadTooLarge)
    assert isinstance(recorder.only(3), DeadlineExpired)
    assert batches == []


def test_a_flood_is_refused_while_others_are_served(recorder, make_route) -> None:
    """Beyond the queue: Overloaded with a retry hint, at once, even while a batch runs; all admitted are answered."""
    gate = Gate()
    with running(make_route(gate.run), limits=Limits(batch_max=4, queue_max=8)) as engine:
        holder = threading.Thread(target=engine.submit, args=([recorder.call(0)],))
        holder.start()
        assert gate.began.wait(20)
        engine.submit([recorder.call(number) for number in range(1, 21)])
        recorder.wait(12)
        gate.go.set()
        holder.join(20)
        recorder.wait(21)
    outcomes = [recorder.only(number) for number in range(21)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Overloaded)]
    assert len(refused) == 12
    assert all(error.retry_after_s > 0 for error in refused)
    assert outcomes[:9] == [b"x"] * 9


def test_interactive_calls_go_before_bulk_which_runs_in_slices(recorder, make_route) -> None:
    """Bulk by its own word or by its size; what says that it is interactive is, whatever its size."""
    gate = Gate()
    size = Size(lambda payload: len(payload), interactive_max=2)
    with running(make_route(gate.run, size=size)) as engine:
        holder = threading.Thread(target=engine.submit, args=([recorder.call(0, b"0")],))
        holder.start()
        assert gate.began.wait(20)
        bulk = [recorder.call(number, b"b", bulk=True) for number in range(1, 7)]
        large, said = recorder.call(7, b"big"), recorder.call(8, b"said", bulk=False)
        engine.submit([*bulk, large, said, recorder.call(9, b"i")])
        gate.go.set()
        holder.join(20)
        recorder.wait(10)
    assert gate.batches[:2] == [["0"], ["said", "i"]]
    slices = gate.batches[2:]
    assert len(slices) > 1
    assert [query for batch in slices for query in batch] == ["b"] * 6 + ["big"]


def test_expired_bulk_is_not_computed_between_slices(recorder, make_route) -> None:
    """The first slice takes longer than the deadline of the second."""
    first, batches = threading.Event(), []

    def run(queries: Sequence[Any], turn: Turn) -> list[Any]:
        batches.append(list(queries))
        while len(batches) == 1 and NOW() < deadline:
            first.wait(0.01)
        return list(queries)

    with running(make_route(run), limits=Limits(batch_max=1)) as engine:
        deadline = NOW() + 0.05
        calls = [recorder.call(1, b"1", bulk=True), recorder.call(2, b"2", bulk=True, deadline=deadline)]
        engine.submit(calls)
        recorder.wait(2)
    assert batches == [["1"]]
    assert isinstance(recorder.only(2), DeadlineExpired)


def test_a_caller_that_comes_back_sees_new_calls_after_every_batch(recorder, make_route) -> None:
    """A front's thread computes one batch and looks again, so that nothing waits in the front behind several."""
    batches: list[list[Any]] = []

    def run(queries: Sequence[Any], turn: Turn) -> list[Any]:
        batches.append(list(queries))
        return list(queries)

    with running(make_route(run), limits=Limits(batch_max=2)) as engine:
        assert engine.submit([recorder.call(number, str(number).encode()) for number in range(4)], returning=True)
        assert batches == [["0", "1"]]
        assert engine.submit([recorder.call(4, b"4")], returning=True)
        assert not engine.submit([], returning=True)
        assert recorder.threads == {threading.current_thread().name}
    assert batches == [["0", "1"], ["2", "3"], ["4"]]


def test_what_a_caller_leaves_when_it_does_not_come_back_is_done_by_the_lane(recorder, make_route) -> None:
    """As a front does that is closed with work left."""
    with running(make_route(), limits=Limits(batch_max=1)) as engine:
        assert engine.submit([recorder.call(number) for number in range(5)], returning=True)
        engine.submit([])
        recorder.wait(5)


def test_the_lane_leaves_its_work_to_a_thread_that_comes_back(recorder, make_route) -> None:
    """One HTTP call in a flood over gRPC must not put two threads to work: the lane's own computes its batch, and then
    the front's thread goes on."""
    own, front, threads = threading.Event(), threading.Event(), []

    def run(queries: Sequence[Any], turn: Turn) -> list[Any]:
        threads.append(threading.current_thread().name)
        if threads[-1] == "storegate-lane":
            own.set()
            assert front.wait(20)
        return list(queries)

    lane = WorkLane("lane", [make_route(run)], Limits(batch_max=1), SystemClock(), combining=True)

    def come_back() -> None:
        while lane.submit([], returning=True):
            pass

    lane.submit([recorder.call(number) for number in range(10)])
    assert own.wait(20)
    thread = threading.Thread(target=come_back, name="front")
    thread.start()
    while not lane.attended:
        pass  # bounded by the test's timeout
    front.set()
    thread.join(20)
    assert threads == [threading.current_thread().name, "storegate-lane", *["front"] * 8]
    lane.drain(5.0)


def test_refusals_beyond_what_is_paid_for_are_sent_when_nothing_else_is_to_be_done(recorder, make_route) -> None:
    """A thousand calls where one may wait: all are answered or refused once, 256 at once, the rest in the end."""
    gate = Gate()
    with running(make_route(gate.run), limits=Limits(batch_max=1, queue_max=1)) as engine:
        holder = threading.Thread(target=engine.submit, args=([recorder.call(0)],))
        holder.start()
        assert gate.began.wait(20)
        engine.submit([recorder.call(number) for number in range(1, 1000)])
        assert len(recorder.outcomes) == 256
        assert dict(next(f for f in engine.telemetry() if f.name == "storegate_held_refusals").rows) == {(): 742.0}
        engine.cancel(recorder, 999)
        gate.go.set()
        holder.join(20)
        recorder.wait(999)
    assert all(isinstance(recorder.only(number), Overloaded) for number in range(2, 999))
    assert 999 not in recorder.outcomes, "cancelled: it costs nothing more"


def test_a_cancelled_call_that_waits_is_never_computed(recorder, make_route) -> None:
    """It has no outcome, and its neighbours have theirs."""
    gate = Gate()
    with running(make_route(gate.run)) as engine:
        holder = threading.Thread(target=engine.submit, args=([recorder.call(0, b"0")],))
        holder.start()
        assert gate.began.wait(20)
        engine.submit([recorder.call(1, b"1"), recorder.call(2, b"2")])
        engine.cancel(recorder, 1)
        engine.cancel(recorder, 99)
        gate.go.set()
        holder.join(20)
        recorder.wait(2)
    assert gate.batches == [["0"], ["2"]]
    assert 1 not in recorder.outcomes


def test_writes_that_wait_are_committed_together_on_the_writers_thread(recorder, make_route) -> None:
    """Group commit: while the first write waits for its store, the others gather; the engine's lane is not held up."""
    gate = Gate()
    routes = (make_route(gate.run, "/write", Lane.WRITER), make_route())
    with running(*routes) as engine:
        engine.submit([recorder.call(0, b"0", "/write")])
        assert gate.began.wait(20)
        for number in (1, 2, 3):
            engine.submit([recorder.call(number, str(number).encode(), "/write")])
        engine.submit([recorder.call(9, b"read")])
        assert recorder.only(9) == b"read"
        gate.go.set()
        recorder.wait(5)
    assert gate.batches == [["0"], ["1", "2", "3"]]
    assert "storegate-writer" in recorder.threads


def test_an_import_keeps_no_write_waiting(recorder, make_route) -> None:
    """It may take minutes; events go on meanwhile, a second import waits its turn, a crowd of them is refused."""
    gate = Gate()
    routes = (make_route(gate.run, "/import", Lane.IMPORTER), make_route(method="/write", lane=Lane.WRITER))
    with running(*routes) as engine:
        engine.submit([recorder.call(0, b"0", "/import")])
        assert gate.began.wait(20)
        engine.submit([recorder.call(number, b"1", "/import") for number in range(1, 7)])
        engine.submit([recorder.call(9, b"w", "/write")])
        recorder.wait(3)
        assert recorder.only(9) == b"w"
        assert [number for number in range(7) if number in recorder.outcomes] == [5, 6]
        assert engine.healthy(NOW() + 60)
        gate.go.set()
        recorder.wait(8)
    assert gate.batches == [["0"], *[["1"]] * 4]


def test_a_writer_that_hangs_refuses_beyond_its_queue_and_leaves_the_engine_healthy(recorder, make_route) -> None:
    """A store that does not answer must not make Ray restart the replica, nor eat memory."""
    gate = Gate()
    routes = (make_route(gate.run, "/write", Lane.WRITER), make_route())
    with running(*routes, writer=Limits(queue_max=3), stalled_s_max=5.0) as engine:
        engine.submit([recorder.call(0, b"0", "/write")])
        assert gate.began.wait(20)
        engine.submit([recorder.call(number, b"w", "/write") for number in range(1, 8)])
        recorder.wait(4)
        assert engine.healthy(NOW() + 60)
        gate.go.set()
        recorder.wait(8)
    assert sum(isinstance(recorder.only(number), Overloaded) for number in range(8)) == 4


def test_a_batch_that_does_not_end_makes_the_engine_unhealthy(recorder, make_route) -> None:
    """The heartbeat: healthy when idle at any time, unhealthy once a turn runs longer than the limit, healthy after."""
    gate = Gate()
    with running(make_route(gate.run), stalled_s_max=10.0) as engine:
        assert engine.healthy(NOW() + 1e6)
        holder = threading.Thread(target=engine.submit, args=([recorder.call(0)],))
        holder.start()
        assert gate.began.wait(20)
        assert engine.healthy(NOW())
        assert not engine.healthy(NOW() + 11)
        gate.go.set()
        holder.join(20)
        assert engine.healthy(NOW() + 11)


def test_drain_finishes_what_waits_then_refuses(recorder, make_route) -> None:
    """Leaving: calls that are in are answered, later ones get NotReady, the threads end."""
    others = set(threading.enumerate())
    gate = Gate()
    engine = Engine([make_route(gate.run), make_route(method="/write", lane=Lane.WRITER)])
    names = {thread.name for thread in set(threading.enumerate()) - others}
    assert names >= {"storegate-engine", "storegate-writer"}
    holder = threading.Thread(target=engine.submit, args=([recorder.call(0, b"0")],))
    holder.start()
    assert gate.began.wait(20)
    engine.submit([recorder.call(1, b"1"), recorder.call(2, b"2", "/write")])
    leaving = threading.Thread(target=engine.drain, args=(20.0,))
    leaving.start()
    gate.go.set()
    leaving.join(20)
    holder.join(20)
    engine.submit([recorder.call(3), recorder.call(4, method="/write")])
    assert [recorder.only(number) for number in range(3)] == [b"0", b"1", b"2"]
    assert isinstance(recorder.only(3), NotReady)
    assert isinstance(recorder.only(4), NotReady)
    assert not set(threading.enumerate()) - others
    engine.drain(0.0)


def test_drain_without_grace_fails_what_waits(recorder, make_route) -> None:
    """When the time is up, waiting calls are failed with NotReady instead of being forgotten."""
    gate = Gate()
    engine = Engine([make_route(gate.run)])
    holder = threading.Thread(target=engine.submit, args=([recorder.call(0, b"0")],))
    holder.start()
    assert gate.began.wait(20)
    engine.submit([recorder.call(1)])
    leaving = threading.Thread(target=engine.drain, args=(0.0,))
    leaving.start()
    recorder.wait(1)
    gate.go.set()
    leaving.join(20)
    holder.join(20)
    recorder.wait(2)
    assert recorder.only(0) == b"0"
    assert isinstance(recorder.only(1), NotReady)


def test_many_threads_lose_nobody(recorder, make_route) -> None:
    """Eight threads, two lanes, cancels, expiries, poison and floods at once: exactly one outcome for every call."""

    def run(queries: Sequence[Any], turn: Turn) -> list[Any]:
        if "poison" in queries:
            raise RuntimeError("poison")
        return list(queries)

    routes = (make_route(run), make_route(run, "/write", Lane.WRITER))
    per_thread, threads = 600, 8
    logging.disable(logging.ERROR)
    try:
        with running(*routes, limits=Limits(batch_max=8, queue_max=64), writer=Limits(queue_max=64)) as engine:

            def flood(base: int) -> None:
                for start in range(base, base + per_thread, 3):
                    calls = [
                        recorder.call(
                            number,
                            b"poison" if number % 97 == 0 else b"x",
                            "/write" if number % 5 == 0 else "/echo",
                            NOW() + (0.0 if number % 11 == 0 else 20.0),
                        )
                        for number in range(start, start + 3)
                    ]
                    engine.submit(calls)

            workers = [threading.Thread(target=flood, args=(index * per_thread,)) for index in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(60)
            recorder.wait(per_thread * threads)
    finally:
        logging.disable(logging.NOTSET)
    assert set(recorder.outcomes) == set(range(per_thread * threads))
    assert all(len(outcomes) == 1 for outcomes in recorder.outcomes.values())
    assert sum(outcomes == [b"x"] for outcomes in recorder.outcomes.values()) > 0


def test_work_is_that_of_the_computing_lane(recorder, make_route) -> None:
    """Time in batches and time of waiting; a write, which waits for a store, adds to neither."""
    gate = Gate()
    with running(make_route(gate.run), make_route(method="/write", lane=Lane.WRITER)) as engine:
        engine.submit([recorder.call(1, method="/write")])
        recorder.wait(1)
        assert engine.work() == Work(0.0, 0.0)
        holder = threading.Thread(target=engine.submit, args=([recorder.call(2)],))
        holder.start()
        assert gate.began.wait(20)
        engine.submit([recorder.call(3)])
        gate.go.set()
        recorder.wait(3)
        holder.join()
    done = engine.work()
    assert done.busy_s > 0
    assert done.queued_s > 0


def test_telemetry_adds_up(recorder, make_route) -> None:
    """Answered, failed by reason, refused at the door, batch sizes and times: every call is counted once."""

    def decode(payload: bytes) -> str:
        if payload == b"bad":
            raise InvalidInput("field", 1, "2")
        return payload.decode()

    with running(make_route(decode=decode)) as engine:
        engine.submit([recorder.call(1), recorder.call(2, b"bad"), recorder.call(3)])
        engine.submit([recorder.call(4, method="/no")])
        families = {family.name: family for family in engine.telemetry()}
    assert families["storegate_calls_answered"].rows == [(("/echo",), 2.0)]
    assert families["storegate_calls_failed"].rows == [(("/echo", "INVALID_FIELD"), 1.0)]
    assert families["storegate_calls_refused"].rows == [(("UNKNOWN_METHOD",), 1.0)]
    ((_, batch),) = families["storegate_batch_calls"].rows
    assert isinstance(batch, Histogram)
    assert (sum(batch.counts), batch.total) == (1, 3.0)
    ((_, queue),) = families["storegate_queue_seconds"].rows
    assert isinstance(queue, Histogram)
    assert sum(queue.counts) == 3
    assert dict(families["storegate_waiting_calls"].rows) == {
        ("engine",): 0.0,
        ("writer",): 0.0,
        ("importer",): 0.0,
        ("operator",): 0.0,
        ("files",): 0.0,
        ("batch",): 0.0,
    }


@pytest.mark.parametrize(
    "build",
    [
        lambda: Limits(batch_max=0),
        lambda: Limits(queue_max=0),
        lambda: Limits(queue_seconds_max=0.0),
        lambda: Limits(bulk_queue_max=0),
        lambda: Limits(queue_bytes_max=0),
        lambda: Limits(wait_s_target=0.0),
        lambda: EngineParams(payload_bytes_max=10),
        lambda: EngineParams(stalled_s_max=0.0),
    ],
)
def test_bounds_out_of_range_are_refused(build: Callable[[], object]) -> None:
    """A bound of nothing would stop the engine; it is refused with the field's name."""
    with pytest.raises(InvalidInput, match="expected"):
        build()
