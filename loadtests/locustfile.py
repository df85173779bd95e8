"""Locust users for a running gateway: `make loadtest`, or `locust -f loadtests/locustfile.py` with its web page.

locust -f loadtests/locustfile.py --host http://127.0.0.1:8080 --grpc-port 50051
locust -f loadtests/locustfile.py --headless --scenario spike --users 40 --expect 'p99_ms<=100' --processes 2
"""

from __future__ import annotations

from loadtests.scenarios import plugin  # noqa: F401  # its hooks
from loadtests.scenarios.asking import GatewayUser
from loadtests.scenarios.setup import Setup
from loadtests.scenarios.transports import GrpcTransport, HttpTransport, Transport


class GatewayGrpcUser(GatewayUser):
    """Asks over gRPC, on a channel of its own, with a deadline."""

    def transport(self, setup: Setup) -> Transport:
        host = f"[{setup.host}]" if ":" in setup.host else setup.host
        return GrpcTransport(f"{host}:{setup.grpc_port}")


class GatewayHttpUser(GatewayUser):
    """Asks over HTTP with JSON."""

    def transport(self, setup: Setup) -> Transport:
        return HttpTransport(setup.host, setup.http_port)


class BulkGrpcUser(GatewayGrpcUser):
    """Heavy calls over gRPC, in the bulk stage of a scenario that has one."""

    bulk = True


class BulkHttpUser(GatewayHttpUser):
    """Heavy calls over HTTP."""

    bulk = True
