"""Every method's codec, in one table. What a method runs is bound to it where the parts are put together (app.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from serving.core.clock import Clock
from serving.engine.calls import Size
from serving.transport import (
    batch_codec,
    catalog_codec,
    checks,
    decision_codec,
    event_codec,
    forecast_codec,
    inventory_codec,
    item_codec,
    model_codec,
    placement_codec,
    plan_steps,
    pricing_codec,
    recommend_codec,
    routing_codec,
    user_codec,
)
from serving.transport.answer_encoder import AnswerEncoder, Sign
from serving.transport.answer_writer import AnswerWriter
from serving.transport.contract import methods
from serving.transport.json_writer import to_json
from storegate.v1 import gateway_pb2

RECOMMEND: Final = "/storegate.v1.RecommendationService/Recommend"
RECOMMEND_PAGE: Final = "/storegate.v1.RecommendationService/RecommendPage"
RERANK: Final = "/storegate.v1.RecommendationService/Rerank"
GET_DECISION: Final = "/storegate.v1.RecommendationService/GetDecision"
REPLAY_DECISION: Final = "/storegate.v1.RecommendationService/ReplayDecision"
WRITE_USER_EVENT: Final = "/storegate.v1.UserEventService/WriteUserEvent"
IMPORT_USER_EVENTS: Final = "/storegate.v1.UserEventService/ImportUserEvents"
EXPORT_USER: Final = "/storegate.v1.UserEventService/ExportUser"
ERASE_USER: Final = "/storegate.v1.UserEventService/EraseUser"
UPSERT_ITEMS: Final = "/storegate.v1.CatalogService/UpsertItems"
DELETE_ITEMS: Final = "/storegate.v1.CatalogService/DeleteItems"
IMPORT_ITEMS: Final = "/storegate.v1.CatalogService/ImportItems"
GET_ITEM: Final = "/storegate.v1.CatalogService/GetItem"
SET_STOCK: Final = "/storegate.v1.CatalogService/SetStock"
SET_PRICES: Final = "/storegate.v1.CatalogService/SetPrices"
FORECAST_DEMAND: Final = "/storegate.v1.ForecastService/ForecastDemand"
PLAN_REPLENISHMENT: Final = "/storegate.v1.InventoryService/PlanReplenishment"
ALLOCATE_STOCK: Final = "/storegate.v1.InventoryService/AllocateStock"
PLAN_SLOTTING: Final = "/storegate.v1.PlacementService/PlanSlotting"
BATCH_ORDERS: Final = "/storegate.v1.PlacementService/BatchOrders"
PLAN_ROUTES: Final = plan_steps.PLAN_ROUTES
REPLAN_ROUTES: Final = "/storegate.v1.RoutingService/ReplanRoutes"
LIST_MODELS: Final = "/storegate.v1.ModelService/ListModels"
GET_MODEL: Final = "/storegate.v1.ModelService/GetModel"
PROMOTE_MODEL: Final = "/storegate.v1.ModelService/PromoteModel"
ROLLBACK_MODEL: Final = "/storegate.v1.ModelService/RollbackModel"
SET_SHADOW: Final = "/storegate.v1.ModelService/SetShadow"
SET_TRAFFIC_SPLIT: Final = "/storegate.v1.ModelService/SetTrafficSplit"
QUOTE_PRICES: Final = "/storegate.v1.PricingService/QuotePrices"
SIMULATE_PRICES: Final = "/storegate.v1.PricingService/SimulatePrices"
BATCH_QUOTE_PRICES: Final = "/storegate.v1.BatchService/BatchQuotePrices"
BATCH_RECOMMEND: Final = "/storegate.v1.BatchService/BatchRecommend"
BATCH_SCORE: Final = "/storegate.v1.BatchService/BatchScore"
BATCH_FORECAST: Final = "/storegate.v1.BatchService/BatchForecast"
GET_OPERATION: Final = "/storegate.v1.BatchService/GetOperation"
LIST_OPERATIONS: Final = "/storegate.v1.BatchService/ListOperations"
CANCEL_OPERATION: Final = "/storegate.v1.BatchService/CancelOperation"
RESUME_OPERATION: Final = "/storegate.v1.BatchService/ResumeOperation"
PING: Final = "/storegate.v1.GatewayService/Ping"

PAGE_SIZE: Final = Size(recommend_codec.page_units, interactive_max=4)
"""A page of more placements is bulk."""
RERANK_SIZE: Final = Size(recommend_codec.rerank_units, interactive_max=1)
"""A list of more than a hundred items is bulk."""
QUOTE_SIZE: Final = Size(pricing_codec.quote_units, interactive_max=4)
SIMULATE_SIZE: Final = Size(pricing_codec.simulate_units, interactive_max=4)
"""Hundreds of quotes and many curves are bulk."""
FORECAST_SIZE: Final = Size(forecast_codec.forecast_units, interactive_max=10)
"""Hundreds of items; bulk only where its caller says so."""
PLAN_SIZE: Final = Size(inventory_codec.plan_units, interactive_max=50)
"""Likewise."""
PLACE_SIZE: Final = Size(placement_codec.search_units, interactive_max=placement_codec.CALL_UNITS_MAX)
"""A search is as long as its caller says, and bulk only where its caller says so."""
ROUTES_SIZE: Final = Size(routing_codec.plan_units, interactive_max=64)
"""By the bytes of the request; bulk only where its caller says so."""
SIZES: Final = {
    QUOTE_PRICES: QUOTE_SIZE,
    SIMULATE_PRICES: SIMULATE_SIZE,
    FORECAST_DEMAND: FORECAST_SIZE,
    PLAN_REPLENISHMENT: PLAN_SIZE,
    ALLOCATE_STOCK: PLAN_SIZE,
    PLAN_SLOTTING: PLACE_SIZE,
    BATCH_ORDERS: PLACE_SIZE,
    PLAN_ROUTES: ROUTES_SIZE,
    REPLAN_ROUTES: ROUTES_SIZE,
}
"""Of the methods whose answers go through their messages, where calls bring more or less work."""


@dataclass(frozen=True, slots=True)
class Codec:
    """decode: request bytes to query, raises InvalidInput. encode: answer to bytes. encode_json: to JSON."""

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    encode_json: Callable[[Any], bytes] | None = None
    """As in engine/calls.py."""
    size: Size | None = None
    """As in engine/calls.py."""


def codecs(clock: Clock, sign: Sign | None = None) -> dict[str, Codec]:
    """Full gRPC method name -> Codec. clock: its wall time decides which event times are in the future.

    sign: makes the attribution tokens of answers, None = they carry none.
    """
    answers, texts = AnswerEncoder(sign), AnswerWriter(sign)
    hot = {
        RECOMMEND: Codec(partial(recommend_codec.decode_recommend, clock=clock), answers.encode, texts.write),
        RECOMMEND_PAGE: Codec(
            partial(recommend_codec.decode_page, clock=clock), answers.encode_page, texts.write_page, PAGE_SIZE
        ),
        RERANK: Codec(partial(recommend_codec.decode_rerank, clock=clock), answers.encode, texts.write, RERANK_SIZE),
    }
    plain: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
        GET_DECISION: (decision_codec.decode_get, decision_codec.encode_logged),
        REPLAY_DECISION: (decision_codec.decode_replay, decision_codec.encode_replayed),
        WRITE_USER_EVENT: (partial(event_codec.decode_write, clock=clock), event_codec.encode_written),
        IMPORT_USER_EVENTS: (event_codec.decode_import, event_codec.encode_imported),
        EXPORT_USER: (user_codec.decode_export, user_codec.encode_page),
        ERASE_USER: (user_codec.decode_erase, user_codec.encode_erased),
        UPSERT_ITEMS: (partial(catalog_codec.decode_upsert, clock=clock), catalog_codec.encode_upserted),
        DELETE_ITEMS: (catalog_codec.decode_delete, catalog_codec.encode_deleted),
        IMPORT_ITEMS: (catalog_codec.decode_import, catalog_codec.encode_imported),
        GET_ITEM: (catalog_codec.decode_get, item_codec.encode_found),
        SET_STOCK: (catalog_codec.decode_stock, catalog_codec.encode_stock_set),
        SET_PRICES: (partial(catalog_codec.decode_prices, clock=clock), catalog_codec.encode_prices_set),
        FORECAST_DEMAND: (forecast_codec.decode_forecast, forecast_codec.encode_forecast),
        PLAN_REPLENISHMENT: (inventory_codec.decode_plan, inventory_codec.encode_plan),
        ALLOCATE_STOCK: (inventory_codec.decode_allocate, inventory_codec.encode_allocate),
        PLAN_ROUTES: (routing_codec.decode_plan, routing_codec.encode_plan),
        REPLAN_ROUTES: (routing_codec.decode_replan, routing_codec.encode_replan),
        LIST_MODELS: (model_codec.decode_list, model_codec.encode_list),
        GET_MODEL: (model_codec.decode_get, model_codec.encode_model),
        PROMOTE_MODEL: (model_codec.decode_promote, model_codec.encode_rollout),
        ROLLBACK_MODEL: (model_codec.decode_rollback, model_codec.encode_rollout),
        SET_SHADOW: (model_codec.decode_shadow, model_codec.encode_rollout),
        SET_TRAFFIC_SPLIT: (model_codec.decode_split, model_codec.encode_rollout),
        BATCH_RECOMMEND: (
            partial(batch_codec.decode_recommend_batch, clock=clock),
            batch_codec.encode_recommend_batch,
        ),
        QUOTE_PRICES: (pricing_codec.decode_quote, pricing_codec.encode_quotes),
        SIMULATE_PRICES: (pricing_codec.decode_simulate, pricing_codec.encode_curves),
        BATCH_QUOTE_PRICES: (batch_codec.decode_quote_batch, batch_codec.encode_quote_batch),
        BATCH_SCORE: (batch_codec.decode_score_batch, batch_codec.encode_score_batch),
        BATCH_FORECAST: (batch_codec.decode_forecast_batch, batch_codec.encode_forecast_batch),
        GET_OPERATION: (batch_codec.decode_get_operation, batch_codec.encode_operation),
        LIST_OPERATIONS: (batch_codec.decode_list_operations, batch_codec.encode_operations),
        CANCEL_OPERATION: (batch_codec.decode_cancel_operation, batch_codec.encode_operation),
        RESUME_OPERATION: (batch_codec.decode_resume_operation, batch_codec.encode_operation),
        PLAN_SLOTTING: (placement_codec.decode_slotting, placement_codec.encode_slotting),
        BATCH_ORDERS: (placement_codec.decode_batch, placement_codec.encode_batch),
        PING: (_decode_ping, _encode_ping),
    }
    responses = {method.full_name: method.response for method in methods()}
    return hot | {
        name: Codec(decode, encode, partial(_through_message, encode, responses[name]), SIZES.get(name))
        for name, (decode, encode) in plain.items()
    }


def _through_message(encode: Callable[[Any], bytes], response: Any, answer: Any) -> bytes:
    """JSON of an answer by way of its message, for methods that are seldom called."""
    return to_json(response.FromString(encode(answer)))


def _decode_ping(payload: bytes) -> None:
    if payload:  # unknown fields are allowed, bytes that are no message are not
        checks.parsed(gateway_pb2.PingRequest.FromString, "PingRequest", payload)


def _encode_ping(_: None) -> bytes:
    return b""
