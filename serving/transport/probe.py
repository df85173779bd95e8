"""Asking a gateway over gRPC whether it serves, as a load balancer would."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def grpc_health(host: str, port: int, token: str = "", timeout_s: float = 2.0) -> str:
    """Why the gateway at this address does not serve; empty when it does."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    # A connection of its own: grpc would otherwise go on with one that failed, and wait before it dials again.
    with grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=timeout_s, metadata=metadata
            )
        except grpc.RpcError as error:
            return f"gRPC health on {target}: {error.code().name}, {error.details()}"
    serving = answer.status == health_pb2.HealthCheckResponse.SERVING
    return "" if serving else f"gRPC health on {target}: not serving yet"
