"""The HTTP server and the admin face over real sockets."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from serving.core.errors import SettingError
from serving.engine.calls import Call
from serving.transport.admin_face import admin_app
from serving.transport.http_face import http_app
from serving.transport.http_heads import HEAD_BYTES_MAX
from serving.transport.http_server import HttpServer
from storegate.v1.recommendation_pb2 import RecommendRequest

PING = {"url": "/v1/ping", "json": {}}


def client(server: HttpServer) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=10.0)


def test_a_taken_port_is_named_with_the_way_out(engine: Any) -> None:
    first = HttpServer(http_app(engine))
    with pytest.raises(SettingError, match=f"port {first.port} .* taken .* --admin-port"):
        HttpServer(http_app(engine), port=first.port, setting="--admin-port")
    first.close(0.0)


def test_two_servers_share_a_port_when_both_are_told_to(engine: Any) -> None:
    first = HttpServer(http_app(engine), reuse_port=True)
    second = HttpServer(http_app(engine), port=first.port, reuse_port=True)
    assert first.port == second.port
    first.close(0.0)
    second.close(0.0)


def test_close_lets_what_is_in_flight_be_answered(engine: Any) -> None:
    """New connections are refused from then on; closing twice is harmless."""
    engine.answer = lambda call: None
    server = HttpServer(http_app(engine))
    server.start()
    answers: list[int] = []
    caller = threading.Thread(target=lambda: answers.append(client(server).post(**PING).status_code))
    caller.start()
    engine.wait(lambda: len(engine.calls) == 1)
    closing = threading.Thread(target=server.close, args=(10.0,))
    closing.start()
    call = engine.calls[0]
    call.responder.respond(call.call_id, b"")
    closing.join(15.0)
    caller.join(15.0)
    assert answers == [200]
    with pytest.raises(httpx.ConnectError):
        client(server).post(**PING)
    server.close(0.0)


def test_close_ends_at_the_grace(engine: Any) -> None:
    """A call that nobody answers is cancelled."""
    engine.answer = lambda call: None
    server = HttpServer(http_app(engine))
    server.start()
    broken = threading.Event()

    def post() -> None:
        try:
            if client(server).post(**PING).status_code >= 500:
                broken.set()
        except httpx.HTTPError:
            broken.set()

    caller = threading.Thread(target=post)
    caller.start()
    engine.wait(lambda: len(engine.calls) == 1)
    server.close(0.05)
    engine.wait(lambda: engine.cancelled == [engine.calls[0].call_id])
    caller.join(10.0)
    assert broken.is_set()


def post(user: str, *lines: str, version: str = "1.1") -> bytes:
    """A Recommend as it stands on the wire."""
    body = f'{{"userId":"{user}"}}'
    head = (f"POST /v1/recommend HTTP/{version}", "host: x", "content-type: application/json", *lines)
    return "\r\n".join([*head, f"content-length: {len(body)}", "", body]).encode()


def exchanged(engine: Any, sent: bytes, *, answers: int) -> tuple[str, bool]:
    """What a server says on one connection, until the answers (the users' names) have come, and whether it hangs up."""
    users = []

    def answer(call: Call) -> None:
        users.append(RecommendRequest.FromString(call.payload).user_id)
        call.responder.respond(call.call_id, f'{{"requestId":"{users[-1]}"}}'.encode())

    engine.answer = answer
    server = HttpServer(http_app(engine))
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10.0) as connection:
            connection.sendall(sent)
            said = b""
            while said.count(b'"}') < answers:
                said += connection.recv(65_536)
            connection.settimeout(0.2)
            return said.decode(), hung_up(connection)
    finally:
        server.close(0.0)


