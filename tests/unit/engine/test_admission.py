"""What the engine takes, refuses and forgets: floods, bulk, deadlines, cancelled calls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from engines import NOW, Gate, running

from serving.core.errors import DeadlineExpired, Overloaded, PayloadTooLarge, UnknownMethod
from serving.engine.batcher import Limits
from serving.engine.calls import Lane, Size, Turn


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
