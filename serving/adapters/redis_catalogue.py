"""The catalogue's writes in Redis: a hash of items, a log of which items changed, a counter of versions.

`<prefix>{cat}:items`    hash, item id -> "version:json" (the whole item after the change)
`<prefix>{cat}:log`      stream of {version, ids as JSON}, about LOG_ENTRIES long
`<prefix>{cat}:version`  counter; every write takes the next number
One script writes all three. The log carries ids only: who follows reads the items as they are by then.
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
SCAN_COUNT = 500
READ_ITEMS = 500
ENTRIES_AT_ONCE = 100


class RedisCatalogue:
    """A CatalogueStore. Writes and the follower have a connection and a breaker each."""

    def __init__(
        self,
        server: RedisServer,
        *,
        prefix: str = "storegate:",
        timeout_s: float = 0.5,
        follow_timeout_s: float = 1.5,
        log_entries: int = LOG_ENTRIES,
    ) -> None:
        """follow_timeout_s: a server silent for that long is away; `follow` waits for at most half of it."""
        self._items, self._log, self._version = (f"{prefix}{{cat}}:{name}" for name in ("items", "log", "version"))
        self._log_entries, self._wait_s_max = log_entries, follow_timeout_s / 2
        self._writes = RedisLine(server, timeout_s=timeout_s, scripts=(WRITE_ITEMS,))
        self._follows = RedisLine(server, timeout_s=follow_timeout_s)

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for both connections; whether they are there."""
        return self._writes.wait_ready(timeout_s) and self._follows.wait_ready(timeout_s)

    def read(self, item_ids: Sequence[str]) -> dict[str, Stored]:
        """See CatalogueStore."""
        return self._read(self._writes, item_ids)

    def write(self, changes: Sequence[tuple[int, Item]]) -> int:
        """See CatalogueStore."""
        ids = json.dumps([item.item_id for _, item in changes], ensure_ascii=False, separators=(",", ":"))
        arguments: list[str | bytes | int] = [3, self._items, self._log, self._version, self._log_entries, ids]
        for version, item in changes:
            arguments += (item.item_id, version, to_json(item))
        (version,) = call(self._writes, WRITE_ITEMS, [tuple(arguments)])
        return int(version)

    def read_all(self) -> News:
        """See CatalogueStore. In portions, so that profile reads of others are not held up."""
        newest: Command = ("XREVRANGE", self._log, "+", "-", "COUNT", 1)
        entries, counter = self._ask(self._follows, [newest, ("GET", self._version)])
        entry_id, flat = entries[0] if entries else (b"0-0", [b"version", counter or 0])
        version = int(flat[flat.index(b"version") + 1])
        items: dict[str, Stored] = {}
        at: bytes | int = 0
        while True:
            ((at, pairs),) = self._ask(self._follows, [("HSCAN", self._items, at, "COUNT", SCAN_COUNT)])
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

    def close(self) -> None:
        """Ends the connections. Idempotent."""
        self._writes.close()
        self._follows.close()

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
            version, _, text = value.partition(b":")
            name = item_id.decode() if isinstance(item_id, bytes) else item_id
            found[name] = Stored(int(version), from_json(text))
    return found


def _cursor(entry_id: bytes, version: int) -> str:
    return f"{entry_id.decode()}/{version}"
