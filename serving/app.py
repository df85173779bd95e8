"""Where everything is put together; read it first.

settings -> stores (Redis) -> models and catalogue -> routes (codec + what runs) -> engine -> doors (gRPC, HTTP, admin)
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version

from serving.adapters.batch_job import drive
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_service import BatchService
from serving.adapters.batch_store import BatchStore
from serving.adapters.counter_files import CounterFiles
from serving.adapters.counting import Counting
from serving.adapters.erasing import Erasing
from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.event_mover import EventMover
from serving.adapters.import_files import ImportFiles
from serving.adapters.live_models import LiveModels
from serving.adapters.model_loader import load_release
from serving.adapters.model_service import ModelService
from serving.adapters.onnx_shelf import OnnxShelf
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.profile_cache import cache_families
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_decisions import RedisDecisions
from serving.adapters.redis_erasures import RedisErasures
from serving.adapters.redis_event_log import RedisEventLog
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.replay import ReplayService
from serving.adapters.retrain_files import retrain_families
from serving.adapters.retrain_schedule import RetrainSchedule
from serving.adapters.shop_store import ShopStore
from serving.adapters.token_keys import erasure_key, token_keys
from serving.adapters.user_service import UserService, UserStores
from serving.catalogue.follower import Follower
from serving.core.attribution import TokenSigner
from serving.core.clock import Clock, SystemClock
from serving.core.errors import NotReady
from serving.decisions.inference.service import InferenceService
from serving.decisions.recommend.decision_log import DecisionLog, OutcomeLog, not_found
from serving.decisions.recommend.shadow import ShadowLog
from serving.edge import NodeEdge, slots_of, with_slots
from serving.engine.batcher import Limits
from serving.engine.calls import Lane, Route
from serving.engine.engine import Engine, EngineParams
from serving.engine.load import LoadMeter
from serving.engine.scaling import Load
from serving.engine.telemetry import Family
from serving.events.erasure import Pseudonyms
from serving.events.importing import ImportUserEvents
from serving.events.writing import WriteEvents
from serving.features import FEATURES
from serving.runtime.batch_driver import Drive, Run, Where
from serving.runtime.batch_watch import BatchWatch
from serving.runtime.doors import DoorParams, Doors, first_open
from serving.runtime.home import home_mark
from serving.runtime.metrics import registry
from serving.runtime.parts import Addresses, Plan, Say
from serving.runtime.process import THREADS
from serving.runtime.shadow_metrics import shadow_families
from serving.settings import Settings
from serving.transport import codecs as wire
from serving.transport.admin_face import admin_app
from serving.transport.edge_config import LOOPBACK
from serving.transport.event_rows import event_columns, write_rows
from serving.transport.front_params import FrontParams
from serving.transport.inference import methods as oip
from serving.transport.probe import grpc_health
from serving.transport.tokens import token_digest

DAY_S = 86_400
MOVER_TIMEOUT_S = 5.0
WORKER_ENVIRON = (*THREADS, "NUMBA_CACHE_DIR")
BATCH_READ_S = 1.0
"""How long a batch waits for the profiles of a slice; a replica for milliseconds."""
STORE_WAIT_S = 2.0
"""How long a start waits for Redis before it goes on without."""
BEHIND_EDGE_IDLE_S = 75.0
"""After which a replica closes an idle HTTP connection of the edge: later than the edge does, which may be using it."""


class Gateway:
    """One replica. Building it loads and warms; `start` binds the ports and opens them."""

    def __init__(self, settings: Settings, shared_ports: bool) -> None:
        self._settings, self._shared, self._clock = settings, shared_ports, SystemClock()
        server = RedisServer(settings.redis.url, connect_timeout_s=settings.redis.connect_timeout_s)
        self._profiles = profile_store(settings, server)
        self._changes = RedisCatalogue(server, prefix=settings.redis.prefix)
        signer = TokenSigner(token_keys(settings.home, settings.decisions.token_keys))
        self._decisions = decision_store(settings, server)
        self._log = DecisionLog(
            self._decisions, settings.recommend, settings.decisions.share, queue_max=settings.decisions.queue_max
        )
        self._shadows = ShadowLog(settings.recommend.shadow_share)
        self._counters = counter_files(settings)
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
        )
        self._routes += batch_routes(self._batches, self._clock)
        self._engine = Engine(self._routes, engine_params(settings), self._clock)
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
        self._shelf.start()
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
            self._batches, self._models, self._shelf, self._follower, self._changes, self._users, self._decisions,
            self._profiles,
        ):  # fmt: skip
            part.close()
        if self._doors is not None:
            self._doors.close_admin()

    def _bind(self, params: DoorParams) -> Doors:
        mark = home_mark(self._settings.home)
        return Doors(
            params,
            [route.method for route in self._routes],
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
    codecs = wire.codecs(clock, signer.sign)
    return [
        Route(name, lane, codec.decode, run, codec.encode, codec.size, codec.encode_json)  # type: ignore[arg-type]  # each its own query
        for name, (lane, run) in table.items()
        for codec in [codecs[name]]
    ]


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


def batch_routes(service: BatchService, clock: Clock) -> list[Route]:
    """BatchService: on a lane of its own."""
    table = {
        wire.BATCH_RECOMMEND: service.run_recommend,
        wire.BATCH_SCORE: service.run_score,
        wire.GET_OPERATION: service.run_get,
        wire.LIST_OPERATIONS: service.run_list,
        wire.CANCEL_OPERATION: service.run_cancel,
        wire.RESUME_OPERATION: service.run_resume,
    }
    codecs = wire.codecs(clock)
    return [
        Route(name, Lane.BATCH, codec.decode, run, codec.encode, codec.size, codec.encode_json)  # type: ignore[arg-type]  # each its own
        for name, run in table.items()
        for codec in [codecs[name]]
    ]


def batch_surroundings(settings: Settings) -> Surroundings:
    """What the blocks of batches are computed with."""
    found = settings.batch
    files = counter_files(settings)
    return Surroundings(
        settings.home, settings.recommend, partial(batch_profiles, settings), found.block_rows, found.worker_mib,
        files.folder if files else None,
    )  # fmt: skip


def batch_profiles(settings: Settings) -> RedisProfiles:
    """Profiles for one that can wait, read by a worker of a batch."""
    server = RedisServer(settings.redis.url, connect_timeout_s=settings.redis.connect_timeout_s)
    store = RedisProfiles(server, prefix=settings.redis.prefix, read_timeout_s=BATCH_READ_S)
    store.wait_ready(STORE_WAIT_S)
    return store


def drive_batch(settings: Settings, name: str, run: Run) -> None:
    """Works on a batch until it is over; in a driver's process."""
    drive(batch_surroundings(settings), BatchStore(settings.home), name, run)


