"""A CatalogueStore in this process's memory: for tests and trials; replicas are LiveCatalogues that share one."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from serving.catalogue.store import News, Stored
from serving.core.catalogue import Item


class MemoryCatalogue:
    """The plain twin of RedisCatalogue. The cursor is the version."""

    def __init__(self) -> None:
        self._items: dict[str, Stored] = {}
        self._version = 0
        self._changed = threading.Condition()

    def read(self, item_ids: Sequence[str]) -> dict[str, Stored]:
        """See CatalogueStore."""
        with self._changed:
            return {item_id: self._items[item_id] for item_id in item_ids if item_id in self._items}

    def write(self, changes: Sequence[tuple[int, Item]]) -> int:
        """See CatalogueStore."""
        with self._changed:
            for version, item in changes:
                held = self._items.get(item.item_id)
                if (held.version if held else 0) != version:
                    return 0
            self._version += 1
            self._items |= {item.item_id: Stored(self._version, item) for _, item in changes}
            self._changed.notify_all()
            return self._version

    def read_all(self) -> News:
        """See CatalogueStore."""
        with self._changed:
            return News(dict(self._items), self._version, str(self._version))

    def follow(self, cursor: str, wait_s: float) -> News | None:
        """See CatalogueStore."""
        since = int(cursor)
        with self._changed:
            self._changed.wait_for(lambda: self._version != since, wait_s)
            newer = {item_id: stored for item_id, stored in self._items.items() if stored.version > since}
            return News(newer, self._version, str(self._version))
