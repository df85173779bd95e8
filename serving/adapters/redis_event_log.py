"""The event log in Redis: a stream that one consumer of one group takes, batch by batch.

`<prefix>events`         the stream: what redis_scripts.APPEND adds, until it is in the archive
`<prefix>events:mover`   who moves it at present; expires by itself

All batches go to one consumer of one name, so that whoever moves next is given what the last one has not dropped.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from redis.exceptions import ResponseError

from serving.adapters.redis_connection import Command, RedisLine, RedisServer
from serving.adapters.redis_scripts import DROP_EVENTS, HOLD_EVENTS, call
from serving.core.errors import Conflict, StoreUnavailable
from serving.events.log import BAR, LoggedEvent, Position, decode_logged

GROUP: Final = "archive"
CONSUMER: Final = "mover"
PAGE: Final = 500
"""Entries read or dropped at once: more would hold the server up, and with it those who wait for profiles."""
TAKEN: Final = 2
"""Of HOLD_EVENTS: the lease was not held before."""
LEASE_S: Final = 30
"""A mover that has not asked for so long is taken for dead."""


def event_log(prefix: str) -> str:
    """The key of the stream."""
    return f"{prefix}events"


def erased_hash(prefix: str) -> str:
    """The key of what was erased: subject -> the cut, milliseconds since the epoch. See redis_erasures.py."""
    return f"{prefix}erased"


class RedisEventLog:
    """An EventStream. The lease keeps others away while this one works; who was away for longer finds it lost."""

    def __init__(self, server: RedisServer, *, prefix: str = "storegate:", timeout_s: float = 5.0) -> None:
        self._key, self._lease = event_log(prefix), f"{prefix}events:mover"
        self._me = secrets.token_hex(8)
        self._line = RedisLine(server, timeout_s=timeout_s, scripts=(DROP_EVENTS, HOLD_EVENTS))
        self.on_taken: Callable[[], None] = lambda: None
        """Called when the lease is taken anew: others may have moved events meanwhile."""

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for a connection; whether there is one."""
        return self._line.wait_ready(timeout_s)

    @property
    def waiting(self) -> int:
        """Entries that are not in the archive yet. Raises StoreUnavailable."""
        (count,) = self._run([("XLEN", self._key)])
        return int(count)

    @property
    def oldest(self) -> Position | None:
        """Where the oldest entry that is not in the archive yet stands, None = there is none. Raises
        StoreUnavailable."""
        (found,) = self._run([("XRANGE", self._key, "-", "+", "COUNT", 1)])
        return Position.parse(found[0][0].decode()) if found else None

    def take(self, rows_max: int) -> Sequence[tuple[Position, bytes]]:
        """See EventStream."""
        self.hold()
        found: list[tuple[Position, bytes]] = []
        while part := self._read(str(found[-1][0]) if found else "0", PAGE):  # what the last mover has not dropped
            found += part
        if found:
            return found
        while len(found) < rows_max and (part := self._read(">", min(PAGE, rows_max - len(found)))):
            found += part
        return found

    def drop(self, positions: Sequence[Position]) -> None:
        """See EventStream."""
        names = [str(position) for position in positions]
        for at in range(0, len(names), PAGE):
            one = (2, self._key, self._lease, GROUP, self._me, LEASE_S, *names[at : at + PAGE])
            if call(self._line, DROP_EVENTS, [one]) != [1]:
                raise Conflict("another process moves the event log now")

    def hold(self) -> None:
        """Goes on holding the lease, or takes it. To be called at least every LEASE_S. Raises Conflict when another
        has it, StoreUnavailable."""
        (held,) = call(self._line, HOLD_EVENTS, [(2, self._key, self._lease, self._me, LEASE_S, GROUP)])
        if not held:
            raise Conflict("another process moves the event log")
        if held == TAKEN:
            self.on_taken()

    def close(self) -> None:
        """Lets others move; ends the connection. Idempotent."""
        try:
            if self._line.available:
                held, _ = self._line.run([("GET", self._lease), ("PING",)])
                if held == self._me.encode():
                    self._line.run([("DEL", self._lease)])
        except StoreUnavailable:
            pass  # it expires
        self._line.close()

    def _read(self, after: str, count: int) -> list[tuple[Position, bytes]]:
        """after: ">" = entries that nobody was given yet, else those given and not dropped that come after this one."""
        (reply,) = self._run([("XREADGROUP", "GROUP", GROUP, CONSUMER, "COUNT", count, "STREAMS", self._key, after)])
        return _entries(reply)

    def _run(self, commands: Sequence[Command]) -> list[Any]:
        replies = self._line.run(commands)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise StoreUnavailable(f"redis: {reply}")
        return replies


class RedisEventReader:
    """Looks at what waits; for exports. Takes nothing."""

    def __init__(self, server: RedisServer, *, prefix: str = "storegate:", timeout_s: float = 5.0) -> None:
        self._key = event_log(prefix)
        self._line = RedisLine(server, timeout_s=timeout_s)

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for a connection; whether there is one."""
        return self._line.wait_ready(timeout_s)

    def ends(self) -> tuple[Position, Position]:
        """Where the oldest entry that waits stands, or the next one would, and the newest. Raises StoreUnavailable."""
        oldest, info, clock = self._line.run(
            [("XRANGE", self._key, "-", "+", "COUNT", 1), ("XINFO", "STREAM", self._key), ("TIME",)]
        )
        for reply in (oldest, clock):
            if isinstance(reply, ResponseError):
                raise StoreUnavailable(f"redis: {reply}")
        newest = Position(int(clock[0]) * 1000 + int(clock[1]) // 1000, 0)
        if not isinstance(info, ResponseError):  # it is one where nothing was ever written
            facts = dict(zip(info[::2], info[1::2], strict=True))
            newest = max(newest, Position.parse(facts[b"last-generated-id"].decode()))
        return (Position.parse(oldest[0][0].decode()) if oldest else newest), newest

    def between(self, first_ms: int, last_ms: int, mark: bytes) -> Iterator[tuple[Position, LoggedEvent]]:
        """Events received then, both included, whose entry has these bytes. Raises StoreUnavailable."""
        after = str(first_ms)
        while True:
            (reply,) = self._line.run([("XRANGE", self._key, after, str(last_ms), "COUNT", PAGE)])
            if isinstance(reply, ResponseError):
                raise StoreUnavailable(f"redis: {reply}")
            for position, entry in _entries([[self._key, reply]]) if reply else ():
                if mark in entry:
                    with suppress(ValueError):  # the mover tells of what is no event
                        yield position, decode_logged(entry)
            if len(reply) < PAGE:
                return
            after = f"({reply[-1][0].decode()}"

    def close(self) -> None:
        """Ends the connection. Idempotent."""
        self._line.close()


def _entries(reply: Any) -> list[tuple[Position, bytes]]:
    """Of one stream. What somebody has deleted meanwhile comes without fields, and is empty."""
    if not reply:
        return []
    found = []
    for name, fields in reply[0][1]:
        values = dict(zip(fields[::2], fields[1::2], strict=True)) if fields else {}
        found.append((Position.parse(name.decode()), BAR if b"bar" in values else values.get(b"event", b"")))
    return found
