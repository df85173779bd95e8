"""Whether what was written is on the server's disk, and how to be sure of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from serving.adapters.redis_connection import Command, RedisLine
from serving.core.errors import NotDurable, StoreUnavailable

KNOWN_S: Final = 5.0
"""How long what was found out of the server's configuration is believed."""
DURABLE_S: Final = 2.5
"""A durable write may take so long: a server that syncs every second makes it wait for that."""
WAITAOF_MIN: Final = (7, 2)


class Durability:
    """Of the writes of one line. Redis >= 7.2 tells when a write is on its disk (WAITAOF); an older one must write to
    the disk before it answers at all (appendfsync always). Called by one thread at a time."""

    def __init__(self, line: RedisLine, clock: Callable[[], float] = time.monotonic) -> None:
        self._line, self._clock = line, clock
        self._waits, self._problem, self._until = False, "", -1.0

    def check(self) -> None:
        """Before a durable write. Raises NotDurable saying what to change, StoreUnavailable."""
        if self._clock() >= self._until:
            self._waits, self._problem = self._look()
            self._until = self._clock() + KNOWN_S
        if self._problem:
            raise NotDurable(self._problem)

    def after(self, marker: str) -> list[Command]:
        """What is to be sent behind the writes, over their connection. The server waits for the last write of this
        very connection, and a repeated event is none: so one is made, of the key `marker`."""
        return [("SET", marker, 1), ("WAITAOF", 1, 0, int(DURABLE_S * 900))] if self._waits else []

    def confirm(self, replies: Sequence[Any]) -> None:
        """Of what `after` said. Raises StoreUnavailable when it took too long: it may be on the disk later."""
        if replies and replies[-1][0] < 1:
            raise StoreUnavailable(f"redis: not on its disk within {DURABLE_S * 0.9:g} s")

    def _look(self) -> tuple[bool, str]:
        """Whether writes are waited for, and why they cannot be durable, "" = they can."""
        names = ("appendonly", "appendfsync", "no-appendfsync-on-rewrite")
        info, *found = self._line.run([("INFO", "server"), *(("CONFIG", "GET", name) for name in names)])
        if isinstance(info, ResponseError) or any(isinstance(one, ResponseError) or len(one) < 2 for one in found):
            return False, "the Redis user may not read INFO and CONFIG, so it is not known: allow it +info +config|get"
        appends, syncs, skips = (one[1] for one in found)
        if appends != b"yes":
            return False, "Redis has no append-only file: set appendonly yes"
        if _version(info) >= WAITAOF_MIN:
            return True, ""
        if syncs != b"always":
            return False, (
                f"Redis syncs its append-only file with appendfsync {syncs.decode()}: set appendfsync always "
                "(redis.embedded_fsync of our own), or use Redis 7.2 or newer, which can be waited for"
            )
        if skips != b"no":
            return False, "Redis does not sync while it rewrites its file: set no-appendfsync-on-rewrite no"
        return False, ""


def _version(info: bytes) -> tuple[int, ...]:
    facts = dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
    return tuple(int(part) for part in facts.get("redis_version", "0").split(".")[:2])
