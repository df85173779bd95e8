"""Laws of every front, tried with grpcio's own clients against a small engine."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from serving.core.clock import NEVER
from serving.core.errors import InvalidInput, Overloaded, SettingError, StoreUnavailable
from serving.engine.calls import Call, Responder
from serving.transport.aio_front import AioFront
from serving.transport.callers import CALLER_KEY, NAME_MAX
from serving.transport.front_params import FrontParams
from serving.transport.native_front import NativeFront
from serving.transport.priority import PRIORITY_KEY
from serving.transport.tokens import token_digest

ECHO, HELD = "/laws.Service/Echo", "/laws.Service/Held"
METHODS, SERVICES = (ECHO, HELD), ("laws.Service",)
PAYLOAD_BYTES_MAX = 64 * 1024
WAIT_S = 10.0
FRONTS = (NativeFront, AioFront)
ERRORS = {
    b"invalid": InvalidInput("page_size", 101, "0 to 100"),
    b"overloaded": Overloaded("the queue is full", 0.25),
    b"store": StoreUnavailable("redis: timeout"),
}


class Echo:
    """An Intake: ECHO answers at once with what was sent (or the error of that name), HELD waits to be released."""

    def __init__(self) -> None:
        self.seen: list[Call] = []
        self.cancelled: list[int] = []
        self.batches: list[int] = []
        self.changed = threading.Condition()

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        with self.changed:
            self.seen += calls
            self.batches.append(len(calls))
            self.changed.notify_all()
        for call in calls:
            if call.method == ECHO:
                if call.payload in ERRORS:
                    call.responder.fail(call.call_id, ERRORS[call.payload])
                else:
                    call.responder.respond(call.call_id, call.payload)
        return False

    def cancel(self, responder: Responder, call_id: int) -> None:
        with self.changed:
            self.cancelled.append(call_id)
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, WAIT_S), (self.seen, self.cancelled)


class World:
    """A running front, its engine and a client."""

    def __init__(self, front: Any) -> None:
        self.front, self.engine = front, Echo()
        front.start(self.engine)
        front.set_serving(True)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{front.port}", options=[("grpc.enable_retries", 0)])

    def method(self, name: str) -> Any:
        return self.channel.unary_unary(name)

    def echo(self, payload: bytes, **options: Any) -> bytes:
        answer: bytes = self.method(ECHO)(payload, **{"timeout": WAIT_S, **options})
        return answer

    def close(self) -> None:
        self.channel.close()
        self.front.close(0.0)


@pytest.fixture(params=FRONTS)
def front_class(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def world(front_class: Any) -> Iterator[World]:
    made = World(front_class(FrontParams(payload_bytes_max=PAYLOAD_BYTES_MAX), METHODS, SERVICES))
    yield made
    made.close()


@pytest.fixture
def guarded(front_class: Any) -> Iterator[World]:
    digests = (token_digest("old-secret"), token_digest("secret"))
    made = World(front_class(FrontParams(token_sha256=digests), METHODS, SERVICES))
    yield made
    made.close()


def refusal(call: Callable[[], Any]) -> Any:
    """The RpcError that `call` ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def details(error: Any) -> tuple[Any, dict[str, Any]]:
    """google.rpc.Status of the error, and its details by name."""
    status = rpc_status.from_call(error)
    assert status is not None
    found = {}
    for packed in status.details:
        message = getattr(error_details_pb2, packed.type_url.rpartition(".")[2])()
        assert packed.Unpack(message)
        found[type(message).__name__] = message
    return status, found


def test_a_call_is_answered_with_the_engines_bytes(world: World) -> None:
    """Any bytes pass both ways untouched, the empty message too."""
    assert world.echo(b"\x00\xff answer") == b"\x00\xff answer"
    assert world.echo(b"") == b""
    assert world.engine.seen[0].method == ECHO


def test_an_error_carries_its_code_reason_and_field(world: World) -> None:
    error = refusal(lambda: world.echo(b"invalid"))
    status, found = details(error)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == status.message == "page_size: got 101, expected 0 to 100"
    assert (found["ErrorInfo"].reason, found["ErrorInfo"].domain) == ("INVALID_FIELD", "storegate")
    assert found["ErrorInfo"].metadata["field"] == "page_size"
    assert found["BadRequest"].field_violations[0].field == "page_size"


def test_overload_says_when_to_retry(world: World) -> None:
    error = refusal(lambda: world.echo(b"overloaded"))
    found = details(error)[1]
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert found["RetryInfo"].retry_delay.ToMilliseconds() == 250


def test_a_store_that_is_away_is_unavailable(world: World) -> None:
    error = refusal(lambda: world.echo(b"store"))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert details(error)[1]["ErrorInfo"].reason == "STORE_UNAVAILABLE"


