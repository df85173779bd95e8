"""The single-process runtime with real doors and a real engine that knows Ping alone; no models, no store."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest

from serving.core.clock import SystemClock
from serving.core.errors import NotReady, SettingError, StoregateError
from serving.engine.calls import Lane, Route
from serving.engine.engine import Engine
from serving.engine.remote import Connect
from serving.engine.scaling import Load
from serving.runtime.doors import DoorParams, Doors
from serving.runtime.home import replicas
from serving.runtime.leaving import Departure
from serving.runtime.local import serve_local
from serving.runtime.metrics import registry
from serving.runtime.params import RuntimeParams
from serving.runtime.parts import Addresses, Plan, Say
from serving.transport.admin_face import admin_app
from serving.transport.codecs import PING, codecs
from serving.transport.front_params import FrontParams
from serving.transport.probe import grpc_health
from storegate.client import Client, reason


class PingGateway:
    """As serving/app.py puts it together, without what a Ping does not need."""

    def __init__(self, front: str, port: int) -> None:
        clock = SystemClock()
        codec = codecs(clock)[PING]
        self.engine = Engine([Route(PING, Lane.ENGINE, codec.decode, lambda queries, turn: queries, codec.encode)])
        params = DoorParams(front, FrontParams(port=port), 0, "127.0.0.1", (0,))
        self.doors = Doors(
            params,
            [PING],
            self.engine,
            lambda: admin_app(lambda: (True, "ready"), registry(self.engine.telemetry, dict)),
            clock,
        )
        self.closed = False

    @property
    def addresses(self) -> Addresses:
        return self.doors.addresses

    def start(self) -> None:
        self.doors.open()

    def ready(self) -> tuple[bool, str]:
        return True, ""

    def healthy(self) -> tuple[bool, str]:
        return True, ""

    def load(self) -> Load:
        return Load(0.0, 0.0)

    def close(self, grace_s: float) -> None:
        self.doors.close(grace_s)
        self.engine.drain(grace_s)
        self.doors.close_admin()
        self.closed = True


class Backing:
    """A store that nobody needs; counts how it is treated."""

    def __init__(self) -> None:
        self.settings = "settings"
        self.problems: list[StoregateError] = []
        self.asked = threading.Event()
        self.closed = False

    def look(self, say: Say) -> None:
        if self.problems:
            raise self.problems.pop()
        say("looked")
        self.asked.set()

    def close(self) -> None:
        self.closed = True


class World:
    """A plan, and what became of its parts."""

    def __init__(self, home: Path, front: str = "native", port: int = 0, *, start: Callable[[], None] = bool) -> None:
        self.backing = Backing()
        self.gateways: list[PingGateway] = []
        self.said: list[str] = []

        def build(settings: Any, shared: bool, connect: Connect | None) -> PingGateway:
            assert (settings, shared, connect) == ("settings", False, None)
            start()
            self.gateways.append(PingGateway(front, port))
            return self.gateways[-1]

        def probe(addresses: Addresses) -> None:
            if problem := grpc_health(addresses.host, addresses.grpc_port):
                raise NotReady(problem)

        self.plan = Plan(
            RuntimeParams(grace_s=1.0),
            home,
            "127.0.0.1",
            {"server.grpc_port": port},
            lambda say: self.backing,
            build,
            lambda settings, ports: settings,
            probe,
        )

    def serve(self, on_ready: Callable[[list[Addresses], Departure], None]) -> None:
        serve_local(self.plan, self.said.append, on_ready)


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.mark.parametrize("front", ["native", "grpc.aio"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_leaves_nothing(tmp_path: Path, front: str, number: signal.Signals) -> None:
    """gRPC, HTTP and admin answer; after the signal every port is closed and no replica is announced."""
    world = World(tmp_path, front)
    seen: list[Addresses] = []

    def on_ready(addresses: list[Addresses], leave: Departure) -> None:
        (one,) = addresses
        seen.append(one)
        with Client(f"127.0.0.1:{one.grpc_port}", timeout_s=10) as client:
            client.ping()
        assert get(one.http_port, "/healthz")[0] == 200
        assert get(one.admin_port, "/readyz")[0] == 200
        assert b"storegate_calls_answered_total" in get(one.admin_port, "/metrics")[1]
        assert [each.addresses for each in replicas(tmp_path)] == [one]
        signal.raise_signal(number)

    world.serve(on_ready)
    assert len(seen) == 1
    assert world.gateways[0].closed
    assert world.backing.closed
    assert replicas(tmp_path) == []
    for port in (seen[0].grpc_port, seen[0].http_port, seen[0].admin_port):
        with closing(socket.socket()) as sock:
            assert sock.connect_ex(("127.0.0.1", port)) != 0


def test_a_signal_during_the_start_ends_it_in_order(tmp_path: Path) -> None:
    """What was started is closed; nobody is told that it serves; the home is free again."""
    world = World(tmp_path, start=lambda: signal.raise_signal(signal.SIGTERM))
    world.serve(lambda addresses, leave: pytest.fail("it must not say that it serves"))
    assert world.backing.closed
    assert world.said == ["asked to leave during the start"]
    World(tmp_path).serve(lambda addresses, leave: leave.ask())


def test_a_taken_port_is_told_before_anything_is_started(tmp_path: Path) -> None:
    """The error names the setting and the port."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        world = World(tmp_path, port=port)
        with pytest.raises(SettingError, match=rf"server\.grpc_port: port {port} .*taken"):
            world.serve(lambda addresses, leave: leave.ask())
    assert world.gateways == []


def test_a_start_that_fails_closes_what_it_had(tmp_path: Path) -> None:
    """The store is closed, the error comes through, the home is free."""

    def fail() -> None:
        raise NotReady("nothing has been trained")

    world = World(tmp_path, start=fail)
    with pytest.raises(NotReady, match="trained"):
        world.serve(lambda addresses, leave: leave.ask())
    assert world.backing.closed
    World(tmp_path).serve(lambda addresses, leave: leave.ask())


def test_the_store_is_looked_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again; what cannot be mended does not end the gateway."""
    monkeypatch.setattr("serving.runtime.local.WATCH_S", 0.01)
    world = World(tmp_path)
    world.backing.problems = [NotReady("not yet"), NotReady("not yet")]
    timer: list[threading.Thread] = []

    def on_ready(addresses: list[Addresses], leave: Departure) -> None:
        def ask_when_seen() -> None:
            world.backing.asked.wait(20)
            leave.ask()

        timer.append(threading.Thread(target=ask_when_seen))
        timer[0].start()

    world.serve(on_ready)
    timer[0].join(20)
    assert world.backing.problems == []
    assert "looked" in world.said


def test_calls_after_the_end_are_refused(tmp_path: Path) -> None:
    """A client that keeps its connection hears UNAVAILABLE, which its retry policy understands."""
    clients: list[Client] = []

    def on_ready(addresses: list[Addresses], leave: Departure) -> None:
        clients.append(Client(f"127.0.0.1:{addresses[0].grpc_port}", timeout_s=5, connections=1))
        clients[0].ping()
        leave.ask()

    World(tmp_path).serve(on_ready)
    with clients[0] as client, pytest.raises(grpc.RpcError) as caught:
        client.ping()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason(caught.value) in ("", "NOT_READY")
