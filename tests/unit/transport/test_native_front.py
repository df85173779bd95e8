"""What is the native front's alone: how it takes calls that wait inside Rust."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from link_laws import awaited

from serving.core.errors import Overloaded
from serving.core.priority import go_first
from serving.engine.calls import Call, Responder
from serving.transport.front_params import FrontParams
from serving.transport.native_front import NativeFront

ASK = "/unit.Service/Ask"
CONNECTIONS, CALLS = 3, 700
WAIT_S = 20.0


class Busy:
    """An Intake that computes the first call until it is let go, and then refuses all that came meanwhile."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.began, self.go = threading.Event(), threading.Event()

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        self.batches.append(len(calls))
        if len(self.batches) == 1:
            self.began.set()
            assert self.go.wait(WAIT_S)
        for call in calls:
            call.responder.fail(call.call_id, Overloaded("full", 0.1))
        return False

    def cancel(self, responder: Responder, call_id: int) -> None:
        pass


def test_all_that_waits_is_seen_at_once() -> None:
    """A flood must not wait inside Rust, batch after computed batch, to be refused."""
    front, engine = NativeFront(FrontParams(), (ASK,), ("unit.Service",)), Busy()
    front.start(engine)
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.insecure_channel(f"127.0.0.1:{front.port}", options) for _ in range(CONNECTIONS)]
    futures = [channels[0].unary_unary(ASK).future(b"", timeout=WAIT_S)]
    assert engine.began.wait(WAIT_S)
    for channel in channels:
        futures += [channel.unary_unary(ASK).future(b"", timeout=WAIT_S) for _ in range(CALLS)]
        # Answered past the engine, and behind the calls of its connection: they have arrived by then.
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
    engine.go.set()
    assert {future.exception(WAIT_S).code() for future in futures} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert engine.batches == [1, CONNECTIONS * CALLS]
    for channel in channels:
        channel.close()
    front.close(0.0)


class Policy:
    """An Intake that tells how its thread is scheduled."""

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        for call in calls:
            policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
            call.responder.respond(call.call_id, str(policy).encode())
        return False

    def cancel(self, responder: Responder, call_id: int) -> None:
        pass


@pytest.mark.parametrize("realtime", [False, True])
def test_the_thread_that_takes_calls_goes_first_if_it_may(realtime: bool) -> None:
    with ThreadPoolExecutor(1) as one:
        permitted = one.submit(go_first).result()
    front = NativeFront(FrontParams(realtime=realtime), (ASK,), ("unit.Service",))
    front.start(Policy())
    with grpc.insecure_channel(f"127.0.0.1:{front.port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
        told = int(channel.unary_unary(ASK)(b"", timeout=WAIT_S))
    front.close(0.0)
    assert told == (os.SCHED_FIFO if realtime and permitted else os.SCHED_OTHER)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_who_may_not_go_first_says_why(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("serving.transport.native_front.go_first", lambda: False)
    front = NativeFront(FrontParams(realtime=True), (ASK,), ("unit.Service",))
    front.start(Policy())
    awaited(lambda: caplog.messages, "it tells")
    front.close(0.0)
    (told,) = caplog.messages
    assert "RLIMIT_RTPRIO" in told


def test_open_reflection_sessions_keep_no_health_check_waiting() -> None:
    """Each held one of eight threads, and the load balancer took a healthy gateway for dead."""
    front, over = NativeFront(FrontParams(), (ASK,), ("unit.Service",)), threading.Event()
    front.start(Busy())
    front.set_serving(True)

    def asks() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        over.wait(WAIT_S)

    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        sessions = [stub.ServerReflectionInfo(asks()) for _ in range(20)]
        for session in sessions:
            assert next(session).list_services_response.service
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        over.set()
    front.close(0.0)


class Working:
    """An Intake that answers nobody, and has work for a thread that comes back until it is told otherwise."""

    def __init__(self) -> None:
        self.submitted: list[tuple[int, bool]] = []
        self.done, self.enough = threading.Event(), 3

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        self.submitted.append((len(calls), returning))
        for call in calls:
            call.responder.respond(call.call_id, b"")
        if len(self.submitted) >= self.enough:
            self.done.set()
            return False
        return returning

    def cancel(self, responder: Responder, call_id: int) -> None:
        pass


def test_the_front_comes_back_as_long_as_the_engine_has_work_for_it() -> None:
    """Without waiting for new calls; then it waits for them again."""
    front, engine = NativeFront(FrontParams(), (ASK,), ("unit.Service",)), Working()
    front.start(engine)
    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        channel.unary_unary(ASK)(b"", timeout=WAIT_S)
        assert engine.done.wait(WAIT_S)
        channel.unary_unary(ASK)(b"", timeout=WAIT_S)
    assert engine.submitted == [(1, True), (0, True), (0, True), (1, True)]
    front.close(0.0)


def test_a_front_that_closes_tells_the_engine_that_it_does_not_come_back() -> None:
    """What it was to do is then done by the engine's own thread."""
    front, engine = NativeFront(FrontParams(), (ASK,), ("unit.Service",)), Working()
    engine.enough = 1_000_000_000
    front.start(engine)
    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        channel.unary_unary(ASK)(b"", timeout=WAIT_S)
    front.close(0.0)
    assert engine.submitted[-1] == (0, False)


@pytest.mark.parametrize("cores", [(), (min(os.sched_getaffinity(0)),)])
def test_threads_that_read_and_write_do_not_put_the_engine_off_its_core(cores: tuple[int, ...]) -> None:
    """Every thread that pygrpc-native starts waits for its turn when it wakes, on the cores that it is told."""
    tasks = Path("/proc/self/task")
    before, mine = set(os.listdir(tasks)), os.sched_getaffinity(0)
    front = NativeFront(FrontParams(port=0, io_cores=cores), [ASK], [])

    def started() -> list[int]:
        """They take their names when they first run."""
        new = set(os.listdir(tasks)) - before
        return [int(task) for task in new if "grpc-native" in (tasks / task / "comm").read_text()]

    try:
        threads = awaited(started, "they run")
        assert {os.sched_getscheduler(task) for task in threads} == {os.SCHED_BATCH}
        assert all(os.sched_getaffinity(task) == (set(cores) or mine) for task in threads)
    finally:
        front.close(0.0)
    assert os.sched_getaffinity(0) == mine