def test_the_deadline_reaches_the_engine(world: World) -> None:
    """As a moment of the monotonic clock; NEVER without one."""
    before = time.monotonic()
    world.echo(b"a", timeout=30.0)
    world.method(ECHO)(b"b")
    with_deadline, without = world.engine.seen
    # Clients round the timeout up to a coarser unit, by at most one percent.
    assert before + 29.0 < with_deadline.deadline < time.monotonic() + 31.0
    assert before <= with_deadline.arrived <= time.monotonic()
    assert without.deadline == NEVER


def test_a_deadline_that_passes_ends_the_call_and_tells_the_engine(world: World) -> None:
    error = refusal(lambda: world.method(HELD)(b"", timeout=0.05))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    world.engine.wait(lambda: world.engine.cancelled == [world.engine.seen[0].call_id])
    world.front.respond(world.engine.seen[0].call_id, b"too late")  # is ignored
    assert world.echo(b"and the front lives") == b"and the front lives"


def test_a_cancelled_call_reaches_the_engine(world: World) -> None:
    future = world.method(HELD).future(b"")
    world.engine.wait(lambda: len(world.engine.seen) == 1)
    future.cancel()
    world.engine.wait(lambda: world.engine.cancelled == [world.engine.seen[0].call_id])


def test_a_payload_over_the_limit_is_refused_before_the_engine_sees_it(world: World) -> None:
    assert len(world.echo(b"x" * PAYLOAD_BYTES_MAX)) == PAYLOAD_BYTES_MAX
    error = refusal(lambda: world.echo(b"x" * (PAYLOAD_BYTES_MAX + 1)))
    info = details(error)[1]["ErrorInfo"]
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert info.reason == "PAYLOAD_TOO_LARGE"
    assert info.metadata["limit_bytes"] == str(PAYLOAD_BYTES_MAX)
    assert len(world.engine.seen) == 1


@pytest.mark.parametrize("name", ["/laws.Service/Nothing", "/nothing.Service/Echo"])
def test_an_unknown_method_is_unimplemented(world: World, name: str) -> None:
    assert refusal(lambda: world.method(name)(b"", timeout=WAIT_S)).code() == grpc.StatusCode.UNIMPLEMENTED


def test_health_is_checked_and_watched(world: World) -> None:
    """Check and Watch follow set_serving, for the server and for each service."""
    stub = health_pb2_grpc.HealthStub(world.channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest(service="laws.Service"), timeout=WAIT_S)
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    assert next(watch).status == serving
    assert stub.Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S).status == serving
    world.front.set_serving(False)
    assert next(watch).status == not_serving
    assert stub.Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S).status == not_serving
    watch.cancel()
    missing = health_pb2.HealthCheckRequest(service="nothing")
    assert refusal(lambda: stub.Check(missing, timeout=WAIT_S)).code() == grpc.StatusCode.NOT_FOUND


def test_reflection_lists_the_services(world: World) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(world.channel)
    answers = stub.ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=WAIT_S
    )
    names = {service.name for service in next(answers).list_services_response.service}
    assert names == {"laws.Service", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


def test_a_bearer_token_is_needed_where_one_is_set(guarded: World) -> None:
    """By every method, health included; any of the tokens opens, the scheme's case does not matter."""
    health = health_pb2_grpc.HealthStub(guarded.channel)
    for header in (None, "Bearer wrong", "Basic secret", "secret"):
        sent = [("authorization", header)] if header else None
        for call in (
            lambda sent=sent: guarded.echo(b"a", metadata=sent),
            lambda sent=sent: health.Check(health_pb2.HealthCheckRequest(), metadata=sent, timeout=WAIT_S),
        ):
            error = refusal(call)
            assert error.code() == grpc.StatusCode.UNAUTHENTICATED
            assert "bearer token" in error.details()
    assert guarded.engine.seen == []
    for header in ("Bearer secret", "bearer old-secret"):
        assert guarded.echo(b"a", metadata=[("authorization", header)]) == b"a"
    told = health.Check(health_pb2.HealthCheckRequest(), metadata=[("authorization", header)], timeout=WAIT_S)
    assert told.status == health_pb2.HealthCheckResponse.SERVING


def test_a_taken_port_is_named_with_the_way_out(world: World, front_class: Any) -> None:
    with pytest.raises(SettingError, match=f"port {world.front.port} .* taken .* --grpc-port"):
        front_class(FrontParams(port=world.front.port), METHODS, SERVICES)


def test_two_fronts_share_a_port_when_both_are_told_to(front_class: Any) -> None:
    first = front_class(FrontParams(reuse_port=True), METHODS, SERVICES)
    second = front_class(FrontParams(reuse_port=True, port=first.port), METHODS, SERVICES)
    assert first.port == second.port
    first.close(0.0)
    second.close(0.0)


def test_five_hundred_concurrent_calls_are_all_answered_once(world: World) -> None:
    """Each with its own bytes; every call has an id of its own, and a second answer to it changes nothing."""
    method = world.method(ECHO)
    payloads = [str(number).encode() for number in range(500)]
    futures = [method.future(payload, timeout=WAIT_S) for payload in payloads]
    assert [future.result() for future in futures] == payloads
    ids = [call.call_id for call in world.engine.seen]
    assert len(set(ids)) == 500
    world.front.respond(ids[0], b"again")
    assert world.echo(b"still well") == b"still well"


def test_close_lets_what_is_in_flight_be_answered(world: World) -> None:
    """Within the grace; new calls are refused as UNAVAILABLE meanwhile, health says NOT_SERVING."""
    held = world.method(HELD).future(b"", timeout=WAIT_S)
    world.engine.wait(lambda: len(world.engine.seen) == 1)
    closing = threading.Thread(target=world.front.close, args=(WAIT_S,))
    closing.start()
    health = health_pb2_grpc.HealthStub(world.channel)
    while health.Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S).status == 1:
        pass  # the other thread has not begun; bounded by the test's timeout
    refused = refusal(lambda: [world.echo(b"new") for _ in range(1_000_000)])  # the first few may still be served
    assert refused.code() == grpc.StatusCode.UNAVAILABLE
    world.front.respond(world.engine.seen[0].call_id, b"answered")
    assert held.result() == b"answered"
    closing.join(WAIT_S)
    assert not closing.is_alive()