def batch_watch(settings: Settings, ray_address: str) -> BatchWatch:
    """What starts drivers. settings: of the replicas, which name the store. ray_address: "" = without Ray."""
    found, runtime = settings.batch, settings.runtime
    foreign = ray_address not in ("", "local") and runtime.ray_address
    environ = {name: os.environ[name] for name in WORKER_ENVIRON if name in os.environ} if foreign else {}
    where = Where(found.workers, found.worker_cpus, ray_address, runtime.ray_object_store_mib, environ)
    store = BatchStore(settings.home)
    return BatchWatch(store, lambda name: Drive(drive_batch, settings, name, where), store.log)


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
    grpc = FrontParams(server.host, server.grpc_port, server.payload_bytes_max, shared_ports, tokens)
    admin_ports = range(server.admin_port, server.admin_port + 2 * settings.runtime.bounds.most + 16)
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


def profile_store(settings: Settings, server: RedisServer) -> RedisProfiles:
    """Users' events, kept as the settings want it."""
    return RedisProfiles(
        server,
        prefix=settings.redis.prefix,
        records_max=settings.events.profile_records_max,
        ttl_s=settings.events.ttl_days * 86_400,
        read_timeout_s=settings.recommend.profile_timeout_ms / 1000,
        write_timeout_s=settings.redis.write_timeout_s,
        cache_bytes_max=settings.redis.profile_cache_mib << 20,
        log_max=settings.events.waiting_max,
    )


