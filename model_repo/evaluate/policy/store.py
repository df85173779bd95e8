"""The log of decisions of a home or a Redis, opened to be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_decisions import RedisDecisions
from serving.core.errors import DataError, StoreUnavailable

WAIT_S = 10.0
TIMEOUT_S = 5.0


@contextmanager
def decisions_at(home: Path, url: str, prefix: str) -> Iterator[tuple[RedisDecisions, str]]:
    """The store and its name without credentials. url: '' = the embedded one of the home: that of the gateway which
    runs there, else started for as long as this lasts. Raises DataError, StoreUnavailable, SettingError."""
    with ExitStack() as ends:
        server = RedisServer(url) if url else _embedded(home, ends)
        server.check()
        store = RedisDecisions(server, prefix=prefix, timeout_s=TIMEOUT_S)
        ends.callback(store.close)
        if not store.wait_ready(WAIT_S):
            raise StoreUnavailable(f"no connection to {server.name} within {WAIT_S:g} s")
        yield store, server.name if url else str(home)


def _embedded(home: Path, ends: ExitStack) -> RedisServer:
    folder = home.absolute() / "redis"
    if not folder.is_dir():
        raise DataError(
            str(home), "no gateway has run on this home, so it has no log: give the home of one, or --redis"
        )
    running = RedisServer(f"unix://{quote(str(folder / 'redis.sock'))}")
    try:
        running.check()
    except StoreUnavailable:
        embedded = EmbeddedRedis(home)
        ends.callback(embedded.close)
        return RedisServer(embedded.url)
    return running