def test_requests_sent_in_one_go_are_answered_in_their_order(engine: Any) -> None:
    """Pipelined, short and long ways mixed; the connection stays."""
    sent = post("a") + post("b", "expect: 100-continue") + post("c") + post("d")
    said, ended = exchanged(engine, sent, answers=4)
    assert [said.index(f'"requestId":"{user}"') for user in "abcd"] == sorted(
        said.index(f'"requestId":"{user}"') for user in "abcd"
    )
    assert said.count("HTTP/1.1 200 OK") == 4
    assert not ended


@pytest.mark.parametrize(
    ("sent", "closes"),
    [
        (post("a"), False),
        (post("a", "connection: close"), True),
        (post("a", version="1.0"), True),
        (post("a", "expect: 100-continue"), False),
    ],
    ids=["usual", "close", "1.0", "expect"],
)
def test_the_connection_ends_when_the_request_says_so(engine: Any, sent: bytes, closes: bool) -> None:
    """And the answer says so too."""
    said, ended = exchanged(engine, sent, answers=1)
    assert (ended, "connection: close" in said) == (closes, closes)
    assert "content-type: application/json" in said
    assert "date: " in said


def test_a_body_in_pieces_is_one_body(engine: Any) -> None:
    """In chunks, without a length."""
    head = b"POST /v1/recommend HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n"
    said, _ = exchanged(engine, head + b'\r\n9\r\n{"userId"\r\n5\r\n:"a"}\r\n0\r\n\r\n', answers=1)
    assert '"requestId":"a"' in said


def test_a_refused_request_leaves_the_connection_usable(engine: Any) -> None:
    """What is still to come of it is read and dropped."""
    bad = post("a").replace(b"application/json", b"text/plain")
    said, ended = exchanged(engine, bad + post("b"), answers=2)
    assert (said.count("HTTP/1.1 415 Unsupported Media Type"), said.count("HTTP/1.1 200 OK"), ended) == (1, 1, False)


def test_a_caller_behind_a_proxy_of_this_machine_is_known_by_what_the_proxy_says(engine: Any) -> None:
    exchanged(engine, post("a", "x-forwarded-for: 203.0.113.7") + post("b"), answers=2)
    assert [call.caller for call in engine.calls] == ["203.0.113.7", "127.0.0.1"]


def hung_up(connection: socket.socket) -> bool:
    """Reads what is left; whether the other side closes within the connection's time-out."""
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nx: ",
        b"GET /",
        b"POST /v1/ping HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ",
    ],
    ids=["header", "path", "trailer"],
)
def test_a_head_without_end_is_cut_off(engine: Any, head: bytes) -> None:
    """The parser would keep it all."""
    server = HttpServer(http_app(engine))
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10.0) as connection:
        connection.sendall(head)
        with suppress(ConnectionError):  # the sockets' buffers may hold it all before the server hangs up
            connection.sendall(b"a" * (64 * HEAD_BYTES_MAX))
        assert hung_up(connection)
    with client(server) as another:
        assert another.get("/healthz", headers={"x": "a" * 30_000}).status_code == 200
    server.close(1.0)


def test_a_head_that_is_too_long_is_told_so(engine: Any) -> None:
    server = HttpServer(http_app(engine))
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10.0) as connection:
        connection.sendall(b"GET /" + b"a" * HEAD_BYTES_MAX)
        assert connection.recv(12) == b"HTTP/1.1 400"
    server.close(1.0)


def test_the_admin_face_tells_readiness_and_metrics() -> None:
    """/readyz follows its callable with 200 and 503, /metrics shows the registry."""
    registry = CollectorRegistry()
    Counter("storegate_things", "Things.", registry=registry).inc(3)
    state = (False, "models are loading")
    server = HttpServer(admin_app(lambda: state, registry))
    server.start()
    with client(server) as admin:
        starting = admin.get("/readyz")
        assert (starting.status_code, starting.json()) == (503, {"ready": False, "detail": "models are loading"})
        state = (True, "serving")
        assert (admin.get("/readyz").status_code, admin.get("/healthz").status_code) == (200, 200)
        metrics = admin.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        assert "storegate_things_total 3.0" in metrics.text
    server.close(1.0)