def event_archive(settings: Settings) -> ParquetArchive:
    """Where the event log ends."""
    place = settings.events.archive
    return ParquetArchive(place if "://" in place else settings.home / place)


def event_mover(settings: Settings, server: RedisServer) -> EventMover:
    """What moves the event log there, and erases who is to be erased; it works already."""
    stream, found = RedisEventLog(server, prefix=settings.redis.prefix), settings.events
    archive = event_archive(settings)
    return EventMover(
        stream, archive, found.move_rows_max, found.move_s, user_erasing(settings, server), counting(settings, archive)
    )


def pseudonyms(settings: Settings) -> Pseudonyms:
    """What erasures of this home call people."""
    return Pseudonyms(erasure_key(settings.home))


def user_erasing(settings: Settings, server: RedisServer) -> Erasing:
    """What carries erasures out."""
    store = RedisErasures(server, pseudonyms(settings), prefix=settings.redis.prefix, timeout_s=MOVER_TIMEOUT_S)
    return Erasing(settings.home, store, decision_store(settings, server), ErasureLedger(settings.home))


def counter_files(settings: Settings) -> CounterFiles | None:
    """The folder of the counters; None = there are none."""
    return CounterFiles(settings.home / settings.events.counters) if settings.events.counters else None


def counting(settings: Settings, archive: ParquetArchive) -> Counting | None:
    """What counts the archive for the pipelines."""
    files, found = counter_files(settings), settings.events
    if files is None:
        return None
    return Counting(archive, files, retention_days=found.counters_days, half_life_days=found.counters_half_life_days)


def retrain_schedule(settings: Settings) -> RetrainSchedule:
    """What trains again, as the settings want it; they name the store that runs. No file of settings is read there."""
    command = [sys.executable, "-m", "serving.cli", "retrain", "--background", "--config", os.devnull]
    return RetrainSchedule(settings.home, settings.retrain, command, {**os.environ, **settings.environment()})


def decision_store(settings: Settings, server: RedisServer) -> RedisDecisions:
    """Logged decisions, kept as the settings want it."""
    found = settings.decisions
    return RedisDecisions(
        server,
        prefix=settings.redis.prefix,
        retention_s=found.retention_days * DAY_S,
        kept_max=found.kept_max,
        user_max=found.user_max,
    )


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
    )


class Backing(ShopStore):
    """The store of these settings, the settings that name it, and what is done beside the replicas on a schedule."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self._retraining: RetrainSchedule | None = None
        super().__init__(
            settings.home,
            settings.redis.url,
            lambda server: profile_store(settings, server),
            say,
            fsync=settings.redis.embedded_fsync,
            mover=(lambda server: event_mover(settings, server)) if settings.events.move_s else None,
            names=pseudonyms(settings),
        )
        self.settings = replace(settings, redis=replace(settings.redis, url=self.url))
        if settings.retrain.every_hours:
            self._retraining = retrain_schedule(self.settings)

    def look(self, say: Say) -> None:
        """See Backing of runtime/parts.py."""
        if self._retraining is not None:
            self._retraining.look(say)
        super().look(say)

    def close(self) -> None:
        """Ends a training under way, then the store. Idempotent."""
        if self._retraining is not None:
            self._retraining.close()
        super().close()


def build(settings: Settings, shared_ports: bool) -> Gateway:
    """One replica; Ray sends this function by its name."""
    return Gateway(settings, shared_ports)


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
    )