def test_close_loses_no_answer_that_was_given(front_class: Any) -> None:
    """Fifty calls in flight, all answered the moment before the front closes: every client gets its answer."""
    for _ in range(5):
        world = World(front_class(FrontParams(), METHODS, SERVICES))
        futures = [world.method(HELD).future(b"x" * 1000, timeout=WAIT_S) for _ in range(50)]
        world.engine.wait(lambda world=world: len(world.engine.seen) == 50)
        for call in world.engine.seen:
            world.front.respond(call.call_id, call.payload)
        world.front.close(WAIT_S)
        assert [future.result() for future in futures] == [b"x" * 1000] * 50
        world.close()


def test_close_ends_at_the_grace_and_tells_those_left(world: World) -> None:
    """A call that nobody answers is UNAVAILABLE, which a client may retry elsewhere; closing twice is harmless."""
    held = world.method(HELD).future(b"", timeout=WAIT_S)
    world.engine.wait(lambda: len(world.engine.seen) == 1)
    world.front.close(0.05)
    assert refusal(held.result).code() == grpc.StatusCode.UNAVAILABLE
    world.front.close(0.05)
    world.front.set_serving(True)
    world.front.respond(world.engine.seen[0].call_id, b"too late")


def test_an_engine_that_breaks_does_not_take_the_front_with_it(front_class: Any) -> None:
    """A defect in the hand-over is INTERNAL for these calls and forgotten for the next."""

    class Breaking(Echo):
        def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
            if any(call.payload == b"poison" for call in calls):
                raise RuntimeError("a defect")
            return super().submit(calls)

    world = World.__new__(World)
    world.front, world.engine = front_class(FrontParams(), METHODS, SERVICES), Breaking()
    world.front.start(world.engine)
    world.channel = grpc.insecure_channel(f"127.0.0.1:{world.front.port}")
    error = refusal(lambda: world.echo(b"poison"))
    assert error.code() == grpc.StatusCode.INTERNAL
    assert "a defect" not in error.details()
    assert world.echo(b"fine") == b"fine"
    world.close()


def test_a_closed_front_leaves_no_thread_and_no_file(front_class: Any, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(threading.enumerate())
    world = World(front_class(FrontParams(), METHODS, SERVICES))
    assert world.echo(b"a") == b"a"
    health_pb2_grpc.HealthStub(world.channel).Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
    world.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(WAIT_S)
        assert not thread.is_alive(), thread.name
    assert list(tmp_path.iterdir()) == []


def test_a_caller_is_known_by_its_name_or_by_its_host(world: World) -> None:
    """Two connections of one host are one caller; a name in the metadata goes before it, cut to its bound."""
    world.echo(b"")
    with grpc.insecure_channel(
        f"127.0.0.1:{world.front.port}", options=[("grpc.use_local_subchannel_pool", 1)]
    ) as other:
        other.unary_unary(ECHO)(b"", timeout=WAIT_S)
    world.echo(b"", metadata=[(CALLER_KEY, "checkout")])
    world.echo(b"", metadata=[(CALLER_KEY, "x" * 1000)])
    one, same, named, long = (call.caller for call in world.engine.seen)
    assert one == same == "ipv4:127.0.0.1"
    assert named == "checkout"
    assert long == "x" * NAME_MAX


def test_a_call_says_its_priority_in_its_metadata(world: World) -> None:
    """Bulk, interactive or nothing; another word is an error of the caller's."""
    world.echo(b"")
    for word in ("bulk", "interactive"):
        world.echo(b"", metadata=[(PRIORITY_KEY, word)])
    assert [call.bulk for call in world.engine.seen] == [None, True, False]
    error = refusal(lambda: world.echo(b"", metadata=[(PRIORITY_KEY, "urgent")]))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "x-storegate-priority: got 'urgent', expected interactive or bulk"
    assert len(world.engine.seen) == 3
