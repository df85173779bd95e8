"""A real HAProxy under our template, in front of real listeners in this process whose engine is a few lines."""

from __future__ import annotations

import random
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import grpc
from prometheus_client import CollectorRegistry

from serving.adapters.haproxy import Haproxy
from serving.core.clock import SystemClock
from serving.core.errors import Overloaded
from serving.engine.calls import Call, Responder
from serving.runtime.doors import DoorParams, Doors
from serving.runtime.ports import SharedPorts, free_block
from serving.transport.admin_face import admin_app
from serving.transport.edge_config import LOOPBACK, EdgeSite, Slots, render
from serving.transport.edge_params import EdgeParams
from serving.transport.front_params import FrontParams
from serving.transport.http_server import HttpServer

PING = "/storegate.v1.GatewayService/Ping"
HELD = "/storegate.v1.RecommendationService/Rerank"
REFUSED = "/storegate.v1.RecommendationService/Recommend"
ROLLBACK = "/storegate.v1.ModelService/RollbackModel"
OVERLOADED = Overloaded("the queue is full: retry", 2.5)
MARK = "0123456789abcdef"
SLOTS = 4
PAYLOAD_BYTES_MAX = 1 << 20
WAIT_S = 20.0
QUICK = EdgeParams(check_s=0.05, request_s_max=0.5)

T = TypeVar("T")


def awaited(look: Callable[[], T], what: str, within_s: float = WAIT_S) -> T:
    """The first true thing that `look` sees; fails, naming `what`, when there is none in time."""
    until = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < until, f"not within {within_s:g} s: {what}"
        time.sleep(0.01)
    return seen


class Few:
    """An Intake: PING is answered at once with nothing, REFUSED is refused, HELD waits for `release`."""

    def __init__(self) -> None:
        self.seen: list[Call] = []
        self.held: list[Call] = []
        self.cancelled = 0
        self.changed = threading.Condition()

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        with self.changed:
            self.seen += calls
            self.held += [call for call in calls if call.method == HELD]
            self.changed.notify_all()
        for call in calls:
            if call.method == PING:
                call.responder.respond(call.call_id, b"")
            elif call.method == REFUSED:
                call.responder.fail(call.call_id, OVERLOADED)
        return False

    def cancel(self, responder: Responder, call_id: int) -> None:
        with self.changed:
            self.cancelled += 1
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, WAIT_S), (len(self.seen), len(self.held), self.cancelled)

    def forget(self) -> None:
        """As if nothing had come yet."""
        self.release()
        with self.changed:
            self.seen, self.cancelled = [], 0

    def release(self) -> None:
        """Answers all that is held."""
        with self.changed:
            calls, self.held = self.held, []
        for call in calls:
            call.responder.respond(call.call_id, b"")


class Replica:
    """Listeners in a slot, as a gateway's."""

    def __init__(self, slots: Slots, slot: int, mark: str = MARK) -> None:
        self.engine, self.ready = Few(), True
        front = FrontParams(port=slots.grpc + slot, payload_bytes_max=PAYLOAD_BYTES_MAX)
        self.doors = Doors(
            DoorParams("native", front, slots.http + slot, LOOPBACK, (slots.admin + slot,), 75.0),
            [PING, HELD, REFUSED],
            self.engine,
            lambda: admin_app(lambda: (self.ready, ""), CollectorRegistry(), mark),
            SystemClock(),
        )
        self.doors.open()

    def close(self) -> None:
        self.doors.close(0.0)
        self.doors.close_admin()


