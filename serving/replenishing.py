"""The worker that answers InventoryService, wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing

from serving.adapters.followed_catalogue import FollowedCatalogue
from serving.adapters.inventory_live import LiveInventory
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.core.clock import SystemClock
from serving.core.errors import StoregateError
from serving.engine.calls import Lane, Route
from serving.settings import Settings
from serving.transport import codecs as wire

STORE_WAIT_S = 2.0
"""How long a start waits for the store before it goes on without: what is planned by is then what was published."""


class ReplenishWorker:
    """Follows the releases and the catalogue by itself."""

    def __init__(self, settings: Settings) -> None:
        server = RedisServer(settings.redis.url, connect_timeout_s=settings.redis.connect_timeout_s)
        with ExitStack() as held:  # what fails here leaves no thread and no connection behind
            changes = held.enter_context(closing(RedisCatalogue(server, prefix=settings.redis.prefix)))
            catalogue = held.enter_context(closing(FollowedCatalogue(settings.home, changes)))
            self._service = held.enter_context(
                closing(LiveInventory(settings.home, catalogue.snapshot, settings.replenish))
            )
            codecs = wire.codecs(SystemClock())
            runs = {
                wire.PLAN_REPLENISHMENT: self._service.run_plan,
                wire.ALLOCATE_STOCK: self._service.run_allocate,
            }
            self._routes = [
                Route(name, Lane.ENGINE, codec.decode, run, codec.encode, codec.size, codec.encode_json)  # type: ignore[arg-type]  # each its own query
                for name, run in runs.items()
                for codec in [codecs[name]]
            ]
            catalogue.start(STORE_WAIT_S)
            self._service.start()
            self._held = held.pop_all()

    @property
    def routes(self) -> Sequence[Route]:
        """See Worker."""
        return self._routes

    def ready(self) -> tuple[bool, str]:
        """Always: without a forecast, demand that is given is planned all the same."""
        return True, self._service.told

    def facts(self) -> dict[str, str]:
        """The forecast that is planned by."""
        try:
            return {"forecast": self._service.version}
        except StoregateError:
            return {"forecast": ""}

    def close(self) -> None:
        """Idempotent."""
        self._held.close()
