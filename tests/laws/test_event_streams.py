"""StreamUserEvents on both fronts, over a real engine: what every stream of events must do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc
import pytest

from serving.adapters.memory_profiles import MemoryProfiles
from serving.core.clock import SystemClock
from serving.core.errors import StoreUnavailable
from serving.engine.calls import Lane, Route
from serving.engine.engine import Engine
from serving.events.records import RECORD_BYTES
from serving.events.writing import WriteEvents
from serving.transport.aio_front import AioFront
from serving.transport.codecs import WRITE_USER_EVENT, codecs
from serving.transport.contract import services
from serving.transport.event_stream import STREAM_USER_EVENTS, STREAMS_MAX, WINDOW
from serving.transport.front_params import FrontParams
from serving.transport.native_front import NativeFront
from storegate.client import Client, reason
from storegate.v1 import event_pb2 as pb

pytestmark = pytest.mark.timeout(60)


class Held(MemoryProfiles):
    """Waits with every write until it is let go, and fails while it is away."""

    def __init__(self) -> None:
        super().__init__(records_max=4096)
        self.go, self.away = threading.Event(), False
        self.go.set()
        self.groups: list[int] = []

    def append(
        self,
        writes: Sequence[tuple[str, bytes]],
        timeout_s: float,
        entries: Sequence[bytes] = (),
        durable: bool = False,
    ) -> list[int]:
        self.go.wait(20)
        if self.away:
            raise StoreUnavailable("redis: away")
        self.groups.append(len(writes))
        return super().append(writes, timeout_s, entries, durable)


@pytest.fixture
def store() -> Held:
    return Held()


@pytest.fixture(params=[NativeFront, AioFront])
def open_front(request: pytest.FixtureRequest, store: Held) -> Iterator[Callable[..., Any]]:
    """Starts a front whose engine writes to the store."""
    clock, closes = SystemClock(), list[Callable[[], None]]()
    codec = codecs(clock)[WRITE_USER_EVENT]
    writing = WriteEvents(store, True, frozenset({"mug"}).__contains__)
    route = Route(WRITE_USER_EVENT, Lane.WRITER, codec.decode, writing.run, codec.encode)

    def start(**options: Any) -> Any:
        engine = Engine([route], clock=clock)
        front = request.param(FrontParams(**options), [WRITE_USER_EVENT], services())
        front.start(engine)
        closes.append(lambda: front.close(2.0))
        closes.append(lambda: engine.drain(2.0))
        return front

    yield start
    for close in closes:
        close()


def event(number: int, **fields: Any) -> pb.UserEvent:
    usual = {"event_id": f"e{number}", "event_type": "detail-page-view", "user_id": "ada"}
    return pb.UserEvent(**usual | {"items": [pb.EventItem(item_id="mug")]} | fields)


def client_of(front: Any) -> Client:
    return Client(f"127.0.0.1:{front.port}", timeout_s=20)


def test_all_of_a_stream_is_stored_in_groups(open_front: Callable[..., Any], store: Held) -> None:
    """Repeated ones once; more than may be under way at a time."""
    count = 3 * WINDOW + 5
    with client_of(open_front()) as client:
        told = client.stream_events([*(event(number) for number in range(count)), event(3)])
    assert (told.received, told.stored, told.refused_count) == (count + 1, count, 0)
    assert len(store.fetch(["u:ada"], 1.0)[0]) == count * RECORD_BYTES
    assert len(store.log) == count
    assert len(store.groups) < count


def test_one_that_is_refused_does_not_stop_the_others(open_front: Callable[..., Any]) -> None:
    """Each is named, with its place, its id and the reason that WriteUserEvent would give."""
    events = [event(0), event(1, event_type="click"), event(2, items=[]), event(3, items=[pb.EventItem(item_id="new")])]
    with client_of(open_front()) as client:
        told = client.stream_events(events)
    assert (told.received, told.stored, told.refused_count) == (4, 2, 2)
    assert [(one.position, one.event_id, one.reason) for one in told.refused] == [
        (1, "e1", "UNKNOWN_EVENT_TYPE"),
        (2, "e2", "MISSING_ITEM"),
    ]
    assert list(told.missing_item_ids) == ["new"]


def test_a_stream_of_nothing_is_answered(open_front: Callable[..., Any]) -> None:
    with client_of(open_front()) as client:
        assert client.stream_events([]) == pb.StreamUserEventsResponse()


def test_what_is_no_message_and_what_is_too_large_is_refused_alone(open_front: Callable[..., Any]) -> None:
    front = open_front(payload_bytes_max=2000)
    good = pb.WriteUserEventRequest(event=event(1)).SerializeToString()
    large = pb.WriteUserEventRequest(event=event(2, search_query="x" * 3000)).SerializeToString()
    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        run = channel.stream_unary(STREAM_USER_EVENTS)
        told = pb.StreamUserEventsResponse.FromString(run(iter([b"\xff\xff", good, large]), timeout=10))
    assert (told.received, told.stored, told.refused_count) == (3, 1, 2)
    assert [(one.position, one.reason) for one in told.refused] == [(0, "MALFORMED_MESSAGE"), (2, "PAYLOAD_TOO_LARGE")]


def test_a_store_that_is_away_ends_the_stream_and_it_can_be_sent_again(
    open_front: Callable[..., Any], store: Held
) -> None:
    events = [event(number) for number in range(10)]
    with client_of(open_front()) as client:
        store.away = True
        with pytest.raises(grpc.RpcError) as caught:
            client.stream_events(events)
        assert (caught.value.code(), reason(caught.value)) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        store.away = False
        assert client.stream_events(events).stored == 10


def test_what_no_event_of_a_stream_can_have_ends_it(open_front: Callable[..., Any], store: Held) -> None:
    """Not thousands of refusals: this store keeps nothing on a disk."""
    with client_of(open_front()) as client, pytest.raises(grpc.RpcError) as caught:
        client.stream_events((event(number) for number in range(10)), durable=True)
    assert (caught.value.code(), reason(caught.value)) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_DURABLE")


def test_a_sender_is_held_back_while_the_store_is_slow(open_front: Callable[..., Any], store: Held) -> None:
    """A bounded number of events is taken; the rest stays with the sender."""
    sent, store_waits = [], store.go
    store_waits.clear()

    def events() -> Iterator[pb.UserEvent]:
        for number in range(200_000):
            sent.append(number)
            if len(sent) == 100:
                reached.set()
            yield event(number)

    reached = threading.Event()
    front = open_front()
    with client_of(front) as client:
        with pytest.raises(grpc.RpcError) as caught:
            client.stream_events(events(), timeout_s=1.5)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert reached.is_set()
    assert len(sent) < 100_000
    store_waits.set()


def test_more_streams_than_threads_are_refused(open_front: Callable[..., Any], store: Held) -> None:
    """At once, while those that are open go on."""
    front, end = open_front(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield pb.WriteUserEventRequest(event=event(1)).SerializeToString()
        end.wait(30)

    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        run = channel.stream_unary(STREAM_USER_EVENTS)
        open_ones = [run.future(slowly(), timeout=30) for _ in range(STREAMS_MAX + 8)]
        refused = []
        for call in open_ones:
            call.add_done_callback(lambda done: refused.append(done.code()))
        pause = threading.Event()
        for _ in range(1000):
            if len(refused) == 8:
                break
            pause.wait(0.01)
        assert refused == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 8
        end.set()
        answered = [call for call in open_ones if call.exception() is None]
    assert len(answered) == STREAMS_MAX


def test_a_leaving_front_ends_its_streams_with_unavailable(open_front: Callable[..., Any], store: Held) -> None:
    """What was taken is stored; the sender is told to send it again, elsewhere."""
    front, first, go = open_front(), threading.Event(), threading.Event()

    def events() -> Iterator[bytes]:
        yield pb.WriteUserEventRequest(event=event(1)).SerializeToString()
        first.set()
        go.wait(20)
        yield pb.WriteUserEventRequest(event=event(2)).SerializeToString()

    with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        call = channel.stream_unary(STREAM_USER_EVENTS).future(events(), timeout=20)
        assert first.wait(10)
        closing = threading.Thread(target=front.close, args=(1.0,))
        closing.start()
        go.set()
        assert call.exception() is not None
        assert call.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        closing.join()
    assert len(store.fetch(["u:ada"], 1.0)[0]) <= 2 * RECORD_BYTES
