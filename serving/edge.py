"""The edge of a node: from settings to slots, to HAProxy's configuration, to its process."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from serving.adapters.haproxy import Haproxy
from serving.core.errors import SettingError
from serving.runtime.home import home_mark, run_folder
from serving.runtime.parts import Front, Say
from serving.runtime.ports import free_block
from serving.settings import Settings
from serving.transport.edge_config import LOOPBACK, EdgeSite, Slots, render

PORT_MAX = 65535


class NodeEdge:
    """HAProxy at the ports of the settings. Started when constructed; see Haproxy."""

    def __init__(self, settings: Settings, ports: Mapping[str, int]) -> None:
        """ports: "server.grpc_port" and "server.http_port" -> what is free. Raises SettingError."""
        server = settings.server
        tls = bool(settings.edge.tls_certificate)
        self.front = Front(server.host, ports["server.grpc_port"], ports["server.http_port"], tls)
        self._grace_s = settings.runtime.grace_s
        self._haproxy = Haproxy(edge_folder(settings), lambda socket: configuration(settings, self.front, socket))

    def ready_replicas(self) -> int:
        return self._haproxy.up().get("grpc_out", 0)

    def look(self, say: Say) -> None:
        self._haproxy.look(say)

    def close(self) -> None:
        self._haproxy.close(self._grace_s)


def edge_folder(settings: Settings) -> Path:
    """Where the edge's configuration, log and admin socket are; made when it is not there, private to its user."""
    folder = run_folder(settings.home) / "edge"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def configuration(settings: Settings, front: Front, admin_socket: Path) -> str:
    """HAProxy's configuration for these settings, listening at `front`."""
    server = settings.server
    site = EdgeSite(
        host=front.host,
        grpc_port=front.grpc_port,
        http_port=front.http_port,
        admin_host=server.admin_host,
        slots=slots_of(settings),
        payload_bytes_max=server.payload_bytes_max,
        admin_socket=admin_socket,
        home_mark=home_mark(settings.home),
        leave_s=settings.runtime.grace_s,
    )
    return render(site, settings.edge)


def slots_of(settings: Settings) -> Slots:
    """Twice as many slots as there may be replicas, because a rollout runs old and new ones side by side.

    Raises SettingError when ports are not there or are wanted twice.
    """
    keys = ("edge.replica_grpc_port", "edge.replica_http_port", "server.admin_port")
    edge, count = settings.edge, 2 * settings.runtime.bounds.most
    firsts = (edge.replica_grpc_port, edge.replica_http_port, settings.server.admin_port)
    for key, first in zip(keys, firsts, strict=True):
        if not 0 < first <= PORT_MAX - count:
            raise SettingError(f"{key}: {count} ports from {first} on are needed, up to {PORT_MAX}", key=key)
    for (key, first), (other, beside) in combinations(zip(keys, firsts, strict=True), 2):
        if abs(first - beside) < count:
            raise SettingError(f"{key}: {count} ports from {first} on meet those of {other} ({beside})", key=key)
    return Slots(*firsts, count)


def with_slots(settings: Settings, rng: random.Random) -> Settings:
    """The settings with free ports where they say 0."""
    count, edge, server = 2 * settings.runtime.bounds.most, settings.edge, settings.server
    return replace(
        settings,
        edge=replace(
            edge,
            replica_grpc_port=edge.replica_grpc_port or free_block(LOOPBACK, count, "edge.replica_grpc_port", rng),
            replica_http_port=edge.replica_http_port or free_block(LOOPBACK, count, "edge.replica_http_port", rng),
        ),
        server=replace(
            server, admin_port=server.admin_port or free_block(server.admin_host, count, "server.admin_port", rng)
        ),
    )
