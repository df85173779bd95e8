"""Where everything is put together; read it first.

settings -> stores (Redis) -> services (models, catalogue, prices ...) -> routes (codec + what runs) -> engine -> doors
(gRPC, HTTP, admin). The parts are made in stores.py, services.py and workers.py, the routes in answering.py.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version

from serving.adapters.live_models import LiveModels
from serving.adapters.model_service import ModelService
from serving.adapters.onnx_shelf import OnnxShelf
from serving.adapters.price_live import LivePrices
from serving.adapters.profile_cache import cache_families
from serving.adapters.quote_log import quote_families
from serving.adapters.redis_connection import RedisServer
from serving.adapters.retrain_files import retrain_families
from serving.adapters.token_keys import token_keys
from serving.answering import batch_routes, inference_routes, price_routes, shop_routes
from serving.batching import batch_watch
from serving.catalogue.follower import Follower
from serving.core.attribution import TokenSigner
from serving.core.clock import SystemClock
from serving.core.errors import NotReady
from serving.decisions.inference.service import InferenceService
from serving.decisions.recommend.shadow import ShadowLog
from serving.edge import NodeEdge, with_slots
from serving.engine.calls import Route
from serving.engine.engine import Engine
from serving.engine.load import LoadMeter
from serving.engine.remote import Connect
from serving.engine.scaling import Load
from serving.engine.telemetry import Family
from serving.listening import door_params, engine_params, worker_admin
from serving.runtime.aside import keep_off
from serving.runtime.doors import DoorParams, Doors, first_open
from serving.runtime.home import home_mark
from serving.runtime.metrics import registry
from serving.runtime.parts import Addresses, Plan
from serving.runtime.shadow_metrics import shadow_families
from serving.services import batch_service, decision_log, event_import, event_writer, replay_service, user_stores
from serving.settings import Settings
from serving.stores import Backing, catalogue_store, counter_files, decision_store, profile_store
from serving.transport.admin_face import admin_app
from serving.transport.probe import grpc_health
from serving.workers import Workers, deployed, spare_cores

STORE_WAIT_S = 2.0
"""How long a start waits for Redis before it goes on without."""


class Gateway:
    """One replica. Building it loads and warms; `start` binds the ports and opens them."""

    def __init__(self, settings: Settings, shared_ports: bool, connect: Connect | None = None) -> None:
        """connect: the way to workers with deployments of their own; None = all compute in this process."""
        self._settings, self._shared, self._clock = settings, shared_ports, SystemClock()
        server = RedisServer(settings.redis.url, connect_timeout_s=settings.redis.connect_timeout_s)
        self._profiles = profile_store(settings, server)
        self._changes = catalogue_store(settings, server)
        self._decisions = decision_store(settings, server)
        self._users = user_stores(settings, server)
        self._signer = TokenSigner(token_keys(settings.home, settings.decisions.token_keys))
        self._log = decision_log(settings, self._decisions)
        self._shadows = ShadowLog(settings.recommend.shadow_share)
        self._counters = counter_files(settings)
        self._prices = LivePrices(settings.home, settings.price, self._clock)
        self._models = LiveModels(
            settings.home, settings.recommend, self._profiles, self._changes, settings.import_dir, self._log,
            self._shadows, settings.models, self._counters, self._prices,
        )  # fmt: skip
        catalogue = self._models.catalogue
        self._follower = Follower(catalogue)
        self._events = event_writer(settings, self._profiles, catalogue, self._decisions, self._signer)
        self._import = event_import(settings, self._events, self._clock)
        self._shelf = OnnxShelf(settings.home, settings.inference.models_max)
        self._batches = batch_service(settings, self._changes, self._shelf, lambda: self._engine, self._prices)
        self._routes = self._answered_here()
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
        spare = spare_cores(self._settings, self._shared)
        params = door_params(self._settings, self._shared, spare)
        if spare:
            keep_off(spare)
        self._doors = first_open(params, self._bind)
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

    def _answered_here(self) -> list[Route]:
        """What is not computed by workers."""
        settings, catalogue = self._settings, self._models.catalogue
        replay = replay_service(settings, self._models, self._decisions, self._changes, self._counters)
        users = self._users.service(self._profiles, self._decisions, lambda item: catalogue.snapshot().id_of(item))
        operator = ModelService(settings.home, self._models)
        found = shop_routes(
            self._models, self._events, self._import, users, replay, operator, self._clock, self._signer
        )
        if settings.inference.models_max:
            found += inference_routes(InferenceService(self._shelf, self._clock, version("storegate")))
        return [*found, *price_routes(self._prices, self._clock), *batch_routes(self._batches, self._clock)]

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
