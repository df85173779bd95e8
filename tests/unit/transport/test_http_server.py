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
from serving.transport.admin_face import admin_app
from serving.transport.http_face import http_app
from serving.transport.http_heads import HEAD_BYTES_MAX
from serving.transport.http_server import HttpServer

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
