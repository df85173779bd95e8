"""What a replica takes, and where: the engine's bounds, its listeners, and the admin ports of workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from serving.edge import PORT_MAX, slots_of
from serving.engine.batcher import Limits
from serving.engine.engine import EngineParams
from serving.runtime.doors import DoorParams
from serving.settings import Settings
from serving.transport.edge_config import LOOPBACK
from serving.transport.front_params import FrontParams
from serving.transport.tokens import token_digest
from serving.workers import deployed, io_cores

BEHIND_EDGE_IDLE_S = 75.0
"""After which a replica closes an idle HTTP connection of the edge: later than the edge does, which may be using it."""


def engine_params(settings: Settings) -> EngineParams:
    """The engine's bounds."""
    engine = settings.engine
    return EngineParams(
        Limits(
            engine.batch_max,
            engine.queue_max,
            engine.queue_seconds_max,
            engine.bulk_queue_max,
            engine.wait_ms_target / 1000,
            engine.queue_mib_max << 20,
        ),
        Limits(
            engine.writes_batch_max,
            engine.writes_queue_max,
            engine.queue_seconds_max,
            queue_bytes_max=engine.queue_mib_max << 20,
        ),
        settings.server.payload_bytes_max,
        engine.stalled_s_max,
    )


def door_params(settings: Settings, shared_ports: bool, spare: int = 0) -> list[DoorParams]:
    """The listeners, where they may be: the first that can be bound are to be used. spare: cores of this machine that
    the replica's other threads keep off.

    A rollout runs old and new replicas side by side, and other programs may hold a few ports.
    """
    server = settings.server
    tokens = (token_digest(server.bearer_token),) if server.bearer_token else ()
    grpc = FrontParams(
        server.host,
        server.grpc_port,
        server.payload_bytes_max,
        shared_ports,
        tokens,
        plans=settings.route.limits,
        io_cores=io_cores(settings, spare),
        realtime=server.realtime and spare > 0,
    )
    admin_ports = range(server.admin_port, _after(settings))
    shared = DoorParams(
        server.front, grpc, server.http_port, server.admin_host, admin_ports if server.admin_port else (0,)
    )
    if not settings.edge.stands:
        return [shared]
    slots = slots_of(settings)
    return [
        replace(
            shared,
            grpc=replace(grpc, host=LOOPBACK, port=slots.grpc + slot, reuse_port=False),
            http_port=slots.http + slot,
            admin_ports=(slots.admin + slot,),
            http_idle_s=BEHIND_EDGE_IDLE_S,
        )
        for slot in range(slots.count)
    ]


def worker_admin(settings: Settings) -> tuple[str, Sequence[int]]:
    """Where the admin listeners of workers may be: after those of the replicas, any where those are anywhere."""
    server = settings.server
    if not server.admin_port:
        return server.admin_host, (0,)
    first = _after(settings)
    last = first + 2 * sum(spec.params.bounds.most for spec in deployed(settings)) + 16
    return server.admin_host, [*range(first, min(last, PORT_MAX)), 0]


def _after(settings: Settings) -> int:
    """The first port after those of the replicas' admin listeners."""
    return settings.server.admin_port + 2 * settings.runtime.bounds.most + 16
