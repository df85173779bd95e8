"""What runs in a replica itself, made as the settings want it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from serving.adapters.batch_service import BatchService
from serving.adapters.counter_files import CounterFiles
from serving.adapters.import_files import ImportFiles
from serving.adapters.live_models import LiveModels
from serving.adapters.model_loader import load_release
from serving.adapters.onnx_shelf import OnnxShelf
from serving.adapters.price_live import LivePrices, quoted_again
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_decisions import RedisDecisions
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.replay import ReplayService
from serving.adapters.user_service import UserStores
from serving.batching import batch_surroundings
from serving.catalogue.live import LiveCatalogue
from serving.core.attribution import TokenSigner
from serving.core.clock import Clock
from serving.decisions.recommend.decision_log import DecisionLog, OutcomeLog, not_found
from serving.engine.engine import Engine
from serving.events.importing import ImportUserEvents
from serving.events.writing import WriteEvents
from serving.features import FEATURES
from serving.settings import Settings
from serving.stores import DAY_S, event_archive, pseudonyms
from serving.transport import codecs as wire
from serving.transport.event_rows import event_columns, write_rows


def decision_log(settings: Settings, store: RedisDecisions) -> DecisionLog:
    """What logs a share of the decisions."""
    found = settings.decisions
    return DecisionLog(store, settings.recommend, found.share, queue_max=found.queue_max)


def event_writer(
    settings: Settings,
    profiles: RedisProfiles,
    catalogue: LiveCatalogue,
    decisions: RedisDecisions,
    signer: TokenSigner,
) -> WriteEvents:
    """What takes users' events, and the outcomes of decisions with them."""
    return WriteEvents(
        profiles,
        settings.recommend.personalization,
        catalogue.known,
        timeout_s=settings.redis.write_timeout_s,
        outcomes=OutcomeLog(decisions, signer, settings.decisions.retention_days * DAY_S),
        durable_default=settings.events.acknowledgement == "durable",
    )


def event_import(settings: Settings, events: WriteEvents, clock: Clock) -> ImportUserEvents:
    """The same from files."""
    files = ImportFiles(settings.import_dir, settings.events.import_uris)
    return ImportUserEvents(events.run, files, write_rows, event_columns, clock)


def user_stores(settings: Settings, server: RedisServer) -> UserStores:
    """What is stored of users, to be exported and erased."""
    return UserStores(
        settings.home, server, pseudonyms(settings), lambda: event_archive(settings), prefix=settings.redis.prefix
    )


def replay_service(
    settings: Settings,
    models: LiveModels,
    store: RedisDecisions,
    changes: RedisCatalogue,
    counters: CounterFiles | None,
) -> ReplayService:
    """What reads decisions and makes them again."""
    found = settings.decisions
    return ReplayService(
        store,
        settings.home,
        lambda: models.loaded,
        models.catalogue.snapshot,
        changes,
        lambda release: load_release(settings.home, release, FEATURES),
        lambda decision_id: not_found(decision_id, found.share, found.retention_days * DAY_S),
        lambda version: (counters.find(version) or counters.live) if counters else None,
        partial(quoted_again, settings.home, settings.price),
    )


def batch_service(
    settings: Settings,
    changes: RedisCatalogue,
    shelf: OnnxShelf,
    engine: Callable[[], Engine],
    prices: LivePrices,
) -> BatchService:
    """What answers for many. engine: computes what is asked inline."""
    return BatchService(
        batch_surroundings(settings),
        changes,
        shelf,
        engine,
        wire.RECOMMEND,
        settings.batch.places,
        prices.bulk,
        wire.FORECAST_DEMAND,
    )
