"""The worker that answers ForecastService, wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing

from serving.adapters.followed_catalogue import FollowedCatalogue
from serving.adapters.forecast_live import ForecastService
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.core.clock import SystemClock
from serving.core.errors import StoregateError
from serving.engine.calls import Lane, Route
from serving.settings import Settings
from serving.transport import codecs as wire

STORE_WAIT_S = 2.0
"""How long a start waits for the store before it goes on without: prices are then those that were published."""


class ForecastWorker:
    """Follows the releases and the catalogue by itself."""

    def __init__(self, settings: Settings) -> None:
        server = RedisServer(settings.redis.url, connect_timeout_s=settings.redis.connect_timeout_s)
        with ExitStack() as held:  # what fails here leaves no thread and no connection behind
            changes = held.enter_context(closing(RedisCatalogue(server, prefix=settings.redis.prefix)))
            catalogue = held.enter_context(closing(FollowedCatalogue(settings.home, changes)))
            self._service = held.enter_context(closing(ForecastService(settings.home, catalogue.snapshot)))
            codec = wire.codecs(SystemClock())[wire.FORECAST_DEMAND]
            self._route = Route(
                wire.FORECAST_DEMAND, Lane.ENGINE, codec.decode, self._service.run_forecast, codec.encode, codec.size,
                codec.encode_json,
            )  # fmt: skip
            catalogue.start(STORE_WAIT_S)
            self._service.start()
            self._held = held.pop_all()

    @property
    def routes(self) -> Sequence[Route]:
        """See Worker."""
        return [self._route]

    def ready(self) -> tuple[bool, str]:
        """Always: a shop without a forecast model has its answer, NOT_READY, at once."""
        try:
            return True, f"forecast {self._service.version}"
        except StoregateError as error:
            return True, error.message

    def facts(self) -> dict[str, str]:
        """The model that serves."""
        try:
            return {"forecast": self._service.version}
        except StoregateError:
            return {"forecast": ""}

    def close(self) -> None:
        """Idempotent."""
        self._held.close()
