"""A thin client for storefronts: one call, one line; messages of storegate.v1 come back.

    from storegate.client import Client

    with Client("127.0.0.1:50051") as shop:
        for result in shop.recommend(user_id="17850", page_size=5).results:
            print(result.title, [reason.text for reason in result.reasons])

Errors are grpc.RpcError; `reason(error)` gives the gateway's stable word, for example "OVERLOADED". protos/README.md
tells how it is to be used in a storefront.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from storegate.v1 import (
    batch_pb2,
    batch_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    event_pb2,
    event_pb2_grpc,
    forecast_pb2,
    forecast_pb2_grpc,
    gateway_pb2,
    gateway_pb2_grpc,
    inventory_pb2,
    inventory_pb2_grpc,
    model_pb2,
    model_pb2_grpc,
    placement_pb2,
    placement_pb2_grpc,
    pricing_pb2,
    pricing_pb2_grpc,
    recommendation_pb2,
    recommendation_pb2_grpc,
    routing_pb2,
    routing_pb2_grpc,
)

RETRIED = (
    {"service": "storegate.v1.RecommendationService"},
    {"service": "storegate.v1.PricingService"},
    {"service": "storegate.v1.GatewayService"},
    {"service": "storegate.v1.UserEventService", "method": "WriteUserEvent"},  # idempotent by event_id
    {"service": "storegate.v1.UserEventService", "method": "ExportUser"},
    {"service": "storegate.v1.UserEventService", "method": "EraseUser"},  # idempotent by request_id
    {"service": "storegate.v1.CatalogService", "method": "GetItem"},
    {"service": "storegate.v1.ForecastService"},
    {"service": "storegate.v1.InventoryService"},
    {"service": "storegate.v1.PlacementService"},
    {"service": "storegate.v1.RoutingService"},
    *(
        {"service": "storegate.v1.ModelService", "method": method}
        for method in ("ListModels", "GetModel", "PromoteModel", "SetShadow", "SetTrafficSplit")
    ),
    *(
        {"service": "storegate.v1.BatchService", "method": method}
        for method in ("GetOperation", "ListOperations", "CancelOperation", "ResumeOperation")
    ),
)
"""Methods that may be sent again without harm; a replica that goes away while it is asked answers UNAVAILABLE."""

RETRIES_LEFT = 400
"""Half of it is how many attempts may fail on a connection before nothing is retried there any more; every two answers
give one back. In an outage, retries must not multiply the load."""

BATCH_S = 60.0
"""Deadline of a batch, and of questions about one: they wait behind others."""

BATCHING_S, SLOTTING_S = 1.0, 30.0
"""What the gateway searches where a request does not say."""

SEARCH_SPARE_S = 15.0
"""Beside the search itself: for calls that wait before it, and for large requests."""

STREAM_S = 60.0
"""Deadline of a stream of events, and what a stream of plans gets beside its time limit."""

_ACKNOWLEDGEMENTS = {None: event_pb2.ACKNOWLEDGEMENT_UNSPECIFIED, False: event_pb2.FAST, True: event_pb2.DURABLE}

SERVICE_CONFIG = json.dumps(
    {
        "retryThrottling": {"maxTokens": RETRIES_LEFT, "tokenRatio": 0.5},
        "methodConfig": [
            {
                "name": list(RETRIED),
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.01s",
                    "maxBackoff": "0.1s",
                    "backoffMultiplier": 3,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)

RECONNECT = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 1000))
"""A connection attempt that a dying replica resets is repeated before the retries of a call are used up; gRPC's default
waits a second, in which every call on that connection fails."""


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


class Client:
    """Works from any thread. Calls are spread over `connections` connections: where replicas share a port, the kernel
    gives each connection to one of them, so several reach several. Connections are dialled anew now and then, each at
    a moment of its own, so that replicas started later get their share."""

    def __init__(
        self,
        target: str,
        token: str | None = None,
        timeout_s: float = 0.2,
        *,
        tls: Tls | None = None,
        connections: int = 4,
        redial_s: float = 300.0,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """target: "host:port". timeout_s: deadline of every call that is not given one, its retries included.
        tls: None = none, for a gateway on this machine. redial_s: mean age of a connection at which it is replaced,
        50 % more or less at random (rng); must be far above every timeout."""
        if connections < 1 or timeout_s <= 0 or redial_s <= 2 * timeout_s:
            raise ValueError("connections must be 1 or more, timeout_s above 0, redial_s above twice timeout_s")
        self._timeout_s = timeout_s
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        dial = _dialler(target, tls)
        self._slots = tuple(_Slot(dial, redial_s, rng or random.Random(), clock) for _ in range(connections))
        self._turn = itertools.count()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all connections and what runs on them."""
        for slot in self._slots:
            slot.close()

    def recommend(
        self,
        user_id: str = "",
        *,
        visitor_id: str = "",
        placement: str = "",
        item_ids: Sequence[str] = (),
        page_size: int = 0,
        timeout_s: float | None = None,
        **fields: Any,
    ) -> recommendation_pb2.RecommendResponse:
        """The best items; further `fields` as in RecommendRequest."""
        request = recommendation_pb2.RecommendRequest(
            user_id=user_id,
            visitor_id=visitor_id,
            placement=placement,
            item_ids=item_ids,
            page_size=page_size,
            **fields,
        )
        return self._call("recommendation", "Recommend", request, timeout_s)

    def recommend_page(
        self,
        placements: Sequence[recommendation_pb2.PagePlacement | str],
        user_id: str = "",
        *,
        timeout_s: float | None = None,
        **fields: Any,
    ) -> recommendation_pb2.RecommendPageResponse:
        """Several placements of one page, by name or with their own rules, no item twice; further `fields` as in
        RecommendPageRequest."""
        parts = [recommendation_pb2.PagePlacement(placement=p) if isinstance(p, str) else p for p in placements]
        request = recommendation_pb2.RecommendPageRequest(placements=parts, user_id=user_id, **fields)
        return self._call("recommendation", "RecommendPage", request, timeout_s)

    def get_decision(self, decision_id: str, *, timeout_s: float | None = None) -> recommendation_pb2.Decision:
        """A logged decision."""
        request = recommendation_pb2.GetDecisionRequest(decision_id=decision_id)
        return self._call("recommendation", "GetDecision", request, timeout_s)

    def replay_decision(
        self, decision_id: str, *, timeout_s: float | None = None
    ) -> recommendation_pb2.ReplayDecisionResponse:
        """A logged decision made again, and what came out otherwise."""
        request = recommendation_pb2.ReplayDecisionRequest(decision_id=decision_id)
        return self._call("recommendation", "ReplayDecision", request, timeout_s)

    def rerank(
        self, item_ids: Sequence[str], user_id: str = "", *, timeout_s: float | None = None, **fields: Any
    ) -> recommendation_pb2.RerankResponse:
        """`item_ids` in the best order for this user; further `fields` as in RerankRequest."""
        request = recommendation_pb2.RerankRequest(item_ids=item_ids, user_id=user_id, **fields)
        return self._call("recommendation", "Rerank", request, timeout_s)

    def write_event(
        self,
        event_type: str,
        *,
        user_id: str = "",
        visitor_id: str = "",
        items: Iterable[str | tuple[str, int]] = (),
        event_id: str = "",
        durable: bool | None = None,
        timeout_s: float | None = None,
        **fields: Any,
    ) -> event_pb2.WriteUserEventResponse:
        """Tells what a visitor did. items: ids, or (id, quantity). event_id: chosen here when it is not given. durable:
        whether it is on the store's disk when this returns; None = the store's default."""
        pairs = [(item, 1) if isinstance(item, str) else item for item in items]
        event = event_pb2.UserEvent(
            event_id=event_id or uuid.uuid4().hex,
            event_type=event_type,
            user_id=user_id,
            visitor_id=visitor_id,
            items=[event_pb2.EventItem(item_id=item_id, quantity=quantity) for item_id, quantity in pairs],
            **fields,
        )
        request = event_pb2.WriteUserEventRequest(event=event, acknowledgement=_ACKNOWLEDGEMENTS[durable])
        return self._call("event", "WriteUserEvent", request, timeout_s)

    def stream_events(
        self,
        events: Iterable[event_pb2.UserEvent],
        *,
        durable: bool | None = None,
        timeout_s: float = STREAM_S,
    ) -> event_pb2.StreamUserEventsResponse:
        """Tells of many events at once; what became of them. timeout_s: for the whole stream. Safe to repeat when it
        ended early (UNAVAILABLE, RESOURCE_EXHAUSTED): every event has an event_id."""
        when = _ACKNOWLEDGEMENTS[durable]
        requests = (event_pb2.WriteUserEventRequest(event=event, acknowledgement=when) for event in events)
        return self._call("event", "StreamUserEvents", requests, timeout_s)

    def import_events(
        self,
        uri: str,
        *,
        start_file: str = "",
        skip_rows: int = 0,
        validate_only: bool = False,
        durable: bool | None = None,
        timeout_s: float = STREAM_S,
    ) -> event_pb2.ImportUserEventsResponse:
        """Lets the gateway read files of events (a path below its import folder, or a URI) as far as it comes in one
        call; until the answer is complete, ask again with its next_file and next_row. Safe to repeat."""
        request = event_pb2.ImportUserEventsRequest(
            uri=uri,
            start_file=start_file,
            skip_rows=skip_rows,
            validate_only=validate_only,
            acknowledgement=_ACKNOWLEDGEMENTS[durable],
        )
        return self._call("event", "ImportUserEvents", request, timeout_s)

    def export_user(
        self, user_id: str = "", *, visitor_id: str = "", page_size: int = 0, timeout_s: float = STREAM_S
    ) -> Iterator[event_pb2.ExportedRecord]:
        """All that is stored of a user, or of a visitor; page after page is asked for. timeout_s: of each page."""
        request = event_pb2.ExportUserRequest(user_id=user_id, visitor_id=visitor_id, page_size=page_size)
        while True:
            answer = self._call("event", "ExportUser", request, timeout_s)
            yield from answer.records
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    def erase_user(
        self, user_id: str = "", *, visitor_id: str = "", request_id: str = "", timeout_s: float | None = None
    ) -> event_pb2.EraseUserResponse:
        """Erases a user, or a visitor. Asked again with the request_id that was given, or answered, it tells how far it
        is."""
        request = event_pb2.EraseUserRequest(
            user_id=user_id, visitor_id=visitor_id, request_id=request_id or uuid.uuid4().hex
        )
        return self._call("event", "EraseUser", request, timeout_s)

    def get_item(self, item_id: str, *, timeout_s: float | None = None) -> catalog_pb2.Item:
        """One item of the catalogue."""
        return self._call("catalog", "GetItem", catalog_pb2.GetItemRequest(item_id=item_id), timeout_s)

    def upsert_items(
        self, items: Iterable[catalog_pb2.Item], *, timeout_s: float | None = None
    ) -> catalog_pb2.UpsertItemsResponse:
        """Creates or replaces items."""
        return self._call("catalog", "UpsertItems", catalog_pb2.UpsertItemsRequest(items=items), timeout_s)

    def delete_items(
        self, item_ids: Iterable[str], *, timeout_s: float | None = None
    ) -> catalog_pb2.DeleteItemsResponse:
        """Takes items off sale."""
        return self._call("catalog", "DeleteItems", catalog_pb2.DeleteItemsRequest(item_ids=item_ids), timeout_s)

    def set_stock(
        self, updates: Iterable[catalog_pb2.StockUpdate], *, timeout_s: float | None = None
    ) -> catalog_pb2.SetStockResponse:
        """Reports stock by location."""
        return self._call("catalog", "SetStock", catalog_pb2.SetStockRequest(updates=updates), timeout_s)

    def set_prices(
        self, updates: Iterable[catalog_pb2.PriceUpdate], *, timeout_s: float | None = None
    ) -> catalog_pb2.SetPricesResponse:
        """Sets prices, costs, list prices, and what to compare with."""
        return self._call("catalog", "SetPrices", catalog_pb2.SetPricesRequest(updates=updates), timeout_s)

    def forecast_demand(
        self, item_ids: Iterable[str], *, timeout_s: float | None = None, **fields: Any
    ) -> forecast_pb2.ForecastDemandResponse:
        """How much will sell; further `fields` as in ForecastDemandRequest."""
        request = forecast_pb2.ForecastDemandRequest(item_ids=item_ids, **fields)
        return self._call("forecast", "ForecastDemand", request, timeout_s)

    def plan_replenishment(
        self, items: Iterable[inventory_pb2.ReplenishItem], *, timeout_s: float | None = None, **fields: Any
    ) -> inventory_pb2.PlanReplenishmentResponse:
        """What to order now; further `fields` as in PlanReplenishmentRequest."""
        request = inventory_pb2.PlanReplenishmentRequest(items=items, **fields)
        return self._call("inventory", "PlanReplenishment", request, timeout_s)

    def allocate_stock(
        self, items: Iterable[inventory_pb2.AllocationItem], *, timeout_s: float | None = None, **fields: Any
    ) -> inventory_pb2.AllocateStockResponse:
        """Which location gets what there is; further `fields` as in AllocateStockRequest."""
        request = inventory_pb2.AllocateStockRequest(items=items, **fields)
        return self._call("inventory", "AllocateStock", request, timeout_s)

    def batch_orders(
        self, request: placement_pb2.BatchOrdersRequest, *, timeout_s: float | None = None
    ) -> placement_pb2.BatchOrdersResponse:
        """Which orders are picked together, and the walk of each batch. timeout_s: None = the search, and a while."""
        timeout_s = timeout_s or (request.search_seconds or BATCHING_S) + SEARCH_SPARE_S
        return self._call("placement", "BatchOrders", request, timeout_s)

    def plan_slotting(
        self, request: placement_pb2.PlanSlottingRequest, *, timeout_s: float | None = None
    ) -> placement_pb2.PlanSlottingResponse:
        """Where items should lie, and the moves that lead there. timeout_s: None = the search, and a while."""
        timeout_s = timeout_s or (request.search_seconds or SLOTTING_S) + SEARCH_SPARE_S
        return self._call("placement", "PlanSlotting", request, timeout_s)

    def plan_routes(
        self, request: routing_pb2.PlanRoutesRequest, *, timeout_s: float | None = None
    ) -> Iterator[routing_pb2.PlanRoutesResponse]:
        """Ever better plans; the last one is final. timeout_s: None = the request's time limit and a minute. To close
        the iterator ends the work."""
        slot = self._slots[next(self._turn) % len(self._slots)]
        limit = timeout_s or request.time_limit_s + STREAM_S
        plans = slot.stubs()["routing"].PlanRoutes(request, timeout=limit, metadata=self._metadata)
        try:
            yield from plans
        finally:
            plans.cancel()

    def replan_routes(
        self, request: routing_pb2.ReplanRoutesRequest, *, timeout_s: float | None = None
    ) -> routing_pb2.ReplanRoutesResponse:
        """A running plan after what has happened."""
        return self._call("routing", "ReplanRoutes", request, timeout_s)

    def list_models(self, *, timeout_s: float | None = None) -> model_pb2.ListModelsResponse:
        """All models and who answers whom."""
        return self._call("model", "ListModels", model_pb2.ListModelsRequest(), timeout_s)

    def get_model(self, name: str, *, timeout_s: float | None = None) -> model_pb2.Model:
        """One model."""
        return self._call("model", "GetModel", model_pb2.GetModelRequest(name=name), timeout_s)

    def promote_model(
        self, name: str, *, validate_only: bool = False, timeout_s: float | None = None
    ) -> model_pb2.Rollout:
        """Makes a model live. It is loaded and checked first, which takes seconds: allow for them."""
        request = model_pb2.PromoteModelRequest(name=name, validate_only=validate_only)
        return self._call("model", "PromoteModel", request, timeout_s)

    def rollback_model(self, *, expected_live: str = "", timeout_s: float | None = None) -> model_pb2.Rollout:
        """Makes the model before the live one live again; likewise."""
        request = model_pb2.RollbackModelRequest(expected_live=expected_live)
        return self._call("model", "RollbackModel", request, timeout_s)

    def set_shadow(self, name: str, share: float = 0.0, *, timeout_s: float | None = None) -> model_pb2.Rollout:
        """Compares a model with what is served; likewise. "" = none any more; share: of the requests, 0 = 0.05."""
        return self._call("model", "SetShadow", model_pb2.SetShadowRequest(name=name, share=share), timeout_s)

    def set_traffic_split(
        self, shares: Mapping[str, float], seed: int = 0, *, timeout_s: float | None = None
    ) -> model_pb2.Rollout:
        """Gives models their shares of the visitors, the live one what is left; likewise. {} = all of them."""
        arms = [model_pb2.TrafficArm(name=name, share=share) for name, share in shares.items()]
        request = model_pb2.SetTrafficSplitRequest(split=model_pb2.TrafficSplit(arms=arms, seed=seed))
        return self._call("model", "SetTrafficSplit", request, timeout_s)

    def quote_prices(
        self, item_ids: Iterable[str], *, currency_code: str = "", timeout_s: float | None = None
    ) -> pricing_pb2.QuotePricesResponse:
        """The price of each item, the same for everybody. currency_code: that is expected, "" = any."""
        request = pricing_pb2.QuotePricesRequest(item_ids=item_ids, currency_code=currency_code)
        return self._call("pricing", "QuotePrices", request, timeout_s)

    def simulate_prices(
        self, item_ids: Iterable[str], prices_minor: Iterable[int] = (), *, timeout_s: float | None = None
    ) -> pricing_pb2.SimulatePricesResponse:
        """What is expected at other prices, and which rule forbids them."""
        request = pricing_pb2.SimulatePricesRequest(item_ids=item_ids, prices_minor=prices_minor)
        return self._call("pricing", "SimulatePrices", request, timeout_s)

    def batch_quote_prices(
        self, request: batch_pb2.BatchQuotePricesRequest, *, timeout_s: float = BATCH_S
    ) -> batch_pb2.BatchQuotePricesResponse:
        """Quotes for many: inline, a page of all items, or as an operation over files."""
        return self._call("batch", "BatchQuotePrices", request, timeout_s)

    def batch_recommend(
        self, request: batch_pb2.BatchRecommendRequest, *, timeout_s: float = BATCH_S
    ) -> batch_pb2.BatchRecommendResponse:
        """Answers for many: inline, or as an operation over files."""
        return self._call("batch", "BatchRecommend", request, timeout_s)

    def batch_forecast(
        self, request: batch_pb2.BatchForecastRequest, *, timeout_s: float = BATCH_S
    ) -> batch_pb2.BatchForecastResponse:
        """Forecasts for many: inline, or as an operation over files."""
        return self._call("batch", "BatchForecast", request, timeout_s)

    def batch_score(
        self, request: batch_pb2.BatchScoreRequest, *, timeout_s: float = BATCH_S
    ) -> batch_pb2.BatchScoreResponse:
        """Rows through a model: inline, or as an operation over files."""
        return self._call("batch", "BatchScore", request, timeout_s)

    def get_operation(self, name: str, *, timeout_s: float = BATCH_S) -> batch_pb2.Operation:
        """How far a batch over files is."""
        return self._call("batch", "GetOperation", batch_pb2.GetOperationRequest(name=name), timeout_s)

    def list_operations(self, *, timeout_s: float = BATCH_S) -> batch_pb2.ListOperationsResponse:
        """The newest of them."""
        return self._call("batch", "ListOperations", batch_pb2.ListOperationsRequest(), timeout_s)

    def cancel_operation(self, name: str, *, timeout_s: float = BATCH_S) -> batch_pb2.Operation:
        """Asks it to end."""
        return self._call("batch", "CancelOperation", batch_pb2.CancelOperationRequest(name=name), timeout_s)

    def resume_operation(self, name: str, *, timeout_s: float = BATCH_S) -> batch_pb2.Operation:
        """Lets it go on where it stopped."""
        return self._call("batch", "ResumeOperation", batch_pb2.ResumeOperationRequest(name=name), timeout_s)

    def ping(self, *, timeout_s: float | None = None) -> gateway_pb2.PingResponse:
        """Asks for nothing."""
        return self._call("gateway", "Ping", gateway_pb2.PingRequest(), timeout_s)

    def _call(self, stub: str, method: str, request: Any, timeout_s: float | None) -> Any:
        slot = self._slots[next(self._turn) % len(self._slots)]
        run = getattr(slot.stubs()[stub], method)
        return run(request, timeout=timeout_s or self._timeout_s, metadata=self._metadata)


def reason(error: grpc.RpcError) -> str:
    """The gateway's word for what went wrong (ErrorInfo.reason); "" when the error is not the gateway's."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            info = error_details_pb2.ErrorInfo()
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(info):
                    return str(info.reason)
    return ""


def _dialler(target: str, tls: Tls | None) -> Callable[[], grpc.Channel]:
    """Makes channels with a connection of their own; channels to one target otherwise share one."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.service_config", SERVICE_CONFIG), *RECONNECT]
    if tls is None:
        return lambda: grpc.insecure_channel(target, options)
    credentials = tls.credentials()
    return lambda: grpc.secure_channel(target, credentials, [*options, *tls.options()])


class _Slot:
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
