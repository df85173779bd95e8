"""What the edge does not let pass: too large, too slow, too many, ill-mannered. Others are served meanwhile."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import grpc
import httpx
import pytest
from edges import HELD, LOOPBACK, PAYLOAD_BYTES_MAX, PING, WAIT_S, Edge, awaited, channel_to, edge_at

from serving.transport.edge_params import EdgeParams
from storegate.client import reason

PARAMS = EdgeParams(
    check_s=0.05, request_s_max=0.5, idle_s_max=1.0, head_bytes_max=4096, streams_max=8, connections_per_host_max=12
)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
ENHANCE_YOUR_CALM = 11
END_HEADERS = 4


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with edge_at(tmp_path_factory.mktemp("edge"), PARAMS, replicas=1) as made:
        yield made


@pytest.fixture
def edge(shared: Edge) -> Edge:
    """With one replica that has seen nothing."""
    shared.replicas[0].engine.forget()
    return shared


@pytest.fixture
def channel(edge: Edge) -> Iterator[Any]:
    with channel_to(edge.target) as made:
        yield made


def refusal(channel: Any, payload: bytes = b"", **options: Any) -> tuple[str, str]:
    """Code and reason with which a PING is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(PING)(payload, timeout=WAIT_S, **options)
    return str(caught.value.code().name), reason(caught.value)


def serves(edge: Edge) -> bool:
    """Whether somebody else gets an answer, over a connection of its own."""
    with channel_to(edge.target) as other:
        return bool(other.unary_unary(PING)(b"", timeout=WAIT_S) == b"")


def test_a_message_that_is_too_large_never_reaches_a_replica(edge: Edge, channel: Any) -> None:
    """Refused by the length it says, before it has been sent; one of the limit passes."""
    assert refusal(channel, bytes(PAYLOAD_BYTES_MAX + 1)) == ("RESOURCE_EXHAUSTED", "PAYLOAD_TOO_LARGE")
    assert edge.replicas[0].engine.seen == []
    assert channel.unary_unary(PING)(bytes(PAYLOAD_BYTES_MAX), timeout=WAIT_S) == b""


def test_a_body_that_is_too_large_is_refused_over_http(edge: Edge) -> None:
    """At the edge when its length is told, at the replica, which counts, when it is not."""
    told = httpx.post(f"{edge.url}/v1/ping", content=bytes(PAYLOAD_BYTES_MAX + 1), trust_env=False)
    untold = httpx.post(f"{edge.url}/v1/ping", content=iter([bytes(PAYLOAD_BYTES_MAX), b"1"]), trust_env=False)
    for answer in (told, untold):
        assert (answer.status_code, answer.json()["reason"]) == (413, "PAYLOAD_TOO_LARGE")
    assert edge.replicas[0].engine.seen == []


def test_headers_that_are_too_large_are_refused(edge: Edge, channel: Any) -> None:
    """By name as long as they fit HAProxy's buffer; other calls on the connection are not harmed."""
    big = "x" * PARAMS.head_bytes_max
    assert refusal(channel, metadata=(("x-big", big),)) == ("RESOURCE_EXHAUSTED", "HEAD_TOO_LARGE")
    assert channel.unary_unary(PING)(b"", timeout=WAIT_S, metadata=(("x-small", "x" * 3000),)) == b""
    answer = httpx.post(f"{edge.url}/v1/ping", json={}, headers={"x-big": big}, trust_env=False)
    assert (answer.status_code, answer.json()["reason"]) == (431, "HEAD_TOO_LARGE")


def test_headers_beyond_all_measure_end_the_connection(edge: Edge, channel: Any) -> None:
    """No replica sees them, and other connections live on."""
    refusal(channel, metadata=(("x-big", "x" * 60_000),))
    answer = httpx.post(f"{edge.url}/v1/ping", json={}, headers={"x-big": "x" * 60_000}, trust_env=False)
    assert answer.status_code == 400
    assert edge.replicas[0].engine.seen == []
    assert serves(edge)


@pytest.mark.parametrize(
    "begun",
    [b"POST /v1/ping HTTP/1.1\r\nhost: x\r\n", b"POST /v1/ping HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"],
    ids=["head", "body"],
)
def test_a_request_that_trickles_in_is_given_up(edge: Edge, begun: bytes) -> None:
    """Before it costs a replica anything."""
    with socket.create_connection((LOOPBACK, edge.http_port), timeout=WAIT_S) as slow:
        slow.sendall(begun)
        said = b"".join(iter(lambda: slow.recv(65536), b""))
    assert said.startswith(b"HTTP/1.1 408 ")
    assert edge.replicas[0].engine.seen == []


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def head(path: str) -> bytes:
    """The headers of a gRPC call, none of them compressed."""
    fields = {
        ":method": "POST", ":scheme": "http", ":authority": "x", ":path": path, "content-type": "application/grpc",
        "te": "trailers",
    }  # fmt: skip
    words = [(name.encode(), value.encode()) for name, value in fields.items()]
    return b"".join(b"\0" + bytes([len(n)]) + n + bytes([len(v)]) + v for n, v in words)


