"""What the native front cannot do, because its clients cannot stream: grpc.health.v1, server reflection, and streams of
events and of plans.

A grpcio server on a Unix socket in a private folder; the front passes on every method that is not its own. Calls it
does not know either are answered UNIMPLEMENTED.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from serving.transport.event_stream import EventStreams
from serving.transport.plan_stream import PlanStreams

CONCURRENT_MAX = 64
"""Open reflection sessions, streams and waiting calls together; more are refused with RESOURCE_EXHAUSTED.
Each may hold a thread for as long as its client likes, and a load balancer's health check must not wait for one: so
there are as many."""
CLOSE_S_MAX = 5.0


class Sidekick:
    """Started when constructed. `path` is the socket."""

    def __init__(
        self, services: Sequence[str], streams: EventStreams, plans: PlanStreams, payload_bytes_max: int
    ) -> None:
        """services: full names of the gateway's services, which reflection lists and health knows. payload_bytes_max:
        of a message; what is larger is refused by who handles it, with the facts, and beyond that by grpcio."""
        self._services = ("", *services)
        self._folder = Path(tempfile.mkdtemp(prefix="storegate-"))  # mode 0700
        self.path = str(self._folder / "side.sock")
        self._health = health.HealthServicer()
        self.set_serving(False)
        self._threads = ThreadPoolExecutor(CONCURRENT_MAX, thread_name_prefix="side")
        received_max = min(4 * payload_bytes_max + (4 << 20), 2**31 - 1)
        self._server = grpc.server(
            self._threads,
            maximum_concurrent_rpcs=CONCURRENT_MAX,
            options=[("grpc.max_receive_message_length", received_max)],
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((*services, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        self._server.add_generic_rpc_handlers((streams, plans))
        self._server.add_insecure_port(f"unix:{self.path}")
        self._server.start()

    def set_serving(self, serving: bool) -> None:
        """What health says of every service; watchers are told."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in self._services:
            self._health.set(service, status)

    def close(self) -> None:
        """Ends all its calls and removes the socket."""
        self._server.stop(0).wait(CLOSE_S_MAX)
        self._threads.shutdown(wait=False)
        shutil.rmtree(self._folder, ignore_errors=True)
