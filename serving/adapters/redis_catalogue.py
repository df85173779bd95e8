"""The catalogue's writes in Redis: a hash of items, a log of which items changed, a counter of versions.

`<prefix>{cat}:items`    hash, item id -> "version:json" (the whole item after the change)
`<prefix>{cat}:log`      stream of {version, ids as JSON}, about LOG_ENTRIES long
`<prefix>{cat}:version`  counter; every write takes the next number
`<prefix>{cat}:history`  stream of {id, was}, about HISTORY_ENTRIES long; the entry VERSION-NUMBER says what the write
                         of that version has replaced: "version:json", or nothing where there was no such item
One script writes all four. The log carries ids only: who follows reads the items as they are by then. The history is
read backwards, to see the catalogue as it was at an earlier version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from redis.exceptions import ResponseError

from serving.adapters.redis_connection import Command, RedisLine, RedisServer
from serving.adapters.redis_scripts import WRITE_ITEMS, call
from serving.catalogue.item_json import from_json, to_json
from serving.catalogue.store import News, Stored
from serving.core.catalogue import Item
from serving.core.errors import StoreUnavailable

LOG_ENTRIES = 10_000
HISTORY_ENTRIES = 100_000
HISTORY_AT_ONCE = 500
SCAN_COUNT = 500
READ_ITEMS = 500
ENTRIES_AT_ONCE = 100


class RedisCatalogue:
    """A CatalogueStore. Writes, reads and the follower have a connection and a breaker each: who waits for news holds
    his nearly always, and takes it again at once."""

    def __init__(
        self,
        server: RedisServer,
        *,
        prefix: str = "storegate:",
        timeout_s: float = 0.5,
        follow_timeout_s: float = 1.5,
        log_entries: int = LOG_ENTRIES,
        history_entries: int = HISTORY_ENTRIES,
    ) -> None:
        """follow_timeout_s: a server silent for that long is away; `follow` waits for at most half of it.

        history_entries: about how many changes of items `as_of` can undo.
        """
        names = ("items", "log", "version", "history")
        self._items, self._log, self._version, self._history = (f"{prefix}{{cat}}:{name}" for name in names)
        self._log_entries, self._history_entries = log_entries, history_entries
        self._wait_s_max = follow_timeout_s / 2
        self._writes = RedisLine(server, timeout_s=timeout_s, scripts=(WRITE_ITEMS,))
        self._reads = RedisLine(server, timeout_s=follow_timeout_s)
        self._follows = RedisLine(server, timeout_s=follow_timeout_s)

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for each of the connections; whether they are there."""
        return all(line.wait_ready(timeout_s) for line in (self._writes, self._reads, self._follows))

    def read(self, item_ids: Sequence[str]) -> dict[str, Stored]:
        """See CatalogueStore."""
        return self._read(self._writes, item_ids)

    def write(self, changes: Sequence[tuple[int, Item]]) -> int:
        """See CatalogueStore."""
        ids = json.dumps([item.item_id for _, item in changes], ensure_ascii=False, separators=(",", ":"))
        arguments: list[str | bytes | int] = [4, self._items, self._log, self._version, self._history]
        arguments += (self._log_entries, self._history_entries, ids)
        for version, item in changes:
            arguments += (item.item_id, version, to_json(item))
        (version,) = call(self._writes, WRITE_ITEMS, [tuple(arguments)])
        return int(version)

    def read_all(self) -> News:
        """See CatalogueStore. In portions, so that profile reads of others are not held up."""
        newest: Command = ("XREVRANGE", self._log, "+", "-", "COUNT", 1)
        entries, counter = self._ask(self._reads, [newest, ("GET", self._version)])
        entry_id, flat = entries[0] if entries else (b"0-0", [b"version", counter or 0])
        version = int(flat[flat.index(b"version") + 1])
        items: dict[str, Stored] = {}
        at: bytes | int = 0
        while True:
            ((at, pairs),) = self._ask(self._reads, [("HSCAN", self._items, at, "COUNT", SCAN_COUNT)])
            items.update(_decoded(zip(pairs[::2], pairs[1::2], strict=True)))
            if int(at) == 0:
                return News(items, version, _cursor(entry_id, version))

    def follow(self, cursor: str, wait_s: float) -> News | None:
        """See CatalogueStore. Takes ENTRIES_AT_ONCE writes at a time."""
        last, _, seen = cursor.partition("/")
        wait_ms = max(1, int(min(wait_s, self._wait_s_max) * 1000))
        command: Command = ("XREAD", "COUNT", ENTRIES_AT_ONCE, "BLOCK", wait_ms, "STREAMS", self._log, last)
        (reply,) = self._ask(self._follows, [command])
        if not reply:
            return News({}, int(seen), cursor)
        ids: dict[str, None] = {}
        version = int(seen)
        for entry_id, flat in reply[0][1]:
            entry = dict(zip(flat[::2], flat[1::2], strict=True))
            if int(entry[b"version"]) != version + 1:
                return None
            version, last = version + 1, entry_id.decode()
            ids |= dict.fromkeys(json.loads(entry[b"ids"]))
        return News(self._read(self._follows, list(ids)), version, _cursor(last.encode(), version))

    def as_of(self, version: int) -> dict[str, Stored | None] | None:
        """What the items that were written after `version` were at that version; None = the store had none of that id.

        None as a whole: the history does not reach back so far, or the store has not come to that version.
        """
        was: dict[str, Stored | None] = {}
        first, at = f"{version + 1}-0", f"{version + 1}-0"
        (counter,) = self._ask(self._reads, [("GET", self._version)])
        if int(counter or 0) <= version:
            return was if int(counter or 0) == version else None
        while True:
            (entries,) = self._ask(self._reads, [("XRANGE", self._history, at, "+", "COUNT", HISTORY_AT_ONCE)])
            if at == first and (not entries or entries[0][0].decode() != first):
                return None
            for _, flat in entries:
                entry = dict(zip(flat[::2], flat[1::2], strict=True))
                name, before = entry[b"id"].decode(), entry[b"was"]
                if name not in was:  # what comes later has replaced something newer
                    was[name] = _stored(before) if before else None
            if len(entries) < HISTORY_AT_ONCE:
                return was
            at = f"({entries[-1][0].decode()}"

    def close(self) -> None:
        """Ends the connections. Idempotent."""
        for line in (self._writes, self._reads, self._follows):
            line.close()

    def _read(self, line: RedisLine, item_ids: Sequence[str]) -> dict[str, Stored]:
        found: dict[str, Stored] = {}
        for start in range(0, len(item_ids), READ_ITEMS):
            part = item_ids[start : start + READ_ITEMS]
            (values,) = self._ask(line, [("HMGET", self._items, *part)])
            found |= _decoded(zip(part, values, strict=True))
        return found

    def _ask(self, line: RedisLine, commands: Sequence[Command]) -> list[Any]:
        replies = line.run(commands)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise StoreUnavailable(f"redis: {reply}")
        return replies


def _decoded(pairs: Iterable[tuple[str | bytes, bytes | None]]) -> dict[str, Stored]:
    found = {}
    for item_id, value in pairs:
        if value is not None:
            found[item_id.decode() if isinstance(item_id, bytes) else item_id] = _stored(value)
    return found


def _stored(value: bytes) -> Stored:
    version, _, text = value.partition(b":")
    return Stored(int(version), from_json(text))


def _cursor(entry_id: bytes, version: int) -> str:
    return f"{entry_id.decode()}/{version}"