class Edge:
    """One HAProxy and its replicas."""

    def __init__(self, folder: Path, params: EdgeParams) -> None:
        rng = random.Random()
        self.slots = Slots(*(free_block(LOOPBACK, SLOTS, "a slot", rng) for _ in range(3)), SLOTS)
        self.replicas: list[Replica] = []
        ports = SharedPorts(LOOPBACK, {"grpc": 0, "http": 0})
        ports.close()
        self.grpc_port, self.http_port = ports.ports["grpc"], ports.ports["http"]
        self.haproxy = Haproxy(folder, lambda socket: render(site_at(self, socket), params))

    @property
    def target(self) -> str:
        return f"{LOOPBACK}:{self.grpc_port}"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}"

    def add(self, slot: int, mark: str = MARK) -> Replica:
        self.replicas.append(Replica(self.slots, slot, mark))
        return self.replicas[-1]

    @contextmanager
    def dying(self, slot: int, begun: bytes = b"") -> Iterator[dict[str, int]]:
        """A replica in the slot that is ready, takes every request and ends its connection instead of answering; how
        many it took, by protocol. begun: a block of headers (HPACK) that it sends before, over gRPC."""
        taken = {"grpc": 0, "http": 0}
        before = self.haproxy.up()["grpc_out"]
        with ExitStack() as stack:
            for protocol, port in (("grpc", self.slots.grpc + slot), ("http", self.slots.http + slot)):
                stack.enter_context(_taking(port, protocol, taken, begun))
            admin = HttpServer(
                admin_app(lambda: (True, ""), CollectorRegistry(), MARK), LOOPBACK, self.slots.admin + slot
            )
            admin.start()
            stack.callback(admin.close, 0.0)
            self.wait_up(before + 1)
            yield taken

    def wait_up(self, count: int) -> None:
        awaited(lambda: self.haproxy.up()["grpc_out"] == count, f"the edge sees {count} replicas")

    def close(self) -> None:
        for replica in self.replicas:
            replica.engine.release()
        self.haproxy.close(0.0)
        for replica in self.replicas:
            replica.close()


PREFACE_BYTES, SETTINGS, HEADERS, END_HEADERS = 24, bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), 1, 4
"""Of HTTP/2 (RFC 9113): what a client begins with, what a server does (no settings), the type of the frame that is a
request or begins an answer, and its flag when no more headers follow."""
STATUS_200 = b"\x88"
"""Of HPACK (RFC 7541): the whole block of an answer that begins well."""


@contextmanager
def _taking(port: int, protocol: str, taken: dict[str, int], begun: bytes) -> Iterator[None]:
    """Listens, and ends each connection when a request has come, and the answer to it has begun."""

    class Dying(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):
                if protocol == "grpc":
                    self.rfile.read(PREFACE_BYTES)
                    self.wfile.write(SETTINGS)
                    while (head := self.rfile.read(9)) and head[3] != HEADERS:
                        self.rfile.read(int.from_bytes(head[:3]))
                    if head and begun:
                        self.wfile.write(len(begun).to_bytes(3) + bytes([HEADERS, END_HEADERS]) + head[5:9] + begun)
                else:
                    head = self.rfile.readline()
                taken[protocol] += bool(head)

    class Listener(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads, block_on_close = True, True, False

    with Listener((LOOPBACK, port), Dying) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def site_at(edge: Edge, socket: Path) -> EdgeSite:
    return EdgeSite(
        LOOPBACK, edge.grpc_port, edge.http_port, LOOPBACK, edge.slots, PAYLOAD_BYTES_MAX, socket, MARK, leave_s=WAIT_S
    )


@contextmanager
def edge_at(folder: Path, params: EdgeParams = QUICK, replicas: int = 0) -> Iterator[Edge]:
    """An edge that has checked its slots, with replicas in the first ones."""
    edge = Edge(folder, params)
    try:
        for slot in range(replicas):
            edge.add(slot)
        edge.wait_up(replicas)
        yield edge
    finally:
        edge.close()


@contextmanager
def channel_to(target: str, credentials: grpc.ChannelCredentials | None = None) -> Iterator[Any]:
    """One connection of a plain client, which tries nothing twice."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    if credentials is None:
        made = grpc.insecure_channel(target, options)
    else:
        made = grpc.secure_channel(target, credentials, options)
    with made as channel:
        yield channel


def code_of(call: Any) -> str:
    """The name of the status that a call future ends with."""
    return str(call.code().name)
