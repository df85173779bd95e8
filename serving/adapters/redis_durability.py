"""Whether what was written is on the server's disk, and how to be sure of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from redis.exceptions import ResponseError

from serving.adapters.redis_connection import RedisLine
from serving.core.errors import NotDurable, StoreUnavailable

KNOWN_S: Final = 5.0
"""How long what was found out of the server's configuration is believed."""
WAITAOF_MIN: Final = (7, 2)


class Durability:
    """Of the writes of one line. Redis >= 7.2 tells when a write is on its disk (WAITAOF); an older one must write to
    the disk before it answers at all (appendfsync always). Called by one thread at a time."""

    def __init__(self, line: RedisLine, clock: Callable[[], float] = time.monotonic) -> None:
        self._line, self._clock = line, clock
        self._waits, self._problem, self._until = False, "", -1.0

    def check(self, timeout_s: float) -> None:
        """Before a durable write. Raises NotDurable saying what to change, StoreUnavailable."""
        if self._clock() >= self._until:
            self._look(timeout_s)
            self._until = self._clock() + KNOWN_S
        if self._problem:
            raise NotDurable(self._problem)

    def wait(self, timeout_s: float) -> None:
        """After it, until it is on the disk. Raises StoreUnavailable when that takes longer: it may be there later."""
        if not self._waits:
            return
        (reply,) = self._line.run([("WAITAOF", 1, 0, max(1, int(timeout_s * 900)))], timeout_s)
        if isinstance(reply, ResponseError):
            self._until = -1.0
            raise StoreUnavailable(f"redis: {reply}")
        if reply[0] < 1:
            raise StoreUnavailable(f"redis: not on its disk within {timeout_s:g} s")

    def _look(self, timeout_s: float) -> None:
        info, appends, syncs = self._line.run(
            [("INFO", "server"), ("CONFIG", "GET", "appendonly"), ("CONFIG", "GET", "appendfsync")], timeout_s
        )
        self._waits, self._problem = False, ""
        if isinstance(info, ResponseError) or isinstance(appends, ResponseError) or isinstance(syncs, ResponseError):
            self._problem = (
                "the Redis user may not read INFO and CONFIG, so it is not known: allow it +info +config|get"
            )
        elif appends[1] != b"yes":
            self._problem = "Redis has no append-only file: set appendonly yes"
        elif _version(info) >= WAITAOF_MIN:
            self._waits = True
        elif syncs[1] != b"always":
            self._problem = (
                f"Redis syncs its append-only file with appendfsync {syncs[1].decode()}: set appendfsync always "
                "(redis.embedded_fsync of our own), or use Redis 7.2 or newer, which can be waited for"
            )


def _version(info: bytes) -> tuple[int, ...]:
    facts = dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
    return tuple(int(part) for part in facts.get("redis_version", "0").split(".")[:2])
