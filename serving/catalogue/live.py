"""The catalogue as the routes use it: reads from memory, writes through the store, one snapshot for everybody."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from serving.catalogue.changes import Change, Draft, Outcome, apply
from serving.catalogue.contract import (
    DeleteItems,
    GetItem,
    Imported,
    ImportItems,
    ItemFound,
    SetPrices,
    SetStock,
    UpsertItems,
    Written,
)
from serving.catalogue.importing import BATCH_ITEMS, read_source
from serving.catalogue.state import State, View
from serving.catalogue.store import CatalogueStore, Stored
from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput, NotFound, StoregateError, StoreUnavailable
from serving.core.row_files import LineError
from serving.core.turn import Turn

ATTEMPTS_MAX: Final = 100
"""Every failed attempt means that another replica's write succeeded."""
GROUP_ITEMS_MAX: Final = 1000
"""Items in one write to the store: it holds the store up for a few milliseconds at most."""
WAIT_S_MAX: Final = 1.0
"""How long a write waits while everything is read anew; events wait behind it."""
ITEMS_MAX: Final = 2_000_000
ERRORS_SHOWN_MAX: Final = 100


class LiveCatalogue:
    """Reads (`snapshot`, `run_get`) never wait. `run_write` belongs on the writer thread, `run_import` on the
    importer's; the follower brings what other replicas write. A write is visible here when it is answered.
    """

    def __init__(
        self,
        store: CatalogueStore,
        base: Sequence[Item] = (),
        model_ids: Sequence[str] = (),
        *,
        import_dir: Path | None = None,
        items_max: int = ITEMS_MAX,
    ) -> None:
        """base: the published items. import_dir: where ImportItems may read files; None = nowhere."""
        self._store, self._import_dir, self._items_max = store, import_dir, items_max
        self._state = State(base, model_ids)
        self._writing = threading.Lock()

    def snapshot(self) -> Catalogue:
        """The items at this moment."""
        return self._state.snapshot

    def known(self, item_id: str) -> bool:
        """Whether there is such an item, not deleted."""
        return self._state.snapshot.item(item_id) is not None

    @property
    def leading(self) -> View:
        """The view that is shown: of the release that is live here."""
        return self._state.leading

    def open(self, base: Sequence[Item], model_ids: Sequence[str]) -> View:
        """A view for another release, kept current until it is closed; see State.open."""
        return self._state.open(base, model_ids)

    def lead(self, view: View) -> None:
        """Shows an open view from now on."""
        self._state.lead(view)

    def close(self, view: View) -> None:
        """Keeps a view current no longer; see State.close."""
        self._state.close(view)

    def load(self) -> str:
        """Takes over all of the store's items; the cursor from which to follow. Raises StoreUnavailable."""
        with self._writing:  # else a write of ours between reading and taking over would be undone for a moment
            news = self._store.read_all()
            self._state.replace(news)
            return news.cursor

    def follow(self, cursor: str, wait_s: float) -> str:
        """Takes over what was written after `cursor`, waiting up to `wait_s` for it; the new cursor."""
        news = self._store.follow(cursor, wait_s)
        if news is None:
            return self.load()
        if news.items:
            self._state.learn(news.items, news.version)
        return news.cursor

    def run_get(self, queries: Sequence[GetItem], turn: Turn) -> list[ItemFound | StoregateError]:
        """GetItem, from memory."""
        now = self._state.snapshot
        return [_found(now, query.item_id) for query in queries]

    def run_write(self, queries: Sequence[Change], turn: Turn) -> list[Written | StoregateError]:
        """UpsertItems, DeleteItems, SetStock, SetPrices: applied in order, a group of requests in one write.

        A request is applied as a whole or not at all.
        """
        answers: list[Written | StoregateError] = []
        group: list[Change] = []
        size = 0
        for query in queries:
            if group and size + _size(query) > GROUP_ITEMS_MAX:
                answers += self._write(group, int(turn.wall))
                group, size = [], 0
            group.append(query)
            size += _size(query)
        return answers + self._write(group, int(turn.wall)) if group else answers

    def run_import(self, queries: Sequence[ImportItems], turn: Turn) -> list[Imported | StoregateError]:
        """ImportItems: good lines are written in portions, bad ones reported."""
        return [self._import(query, int(turn.wall)) for query in queries]

    def _write(self, group: Sequence[Change], now_s: int) -> list[Written | StoregateError]:
        if not self._writing.acquire(timeout=WAIT_S_MAX):
            return [StoreUnavailable("catalogue: all of it is being read anew")] * len(group)
        try:
            return self._committed(group, now_s)
        except StoreUnavailable as error:
            return [error] * len(group)
        finally:
            self._writing.release()

    def _committed(self, group: Sequence[Change], now_s: int) -> list[Written | StoregateError]:
        """Optimistic: changes what we know, writes if the store knows no newer, else learns and begins again."""
        state = self._state
        for _ in range(ATTEMPTS_MAX):
            draft = Draft(state.find)
            outcomes = [self._tried(change, draft, now_s) for change in group]
            if not draft.changed:
                break
            version = self._store.write([(state.version_of(name), item) for name, item in draft.changed.items()])
            if version:
                state.learn({name: Stored(version, item) for name, item in draft.changed.items()}, version)
                break
            state.learn(self._store.read(list(draft.changed)), state.snapshot.version)
        else:
            raise StoreUnavailable("catalogue: too many writers change the same items")
        return [
            Written(outcome.count, tuple(outcome.missing), state.snapshot.version)
            if isinstance(outcome, Outcome)
            else outcome
            for outcome in outcomes
        ]

    def _tried(self, change: Change, draft: Draft, now_s: int) -> Outcome | InvalidInput:
        try:
            if isinstance(change, UpsertItems) and len(self._state.snapshot) + len(change.items) > self._items_max:
                self._check_room(change, draft)
            if isinstance(change, UpsertItems) and change.validate_only:
                return apply(change, Draft(draft.find), now_s)
            return apply(change, draft, now_s)
        except InvalidInput as error:
            return error

    def _check_room(self, change: UpsertItems, draft: Draft) -> None:
        new = {item.item_id for item in change.items if draft.find(item.item_id) is None}
        room = self._items_max - len(self._state.snapshot)
        if len(new) > room:
            raise InvalidInput("items", f"{len(new)} new items", f"at most {max(room, 0)}: the catalogue is full")

    def _import(self, query: ImportItems, now_s: int) -> Imported | StoregateError:
        imported, refused = 0, 0
        errors: list[LineError] = []
        try:
            good: list[Item] = []
            for row in read_source(query, self._import_dir):
                if isinstance(row, Item):
                    good.append(row)
                    if len(good) == BATCH_ITEMS:
                        imported += self._import_batch(good, query, now_s)
                        good = []
                else:
                    refused += 1
                    errors += [row] if len(errors) < ERRORS_SHOWN_MAX else []
            imported += self._import_batch(good, query, now_s)
        except StoregateError as error:
            return error
        return Imported(imported, refused, tuple(errors), self._state.snapshot.version)

    def _import_batch(self, items: Sequence[Item], query: ImportItems, now_s: int) -> int:
        if not items:
            return 0
        (answer,) = self._write([UpsertItems(tuple(items), query.validate_only)], now_s)
        if isinstance(answer, StoregateError):
            raise answer
        return answer.count


def _size(change: Change) -> int:
    match change:
        case UpsertItems():
            return len(change.items)
        case DeleteItems():
            return len(change.item_ids)
        case SetStock() | SetPrices():
            return len(change.updates)


def _found(snapshot: Catalogue, item_id: str) -> ItemFound | StoregateError:
    item = snapshot.item(item_id)
    if item is None:
        return NotFound("item", item_id)
    return ItemFound(item, snapshot.row_of[item_id] < snapshot.n_model)
