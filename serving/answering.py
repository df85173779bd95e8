"""Every method that a replica answers itself: on which lane, what runs, and its codec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.adapters.batch_service import BatchService
from serving.adapters.live_models import LiveModels
from serving.adapters.model_service import ModelService
from serving.adapters.price_live import LivePrices
from serving.adapters.replay import ReplayService
from serving.adapters.user_service import UserService
from serving.core.attribution import TokenSigner
from serving.core.clock import Clock
from serving.decisions.inference.service import InferenceService
from serving.engine.calls import Lane, Route
from serving.events.importing import ImportUserEvents
from serving.events.writing import WriteEvents
from serving.transport import codecs as wire
from serving.transport.inference import methods as oip


def shop_routes(
    models: LiveModels,
    events: WriteEvents,
    event_import: ImportUserEvents,
    users: UserService,
    replay: ReplayService,
    operator: ModelService,
    clock: Clock,
    signer: TokenSigner,
) -> list[Route]:
    """Recommendations, the decisions behind them, the catalogue, events, users, models."""
    catalogue = models.catalogue
    table = {
        wire.RECOMMEND: (Lane.ENGINE, models.run),
        wire.RECOMMEND_PAGE: (Lane.ENGINE, models.run_pages),
        wire.RERANK: (Lane.ENGINE, models.run),
        wire.GET_DECISION: (Lane.IMPORTER, replay.run_get),
        wire.REPLAY_DECISION: (Lane.IMPORTER, replay.run_replay),
        wire.GET_ITEM: (Lane.ENGINE, catalogue.run_get),
        wire.PING: (Lane.ENGINE, lambda queries, turn: queries),
        wire.WRITE_USER_EVENT: (Lane.WRITER, events.run),
        wire.IMPORT_USER_EVENTS: (Lane.FILES, event_import.run),
        wire.EXPORT_USER: (Lane.IMPORTER, users.run_export),
        wire.ERASE_USER: (Lane.WRITER, users.run_erase),
        wire.UPSERT_ITEMS: (Lane.WRITER, catalogue.run_write),
        wire.DELETE_ITEMS: (Lane.WRITER, catalogue.run_write),
        wire.SET_STOCK: (Lane.WRITER, catalogue.run_write),
        wire.SET_PRICES: (Lane.WRITER, catalogue.run_write),
        wire.IMPORT_ITEMS: (Lane.IMPORTER, catalogue.run_import),
        wire.LIST_MODELS: (Lane.OPERATOR, operator.run_list),
        wire.GET_MODEL: (Lane.OPERATOR, operator.run_get),
        wire.PROMOTE_MODEL: (Lane.OPERATOR, operator.run_change),
        wire.ROLLBACK_MODEL: (Lane.OPERATOR, operator.run_change),
        wire.SET_SHADOW: (Lane.OPERATOR, operator.run_change),
        wire.SET_TRAFFIC_SPLIT: (Lane.OPERATOR, operator.run_change),
    }
    return _bound(table, wire.codecs(clock, signer.sign))


def inference_routes(service: InferenceService) -> list[Route]:
    """The Open Inference Protocol. What touches the disk runs apart from what is computed."""
    table = {
        oip.SERVER_LIVE: (Lane.ENGINE, service.run_live),
        oip.SERVER_READY: (Lane.ENGINE, service.run_server_ready),
        oip.SERVER_METADATA: (Lane.ENGINE, service.run_server_metadata),
        oip.MODEL_READY: (Lane.ENGINE, service.run_model_ready),
        oip.MODEL_METADATA: (Lane.ENGINE, service.run_metadata),
        oip.MODEL_INFER: (Lane.ENGINE, service.run_infer),
        oip.MODEL_STATISTICS: (Lane.ENGINE, service.run_statistics),
        oip.REPOSITORY_INDEX: (Lane.ENGINE, service.run_index),
        oip.MODEL_LOAD: (Lane.IMPORTER, service.run_load),
        oip.MODEL_UNLOAD: (Lane.IMPORTER, service.run_unload),
    }
    return [
        Route(name, lane, oip.CODECS[name].decode, run, oip.CODECS[name].encode)  # type: ignore[arg-type]  # each its own
        for name, (lane, run) in table.items()
    ]


def price_routes(prices: LivePrices, clock: Clock) -> list[Route]:
    """PricingService: quotes are read from a table, curves are few."""
    table = {
        wire.QUOTE_PRICES: (Lane.ENGINE, prices.run_quote),
        wire.SIMULATE_PRICES: (Lane.ENGINE, prices.run_simulate),
    }
    return _bound(table, wire.codecs(clock))


def batch_routes(service: BatchService, clock: Clock) -> list[Route]:
    """BatchService: on a lane of its own, but for what must not wait behind a batch, such as ending one."""
    table = {
        wire.BATCH_RECOMMEND: (Lane.BATCH, service.run_recommend),
        wire.BATCH_SCORE: (Lane.BATCH, service.run_score),
        wire.BATCH_FORECAST: (Lane.BATCH, service.run_forecast),
        wire.BATCH_QUOTE_PRICES: (Lane.BATCH, service.run_quote_prices),
        wire.GET_OPERATION: (Lane.OPERATOR, service.run_get),
        wire.LIST_OPERATIONS: (Lane.OPERATOR, service.run_list),
        wire.CANCEL_OPERATION: (Lane.OPERATOR, service.run_cancel),
        wire.RESUME_OPERATION: (Lane.OPERATOR, service.run_resume),
    }
    return _bound(table, wire.codecs(clock))


def _bound(table: Mapping[str, tuple[Lane, Any]], codecs: Mapping[str, wire.Codec]) -> list[Route]:
    """Each method with its codec."""
    return [
        Route(name, lane, codec.decode, run, codec.encode, codec.size, codec.encode_json)
        for name, (lane, run) in table.items()
        for codec in [codecs[name]]
    ]
