"""The catalogue of this process: published items under the store's, and the snapshot made of both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from serving.catalogue.store import News, Stored
from serving.core.catalogue import Catalogue, Item


def _nothing(_: Catalogue) -> None:
    pass


class State:
    """`snapshot` is one reference: readers take it without a lock, writers replace it.

    An item of the store wins over the published one of that id. Of two states of an item the one with the higher
    version wins, in whatever order the writer and the follower learn of them.
    """

    def __init__(self, base: Sequence[Item] = (), model_ids: Sequence[str] = ()) -> None:
        self._lock = threading.RLock()
        self._base = {item.item_id: item for item in base}
        self._overlay: dict[str, Stored] = {}
        self.snapshot = Catalogue.build(base, model_ids=model_ids)

    def find(self, item_id: str) -> Item | None:
        """The item, deleted or not."""
        stored = self._overlay.get(item_id)
        return stored.item if stored else self._base.get(item_id)

    def version_of(self, item_id: str) -> int:
        """Of the store's item, 0 = the store has none."""
        stored = self._overlay.get(item_id)
        return stored.version if stored else 0

    def learn(self, items: Mapping[str, Stored], version: int) -> None:
        """Takes over what was written; older states than those known are ignored."""
        with self._lock:
            fresh = {item_id: stored for item_id, stored in items.items() if stored.version > self.version_of(item_id)}
            self._overlay |= fresh
            changes = [stored.item for stored in fresh.values()]
            self.snapshot = self.snapshot.updated(changes, max(version, self.snapshot.version))

    def replace(self, news: News) -> None:
        """The store's items are exactly these now: what it has lost goes back to the published state.

        Rows do not move: an item that nobody knows any more is a deleted row.
        """
        with self._lock:
            lost = self._overlay.keys() - news.items.keys()
            self._overlay = dict(news.items)
            target = {item_id: self.find(item_id) or Item(item_id, deleted=True) for item_id in lost}
            target |= {item_id: stored.item for item_id, stored in news.items.items()}
            now = self.snapshot
            changes = [item for item_id, item in target.items() if not _has(now, item)]
            self.snapshot = now.updated(changes, news.version)

    def rebase(
        self, base: Sequence[Item], model_ids: Sequence[str], then: Callable[[Catalogue], None] = _nothing
    ) -> Catalogue:
        """A new release: other published items, other models, so other rows.

        `then` gets the new snapshot before it becomes the current one and before any write can come between: the
        place to swap the models too. If it raises, the old state stays.
        """
        with self._lock:
            published = {item.item_id: item for item in base}
            items = published | {item_id: stored.item for item_id, stored in self._overlay.items()}
            made = Catalogue.build(list(items.values()), model_ids=model_ids, version=self.snapshot.version)
            then(made)
            self._base, self.snapshot = published, made
            return made


def _has(snapshot: Catalogue, item: Item) -> bool:
    row = snapshot.row_of.get(item.item_id)
    return row is not None and snapshot.items[row] == item
