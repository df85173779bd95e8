"""Where everything is put together; read it first.

settings -> stores (Redis) -> models and catalogue -> routes (codec + what runs) -> engine -> doors (gRPC, HTTP, admin)
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

from serving.adapters.batch_service import BatchService
from serving.adapters.counter_files import CounterFiles
from serving.adapters.import_files import ImportFiles
from serving.adapters.live_models import LiveModels
from serving.adapters.model_loader import load_release
from serving.adapters.model_service import ModelService
from serving.adapters.onnx_shelf import OnnxShelf
from serving.adapters.price_live import LivePrices, quoted_again
from serving.adapters.profile_cache import cache_families
from serving.adapters.quote_log import quote_families
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_decisions import RedisDecisions
from serving.adapters.replay import ReplayService
from serving.adapters.retrain_files import retrain_families
from serving.adapters.token_keys import token_keys
from serving.adapters.user_service import UserService, UserStores
from serving.batching import batch_surroundings, batch_watch
from serving.catalogue.follower import Follower
from serving.core.attribution import TokenSigner
from serving.core.clock import Clock, SystemClock
from serving.core.errors import NotReady
from serving.decisions.inference.service import InferenceService
from serving.decisions.recommend.decision_log import DecisionLog, OutcomeLog, not_found
from serving.decisions.recommend.shadow import ShadowLog
from serving.edge import PORT_MAX, NodeEdge, slots_of, with_slots
from serving.engine.batcher import Limits
from serving.engine.calls import Lane, Route
from serving.engine.engine import Engine, EngineParams
from serving.engine.load import LoadMeter
from serving.engine.remote import Connect
from serving.engine.scaling import Load
from serving.engine.telemetry import Family
from serving.events.importing import ImportUserEvents
from serving.events.writing import WriteEvents
from serving.features import FEATURES
from serving.runtime.doors import DoorParams, Doors, first_open
from serving.runtime.home import home_mark
from serving.runtime.metrics import registry
from serving.runtime.parts import Addresses, Plan
from serving.runtime.shadow_metrics import shadow_families
from serving.settings import Settings
from serving.stores import (
    DAY_S,
    Backing,
    counter_files,
    decision_store,
    event_archive,
    profile_store,
    pseudonyms,
)
from serving.transport import codecs as wire
from serving.transport.admin_face import admin_app
from serving.transport.edge_config import LOOPBACK
from serving.transport.event_rows import event_columns, write_rows
from serving.transport.front_params import FrontParams
from serving.transport.inference import methods as oip
from serving.transport.probe import grpc_health
from serving.transport.tokens import token_digest
from serving.workers import Workers, deployed

STORE_WAIT_S = 2.0
"""How long a start waits for Redis before it goes on without."""
BEHIND_EDGE_IDLE_S = 75.0
"""After which a replica closes an idle HTTP connection of the edge: later than the edge does, which may be using it."""
ITEMS_S_MIN = 0.5
"""Least time for a write of many items, which takes longer than one event (`redis.write_timeout_s`)."""


class Gateway:
    """One replica. Building it loads and warms; `start` binds the ports and opens them."""

    def __init__(self, settings: Settings, shared_ports: bool, connect: Connect | None = None) -> None:
        """connect: the way to workers with deployments of their own; None = all compute in this process."""
        self._settings, self._shared, self._clock = settings, shared_ports, SystemClock()
        server = RedisServer(settings.redis.url, connect_timeout_s=settings.redis.connect_timeout_s)
        self._profiles = profile_store(settings, server)
        self._changes = RedisCatalogue(
            server, prefix=settings.redis.prefix, timeout_s=max(ITEMS_S_MIN, settings.redis.write_timeout_s)
        )
        signer = TokenSigner(token_keys(settings.home, settings.decisions.token_keys))
        self._decisions = decision_store(settings, server)
        self._log = DecisionLog(
            self._decisions, settings.recommend, settings.decisions.share, queue_max=settings.decisions.queue_max
        )
        self._shadows = ShadowLog(settings.recommend.shadow_share)
        self._counters = counter_files(settings)
        self._prices = LivePrices(settings.home, settings.price, self._clock)
        self._models = LiveModels(
            settings.home,
            settings.recommend,
            self._profiles,
            self._changes,
            settings.import_dir,
            self._log,
            self._shadows,
            settings.models,
            self._counters,
            self._prices,
        )
        self._follower = Follower(self._models.catalogue)
        self._events = WriteEvents(
            self._profiles,
            settings.recommend.personalization,
            self._models.catalogue.known,
            timeout_s=settings.redis.write_timeout_s,
            outcomes=OutcomeLog(self._decisions, signer, settings.decisions.retention_days * DAY_S),
            durable_default=settings.events.acknowledgement == "durable",
        )
        replay = replay_service(settings, self._models, self._decisions, self._changes, self._counters)
        operator = ModelService(settings.home, self._models)
        self._import = ImportUserEvents(
            self._events.run,
            ImportFiles(settings.import_dir, settings.events.import_uris),
            write_rows,
            event_columns,
            self._clock,
        )
        self._users = UserStores(
            settings.home, server, pseudonyms(settings), lambda: event_archive(settings), prefix=settings.redis.prefix
        )
        catalogue = self._models.catalogue
        users = self._users.service(self._profiles, self._decisions, lambda item: catalogue.snapshot().id_of(item))
        self._routes = routes(self._models, self._events, self._import, users, replay, operator, self._clock, signer)
        self._shelf = OnnxShelf(settings.home, settings.inference.models_max)
        if settings.inference.models_max:
            self._routes += inference_routes(InferenceService(self._shelf, self._clock, version("storegate")))
        self._batches = BatchService(
            batch_surroundings(settings),
            self._changes,
            self._shelf,
            lambda: self._engine,
            wire.RECOMMEND,
            settings.batch.places,
            self._prices.bulk,
            wire.FORECAST_DEMAND,
        )
        self._routes += price_routes(self._prices, self._clock)
        self._routes += batch_routes(self._batches, self._clock)
        self._workers = Workers(settings, connect, self._clock)
        self._engine = Engine(self._routes, engine_params(settings), self._clock, self._workers.lanes)
        self._meter = LoadMeter(self._engine.work, self._clock)
        self._doors: Doors | None = None
        self._leaving = threading.Lock()

    @property
    def addresses(self) -> Addresses:
        """Where it listens, once started."""
        if self._doors is None:
            raise NotReady("the gateway has not been started")
        return self._doors.addresses

    def start(self) -> None:
        """Waits a moment for the stores, then opens the doors. Without Redis it starts all the same, and says so."""
        self._profiles.wait_ready(STORE_WAIT_S)
        self._follower.start(STORE_WAIT_S)
        self._models.start()
        self._prices.start()
        self._shelf.start()
        self._workers.wait_built()
        self._doors = first_open(door_params(self._settings, self._shared), self._bind)
        self._doors.open()

    def ready(self) -> tuple[bool, str]:
        """Whether calls should be sent here, and why not."""
        if self._leaving.locked():
            return False, "leaving"
        healthy, reason = self.healthy()
        if not healthy:
            return False, reason
        return True, "ready" if self._profiles.available else "ready, without profiles: redis does not answer"

    def healthy(self) -> tuple[bool, str]:
        """Whether the engine's pulse beats; a store that is away does not count."""
        if self._engine.healthy(self._clock.monotonic()):
            return True, ""
        return False, "the engine stands still: a batch has been running, or a call waiting, for too long"

    def load(self) -> Load:
        """What the engine had to do since this was asked last."""
        return self._meter.read()

    def close(self, grace_s: float) -> None:
        """Readiness off, and time for an edge to see it; what was accepted is answered for up to `grace_s` seconds;
        then everything ends."""
        if not self._leaving.acquire(blocking=False):
            return
        if self._settings.edge.stands and grace_s:
            threading.Event().wait(self._settings.edge.drain_s)
        if self._doors is not None:
            self._doors.close(grace_s)
        self._import.close()
        self._engine.drain(grace_s)
        self._log.close(grace_s)
        self._shadows.close(grace_s)
        for part in (
            self._batches, self._prices, self._workers, self._models, self._shelf, self._follower, self._changes,
            self._users, self._decisions, self._profiles,
        ):  # fmt: skip
            part.close()
        if self._doors is not None:
            self._doors.close_admin()

    def _bind(self, params: DoorParams) -> Doors:
        mark = home_mark(self._settings.home)
        return Doors(
            params,
            [*(route.method for route in self._routes), *self._workers.methods],
            self._engine,
            lambda: admin_app(self.ready, registry(self._families, self._facts), mark),
            self._clock,
        )

    def _families(self) -> list[Family]:
        return [
            *self._engine.telemetry(),
            *shadow_families(self._shadows.tally),
            *cache_families(self._profiles.cache),
            *retrain_families(self._settings.home),
            *quote_families(self._prices.log),
            *self._workers.families(),
        ]

    def _facts(self) -> dict[str, str]:
        return {"release": self._models.release, "front": self._settings.server.front}


