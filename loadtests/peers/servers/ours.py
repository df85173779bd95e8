"""Ours: the engine and the native front in a replica on Ray Serve, put together as in serving/app.py.

One method, `Rank`, runs on the engine's computing lane with the gateway's own bounds; Ray, the port that replicas
share, health and the admin port are the gateway's too. There is no store and no catalogue behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from loadtests.peers.pipeline import Page, Pipeline, Query
from loadtests.peers.servers.codec import decode, encode
from serving.core.clock import SystemClock
from serving.core.errors import NotReady
from serving.core.turn import Turn
from serving.engine.calls import Lane, Route
from serving.engine.engine import Engine
from serving.engine.remote import Connect
from serving.listening import engine_params
from serving.runtime.doors import ADMIN_CLOSE_S, first_free
from serving.runtime.launch import launch
from serving.runtime.metrics import registry
from serving.runtime.params import RuntimeParams
from serving.runtime.parts import Addresses, Plan, Say
from serving.settings import Settings
from serving.transport.admin_face import admin_app
from serving.transport.front_params import FrontParams
from serving.transport.native_front import NativeFront
from serving.transport.probe import grpc_health

HOST = "127.0.0.1"
SERVICE, RANK = "storegate.peers.v1.RankerService", "/storegate.peers.v1.RankerService/Rank"
PORT = "server.grpc_port"


@dataclass(frozen=True, slots=True)
class Work:
    """What a replica is sent. folder: the pipeline's."""

    folder: Path
    port: int
    home: Path


class RankerReplica:
    """One replica: serving.runtime.parts.Gateway."""

    def __init__(self, work: Work, shared_ports: bool, connect: Connect | None) -> None:
        pipeline = Pipeline(work.folder)

        def run(queries: Sequence[Query], turn: Turn) -> list[Page]:
            return pipeline.rank(queries)

        clock = SystemClock()
        settings = Settings(home=work.home)
        self._clock, self._engine = (
            clock,
            Engine([Route(RANK, Lane.ENGINE, decode, run, encode)], engine_params(settings), clock),
        )
        self._front = NativeFront(FrontParams(HOST, work.port, reuse_port=shared_ports), [RANK], [SERVICE], clock)
        self._admin = first_free(admin_app(self.healthy, registry(self._engine.telemetry, dict)), HOST, (0,))

    @property
    def addresses(self) -> Addresses:
        return Addresses(HOST, self._front.port, 0, HOST, self._admin.port)

    def start(self) -> None:
        self._admin.start()
        self._front.start(self._engine)
        self._front.set_serving(True)

    def ready(self) -> tuple[bool, str]:
        return self.healthy()

    def healthy(self) -> tuple[bool, str]:
        if self._engine.healthy(self._clock.monotonic()):
            return True, ""
        return False, "the engine stands still"

    def close(self, grace_s: float) -> None:
        self._front.close(grace_s)
        self._engine.drain(grace_s)
        self._admin.close(ADMIN_CLOSE_S)


@dataclass(frozen=True, slots=True)
class NoStore:
    """serving.runtime.parts.Backing without a store."""

    settings: Work

    def look(self, say: Say) -> None: ...

    def close(self) -> None: ...


def main(folder: Path, port: int) -> None:
    home = Path.cwd() / "home"
    launch(plan(Work(folder, port, home)), print, lambda addresses, departure: None)


def plan(work: Work) -> Plan:
    """What the runtime needs to run it."""
    return Plan(
        params=RuntimeParams(),
        home=work.home,
        host=HOST,
        ports={PORT: work.port},
        open_backing=lambda say: NoStore(work),
        build=RankerReplica,
        with_ports=with_ports,
        probe=probe,
    )


def with_ports(work: Work, ports: Mapping[str, int]) -> Work:
    return replace(work, port=ports[PORT])


def probe(addresses: Addresses) -> None:
    """Raises NotReady until it serves."""
    problem = grpc_health(addresses.host, addresses.grpc_port)
    if problem:
        raise NotReady(problem)
