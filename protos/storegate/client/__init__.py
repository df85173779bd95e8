"""A thin client for storefronts: one call, one line; messages of storegate.v1 come back.

    from storegate.client import Client

    with Client("127.0.0.1:50051") as shop:
        for result in shop.recommend(user_id="17850", page_size=5).results:
            print(result.title, [reason.text for reason in result.reasons])

Errors are grpc.RpcError; `reason(error)` gives the gateway's stable word, for example "OVERLOADED". protos/README.md
tells how it is to be used in a storefront.
"""

from __future__ import annotations

from storegate.client.batch import BatchCalls
from storegate.client.catalog import CatalogCalls
from storegate.client.connections import Tls
from storegate.client.errors import reason
from storegate.client.events import UserEventCalls
from storegate.client.forecast import ForecastCalls
from storegate.client.inventory import InventoryCalls
from storegate.client.models import ModelCalls
from storegate.client.placement import PlacementCalls
from storegate.client.pricing import PricingCalls
from storegate.client.recommendation import RecommendationCalls
from storegate.client.retries import RETRIES_LEFT, SERVICE_CONFIG
from storegate.client.routing import RoutingCalls
from storegate.v1 import gateway_pb2

__all__ = ["RETRIES_LEFT", "SERVICE_CONFIG", "Client", "Tls", "reason"]


class Client(
    RecommendationCalls,
    UserEventCalls,
    CatalogCalls,
    ForecastCalls,
    InventoryCalls,
    PlacementCalls,
    RoutingCalls,
    ModelCalls,
    PricingCalls,
    BatchCalls,
):
    """Works from any thread. Calls are spread over `connections` connections: where replicas share a port, the kernel
    gives each connection to one of them, so several reach several. Connections are dialled anew now and then, each at
    a moment of its own, so that replicas started later get their share."""

    def ping(self, *, timeout_s: float | None = None) -> gateway_pb2.PingResponse:
        """Asks for nothing."""
        return self._call("gateway", "Ping", gateway_pb2.PingRequest(), timeout_s)