def routes(
    models: LiveModels,
    events: WriteEvents,
    event_import: ImportUserEvents,
    users: UserService,
    replay: ReplayService,
    operator: ModelService,
    clock: Clock,
    signer: TokenSigner,
) -> list[Route]:
    """Every method: where it runs, and what."""
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
    codecs = wire.codecs(clock)
    return [
        Route(name, lane, codec.decode, run, codec.encode, codec.size, codec.encode_json)  # type: ignore[arg-type]  # each its own
        for name, (lane, run) in table.items()
        for codec in [codecs[name]]
    ]


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


def door_params(settings: Settings, shared_ports: bool) -> list[DoorParams]:
    """The listeners, where they may be: the first that can be bound are to be used.

    A rollout runs old and new replicas side by side, and other programs may hold a few ports.
    """
    server = settings.server
    tokens = (token_digest(server.bearer_token),) if server.bearer_token else ()
    grpc = FrontParams(
        server.host, server.grpc_port, server.payload_bytes_max, shared_ports, tokens, plans=settings.route.limits
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


def _after(settings: Settings) -> int:
    """The first port after those of the replicas' admin listeners."""
    return settings.server.admin_port + 2 * settings.runtime.bounds.most + 16


def worker_admin(settings: Settings) -> tuple[str, Sequence[int]]:
    """Where the admin listeners of workers may be: after those of the replicas, any where those are anywhere."""
    server = settings.server
    if not server.admin_port:
        return server.admin_host, (0,)
    first = _after(settings)
    last = first + 2 * sum(spec.params.bounds.most for spec in deployed(settings)) + 16
    return server.admin_host, [*range(first, min(last, PORT_MAX)), 0]


def replay_service(
    settings: Settings,
    models: LiveModels,
    store: RedisDecisions,
    changes: RedisCatalogue,
    counters: CounterFiles | None = None,
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


def build(settings: Settings, shared_ports: bool, connect: Connect | None) -> Gateway:
    """One replica; Ray sends this function by its name."""
    return Gateway(settings, shared_ports, connect)


def plan(settings: Settings) -> Plan:
    """What the runtimes need to run it."""
    if settings.edge.stands:
        settings = with_slots(settings, random.Random())
    server = settings.server
    ports = {"server.grpc_port": server.grpc_port, "server.http_port": server.http_port}

    def probe(addresses: Addresses) -> None:
        problem = grpc_health(addresses.host, addresses.grpc_port, server.bearer_token)
        if problem:
            raise NotReady(problem)

    def with_ports(replicas: Settings, found: Mapping[str, int]) -> Settings:
        listening = {key.removeprefix("server."): port for key, port in found.items()}
        return replace(replicas, server=replace(replicas.server, **listening))

    return Plan(
        params=settings.runtime,
        home=settings.home,
        host=server.host,
        ports={} if settings.edge.haproxy == "external" else ports,
        open_backing=lambda say: Backing(settings, say),
        build=build,
        with_ports=with_ports,
        probe=probe,
        open_edge=(lambda ports: NodeEdge(settings, ports)) if settings.edge.haproxy == "own" else None,
        open_batches=batch_watch,
        batch_cpus=settings.batch.cpus,
        workers=deployed(settings),
        worker_admin=worker_admin(settings),
    )
