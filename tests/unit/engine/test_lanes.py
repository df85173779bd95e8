"""Who computes: callers that come back, lanes of their own, and what makes an engine unhealthy."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from engines import NOW, Gate, running

from serving.core.clock import SystemClock
from serving.core.errors import Overloaded
from serving.engine.batcher import Limits
from serving.engine.calls import Lane, Turn
from serving.engine.lane import WorkLane


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
