"""The engine with real threads: one outcome a call, isolation of errors, what it tells."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from engines import Gate, running

from serving.core.errors import InternalError, InvalidInput, StoreUnavailable
from serving.engine.batcher import Limits
from serving.engine.calls import Lane, Turn
from serving.engine.engine import EngineParams
from serving.engine.load import Work
from serving.engine.telemetry import Histogram


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
