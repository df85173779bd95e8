"""The connections to a gateway, and when they are dialled anew."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from storegate.client.retries import RECONNECT, SERVICE_CONFIG
from storegate.v1 import (
    batch_pb2_grpc,
    catalog_pb2_grpc,
    event_pb2_grpc,
    forecast_pb2_grpc,
    gateway_pb2_grpc,
    inventory_pb2_grpc,
    model_pb2_grpc,
    placement_pb2_grpc,
    pricing_pb2_grpc,
    recommendation_pb2_grpc,
    routing_pb2_grpc,
)


@dataclass(frozen=True, slots=True)
class Tls:
    """How the gateway's edge is to be believed, and what it is shown. All paths are of PEM files.

    ca: who certifies the edge, None = the authorities that gRPC carries. certificate, key: what the edge is shown when
    it asks for a certificate (mTLS), both or neither. server_name: the name that the edge's certificate must have,
    "" = that of the target. Raises ValueError, and OSError for a file that cannot be read when the client is made.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key: one is of no use without the other")

    def credentials(self) -> grpc.ChannelCredentials:
        pems = (None if path is None else path.read_bytes() for path in (self.ca, self.key, self.certificate))
        return grpc.ssl_channel_credentials(*pems)

    def options(self) -> list[tuple[str, Any]]:
        return [("grpc.ssl_target_name_override", self.server_name)] if self.server_name else []


def dialler(target: str, tls: Tls | None) -> Callable[[], grpc.Channel]:
    """Makes channels with a connection of their own; channels to one target otherwise share one."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.service_config", SERVICE_CONFIG), *RECONNECT]
    if tls is None:
        return lambda: grpc.insecure_channel(target, options)
    credentials = tls.credentials()
    return lambda: grpc.secure_channel(target, credentials, [*options, *tls.options()])


class Slot:
    """One connection, replaced when it is old. The one before it stays open until the next change, because calls may
    still run on it."""

    def __init__(
        self, dial: Callable[[], grpc.Channel], redial_s: float, rng: random.Random, clock: Callable[[], float]
    ) -> None:
        self._made, self._redial_s, self._rng, self._clock = dial, redial_s, rng, clock
        self._lock = threading.Lock()
        self._old: grpc.Channel | None = None
        self._channel, self._stubs, self._until = self._dial()

    def stubs(self) -> dict[str, Any]:
        if self._clock() >= self._until:
            with self._lock:
                if self._clock() >= self._until:
                    if self._old is not None:
                        self._old.close()
                    self._old = self._channel
                    self._channel, self._stubs, self._until = self._dial()
        return self._stubs

    def close(self) -> None:
        with self._lock:
            for channel in (self._old, self._channel):
                if channel is not None:
                    channel.close()

    def _dial(self) -> tuple[grpc.Channel, dict[str, Any], float]:
        """A new channel, its stubs, its end."""
        channel = self._made()
        stubs = {
            "recommendation": recommendation_pb2_grpc.RecommendationServiceStub(channel),
            "event": event_pb2_grpc.UserEventServiceStub(channel),
            "catalog": catalog_pb2_grpc.CatalogServiceStub(channel),
            "forecast": forecast_pb2_grpc.ForecastServiceStub(channel),
            "inventory": inventory_pb2_grpc.InventoryServiceStub(channel),
            "placement": placement_pb2_grpc.PlacementServiceStub(channel),
            "model": model_pb2_grpc.ModelServiceStub(channel),
            "routing": routing_pb2_grpc.RoutingServiceStub(channel),
            "batch": batch_pb2_grpc.BatchServiceStub(channel),
            "pricing": pricing_pb2_grpc.PricingServiceStub(channel),
            "gateway": gateway_pb2_grpc.GatewayServiceStub(channel),
        }
        return channel, stubs, self._clock() + self._redial_s * self._rng.uniform(0.5, 1.5)