def connected(edge: Edge) -> socket.socket:
    """A connection that has begun to speak HTTP/2."""
    made = socket.create_connection((LOOPBACK, edge.grpc_port), timeout=WAIT_S)
    made.sendall(PREFACE + frame(SETTINGS, 0, 0, b"") + frame(SETTINGS, 1, 0, b""))
    return made


def frames(said: bytes) -> list[tuple[int, int]]:
    """(type, error code) of every frame; the code is 0 of all but a GOAWAY."""
    found = []
    while said:
        length, kind = int.from_bytes(said[:3]), said[3]
        found.append((kind, int.from_bytes(said[13:17]) if kind == GOAWAY else 0))
        said = said[9 + length :]
    return found


def read_to_the_end(connection: socket.socket) -> bytes:
    """All that comes until the other side has closed, one way or the other."""
    said = b""
    while True:
        try:
            more = connection.recv(65536)
        except ConnectionError:
            return said
        if not more:
            return said
        said += more


def test_a_connection_that_says_nothing_is_ended(edge: Edge) -> None:
    """Over gRPC and over HTTP."""
    with ExitStack() as stack:
        quiet = [stack.enter_context(connected(edge))]
        quiet.append(stack.enter_context(socket.create_connection((LOOPBACK, edge.http_port), timeout=WAIT_S)))
        for connection in quiet:
            read_to_the_end(connection)
    assert serves(edge)


def test_a_message_that_does_not_begin_is_given_up(edge: Edge) -> None:
    """Headers of a call, and then nothing: DEADLINE_EXCEEDED (4), and no replica has heard of it."""
    with connected(edge) as slow:
        slow.sendall(frame(HEADERS, END_HEADERS, 1, head(PING)))
        said = read_to_the_end(slow)
    assert b"grpc-status" in said
    assert b"did not arrive within 0.5 s" in said
    assert edge.replicas[0].engine.seen == []


def test_calls_beyond_the_limit_of_a_connection_are_refused_there(edge: Edge) -> None:
    """One that ignores what it was told has its further streams reset; what it may have runs on."""
    with connected(edge) as greedy:
        for number in range(PARAMS.streams_max + 4):
            stream = 2 * number + 1
            greedy.sendall(frame(HEADERS, END_HEADERS, stream, head(HELD)) + frame(DATA, 1, stream, bytes(5)))
        engine = edge.replicas[0].engine
        engine.wait(lambda: len(engine.held) >= PARAMS.streams_max)
        assert serves(edge)
        assert len(engine.held) == PARAMS.streams_max


def test_a_flood_of_resets_costs_others_nothing(edge: Edge) -> None:
    """Calls begun and taken back at once (rapid reset): never more of them at a replica than a connection may have."""
    with connected(edge) as abuser:
        burst = bytearray()
        for number in range(2000):
            stream = 2 * number + 1
            burst += frame(HEADERS, END_HEADERS, stream, head(HELD)) + frame(DATA, 1, stream, bytes(5))
            burst += frame(RST_STREAM, 0, stream, struct.pack(">I", 8))
        with suppress(ConnectionError):  # ended by the edge
            abuser.sendall(burst)
        assert serves(edge)
        engine = edge.replicas[0].engine
        engine.wait(lambda: len(engine.held) - engine.cancelled <= PARAMS.streams_max)
    engine.wait(lambda: engine.cancelled >= len(engine.held))


def test_bad_manners_end_the_connection(edge: Edge) -> None:
    """Malformed headers, again and again: ENHANCE_YOUR_CALM (11) is the last word."""
    malformed = head(HELD).replace(b"te\x08", b"TE\x08")
    with connected(edge) as rude:
        with suppress(ConnectionError):
            for number in range(20 * PARAMS.glitches_max):
                rude.sendall(frame(HEADERS, END_HEADERS, 2 * number + 1, malformed))
        said = read_to_the_end(rude)
    assert frames(said)[-1] == (GOAWAY, ENHANCE_YOUR_CALM)
    assert edge.replicas[0].engine.seen == []
    assert serves(edge)


def test_one_host_cannot_have_all_connections(edge: Edge) -> None:
    def open_ones() -> int:
        rows = [line for line in edge.haproxy.ask("show table hosts").splitlines() if "conn_cur" in line]
        return int(rows[0].rpartition("conn_cur=")[2]) if rows else 0

    awaited(lambda: open_ones() == 0, "the connections of others are closed")
    with ExitStack() as stack:
        mine, closed = [], 0
        for _ in range(PARAMS.connections_per_host_max + 5):
            try:
                mine.append(stack.enter_context(connected(edge)))
            except ConnectionError:  # ended before it could say a word
                closed += 1

        awaited(lambda: open_ones() >= PARAMS.connections_per_host_max, "the table is full")
        assert open_ones() <= PARAMS.connections_per_host_max
        for connection in mine:
            connection.settimeout(0.2)
            try:
                closed += connection.recv(1) == b""
            except ConnectionError:
                closed += 1
            except TimeoutError:
                pass
        assert closed >= 5
