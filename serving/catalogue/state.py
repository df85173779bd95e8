"""The catalogue of this process: published items under the store's, and the snapshots made of both."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from serving.catalogue.store import News, Stored
from serving.core.catalogue import Catalogue, Item


class View:
    """The catalogue as one release sees it: its published items, its models' rows first.

    `snapshot` is one reference: readers take it without a lock, State replaces it. Rows do not move within a view, so
    a pipeline that reads one view never mixes its models with another release's rows.
    """

    __slots__ = ("base", "snapshot")

    def __init__(self, base: Mapping[str, Item], snapshot: Catalogue) -> None:
        self.base, self.snapshot = base, snapshot

    def __call__(self) -> Catalogue:
        return self.snapshot

    def published(self, item_id: str) -> Item | None:
        """The item as the release has it, deleted or not."""
        return self.base.get(item_id)


class State:
    """The store's items, and every view of them; the leading view is what the catalogue service shows.

    An item of the store wins over the published one of that id. Of two states of an item the one with the higher
    version wins, in whatever order the writer and the follower learn of them.
    """

    def __init__(self, base: Sequence[Item] = (), model_ids: Sequence[str] = ()) -> None:
        self._lock = threading.RLock()
        self._overlay: dict[str, Stored] = {}
        self.leading = View({item.item_id: item for item in base}, Catalogue.build(base, model_ids=model_ids))
        self._views = [self.leading]

    @property
    def snapshot(self) -> Catalogue:
        """The leading view's."""
        return self.leading.snapshot

    def find(self, item_id: str) -> Item | None:
        """The item, deleted or not."""
        stored = self._overlay.get(item_id)
        return stored.item if stored else self.leading.published(item_id)

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
            for view in self._views:
                view.snapshot = view.snapshot.updated(changes, max(version, view.snapshot.version))

    def replace(self, news: News) -> None:
        """The store's items are exactly these now: what it has lost goes back to the published state.

        Rows do not move: an item that nobody knows any more is a deleted row.
        """
        with self._lock:
            lost = self._overlay.keys() - news.items.keys()
            self._overlay = dict(news.items)
            for view in self._views:
                target = {item_id: view.published(item_id) or Item(item_id, deleted=True) for item_id in lost}
                target |= {item_id: stored.item for item_id, stored in news.items.items()}
                now = view.snapshot
                view.snapshot = now.updated([item for item in target.values() if not _has(now, item)], news.version)

    def open(self, base: Sequence[Item], model_ids: Sequence[str]) -> View:
        """A view for another release: other published items, other models, so other rows. Current from now on."""
        with self._lock:
            published = {item.item_id: item for item in base}
            items = published | {item_id: stored.item for item_id, stored in self._overlay.items()}
            made = Catalogue.build(list(items.values()), model_ids=model_ids, version=self.snapshot.version)
            view = View(published, made)
            self._views.append(view)
            return view

    def lead(self, view: View) -> None:
        """Makes an open view the one that everybody is shown."""
        with self._lock:
            self.leading = view

    def close(self, view: View) -> None:
        """The view learns nothing more; who still reads it sees what it saw last. The leading one stays open."""
        with self._lock:
            if view is not self.leading and view in self._views:
                self._views.remove(view)


def _has(snapshot: Catalogue, item: Item) -> bool:
    row = snapshot.row_of.get(item.item_id)
    if row is None or snapshot.items[row] != item:
        return False
    found = snapshot.items[row]
    return (found.stocked_s, found.price_set_s) == (item.stocked_s, item.price_set_s)
