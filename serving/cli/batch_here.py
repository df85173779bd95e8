"""A batch without a gateway: this command brings up the store, and a driver with workers of its own."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from typing import Any, Self

from serving.adapters.batch_job import create
from serving.adapters.batch_store import BatchStore
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.cli.batch_follow import View, follow, view_of
from serving.cli.common import say, use_numba_cache
from serving.core.clock import SystemClock
from serving.runtime import ray_env
from serving.runtime.home import locked
from serving.runtime.process import pin
from serving.settings import Settings
from serving.transport import codecs as wire

STORE_WAIT_S = 10.0


class BatchHere:
    """Holds the home while it works. Leaving it ends the driver; what is done is kept, and the batch can be resumed."""

    def __init__(self, settings: Settings, *, local: bool) -> None:
        self._settings, self._address = settings, "" if local else settings.runtime.ray_address or "local"
        self._stack = ExitStack()
        self._store = BatchStore(settings.home)

    def __enter__(self) -> Self:
        settings, stack = self._settings, self._stack
        use_numba_cache(settings.home)
        pin()
        from serving.batching import batch_watch
        from serving.stores import Backing

        try:
            if self._address:
                ray_env.prepare(os.environ, settings.home, own_cluster=self._address == "local")
            stack.enter_context(locked(settings.home))
            backing = stack.enter_context(closing(Backing(settings, say)))
            self._settings = backing.settings
            server = RedisServer(self._settings.redis.url)
            self._catalogue = stack.enter_context(closing(RedisCatalogue(server, prefix=settings.redis.prefix)))
            self._catalogue.wait_ready(STORE_WAIT_S)
            self._watch = stack.enter_context(closing(batch_watch(self._settings, self._address)))
        except BaseException:
            stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def begin(self, method: str, request: Any) -> View:
        """Makes the batch of a request of the contract, and works on it until it is over. Raises StoregateError."""
        from serving.batching import batch_surroundings

        name = {
            "batch_recommend": wire.BATCH_RECOMMEND,
            "batch_score": wire.BATCH_SCORE,
            "batch_quote_prices": wire.BATCH_QUOTE_PRICES,
        }[method]
        spec = wire.codecs(SystemClock())[name].decode(request.SerializeToString())
        made = create(batch_surroundings(self._settings), self._store, spec, self._catalogue)
        say(f"batch {made.name}")
        return self._worked(made.name)

    def resume(self, name: str) -> View:
        """Goes on with it. Raises NotFound, Conflict."""
        self._store.resume(name)
        return self._worked(name)

    def _worked(self, name: str) -> View:
        def look() -> View:
            self._watch.look(say)
            return view_of(self._store.get(name))

        return follow(look)
