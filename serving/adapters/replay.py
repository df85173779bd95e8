"""`GetDecision` and `ReplayDecision`: reads what was logged, and computes it again with the inputs of that day.

A replay takes the logged query, profile, clock, parameters and random seed; the logged release and counters, as long as
they are kept on disk; and the catalogue as it was at the logged version, as long as its history reaches back. Where one
of these is gone, the nearest takes its place and stands first among the differences. Quoted prices that were shown are
the logged ones, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from serving.adapters.model_loader import Loaded
from serving.adapters.releases import Release, last_manifest
from serving.catalogue.store import News, Stored
from serving.core.catalogue import Catalogue, Item
from serving.core.clock import NEVER
from serving.core.errors import InvalidInput, ModelDamaged, NotFound, StoregateError, StoreUnavailable
from serving.core.prices import Quoted
from serving.core.turn import Turn
from serving.decisions.recommend.contract import PageQuery
from serving.decisions.recommend.decision_log import DecisionStore
from serving.decisions.recommend.live import PART, Counters, live_of
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.record import (
    Decision,
    Logged,
    Replayed,
    decision_of,
    differences,
    params_of,
)

PROFILE: Final = "profile"
"""The stage of Answer.degraded that tells of profiles that could not be read."""


class ItemHistory(Protocol):
    """What a replay needs of the catalogue's store. Raises StoreUnavailable."""

    def read_all(self) -> News:
        """See CatalogueStore."""
        ...

    def as_of(self, version: int) -> dict[str, Stored | None] | None:
        """See RedisCatalogue."""
        ...


class LoggedProfile:
    """The ProfileStore of a replay: everybody's records are the logged ones, or fail as they did."""

    def __init__(self, blob: bytes, failure: str = "") -> None:
        self._blob, self._failure = blob, failure

    def fetch(self, keys: Sequence[str], timeout_s: float) -> list[bytes]:
        """See ProfileStore."""
        if self._failure:
            raise StoreUnavailable(self._failure)
        return [self._blob] * len(keys)

    def append(self, writes: Sequence[tuple[str, bytes]], durable_timeout_s: float) -> list[int]:
        """A replay writes nothing."""
        raise StoreUnavailable("a replay writes nothing")


class ReplayService:
    """The methods behind the routes; both belong on the importer's thread: a release may have to be loaded."""

    def __init__(
        self,
        store: DecisionStore,
        home: Path,
        live: Callable[[], Loaded],
        snapshot: Callable[[], Catalogue],
        items: ItemHistory,
        load: Callable[[Release], Loaded],
        absent: Callable[[str], NotFound],
        counters: Callable[[str], Counters | None] = lambda version: None,
        quoted: Callable[[str, Catalogue, float], Quoted | None] = lambda release, catalogue, wall_s: None,
    ) -> None:
        """live, snapshot: the release that is served and its catalogue. load: a release from disk; raises ModelDamaged.

        absent: the error for a decision id that the store does not know. counters: those of a version, of another one
        where it is kept no more, None = there are none. quoted: the prices that a release decides, of a catalogue at a
        time, by the rules as they are now; None = the catalogue's own. An arm of a split shows those of another one.
        """
        self._counters, self._quoted = counters, quoted
        self._store, self._home, self._live, self._snapshot = store, home, live, snapshot
        self._items, self._load, self._absent = items, load, absent
        self._past: Loaded | None = None
        """The release before the live one that was replayed last; another one takes its place."""

    def run_get(self, queries: Sequence[str], turn: Turn) -> list[Logged | StoregateError]:
        """GetDecision. queries: decision ids."""
        return [self._get(decision_id) for decision_id in queries]

    def run_replay(self, queries: Sequence[str], turn: Turn) -> list[Replayed | StoregateError]:
        """ReplayDecision. queries: decision ids."""
        return [self._replayed(decision_id) for decision_id in queries]

    def _get(self, decision_id: str) -> Logged | StoregateError:
        try:
            return self._store.get(decision_id) or self._absent(decision_id)
        except StoreUnavailable as error:
            return error

    def _replayed(self, decision_id: str) -> Replayed | StoregateError:
        logged = self._get(decision_id)
        if isinstance(logged, StoregateError):
            return logged
        try:
            return Replayed(logged, tuple(differences(logged.decision, self._again(logged.decision))))
        except StoregateError as error:
            return error

    def _again(self, logged: Decision) -> Decision:
        """The decision as it comes out now."""
        loaded = self._release(logged.release)
        catalogue = self._catalogue(loaded, logged.catalogue_version)
        profile = LoggedProfile(logged.blob, dict(logged.degraded).get(PROFILE, ""))
        params = params_of(logged.params)
        pipeline = Recommender(loaded.models, lambda: catalogue, profile, params)
        version = logged.versions.get(PART, "")
        if version and (found := self._counters(version)) is not None:
            pipeline.live = live_of(found, loaded.models, catalogue, params)
        quoted = self._quoted(logged.priced_by or logged.release, catalogue, logged.wall)
        pipeline.quoted = _as_shown(quoted, catalogue, logged)
        # A page's placements choose one after the other, so those before this one run again with it.
        page = PageQuery((*logged.before, logged.query))
        (made,) = pipeline.run_pages([page], Turn(0.0, logged.wall, NEVER))
        answer = made.answers[-1]
        return decision_of(loaded.release, params, logged.query, logged.blob, logged.wall, answer, logged.before)

    def _release(self, name: str) -> Loaded:
        """The release of that name; the live one where it is not kept any more, or damaged."""
        live = self._live()
        if live.release == name:
            return live
        if self._past is not None and self._past.release == name:
            return self._past
        self._past = None  # before another one takes its memory
        found = last_manifest(self._home)
        for release in found.known if found else ():
            if release.release == name:
                try:
                    self._past = self._load(release)
                except (ModelDamaged, InvalidInput):
                    return live
                return self._past
        return live

    def _catalogue(self, loaded: Loaded, version: int) -> Catalogue:
        """The catalogue of that version over the release's items; of the version that is there if it is gone.

        Of the live release the live catalogue's rows are kept: items of equal rank stand in their order.
        """
        base = {item.item_id: item for item in loaded.catalogue_items}
        now = self._snapshot()
        if now.version >= version and loaded is not self._past and _fits(now, loaded):
            was = self._items.as_of(version) if now.version > version else {}
            if was is None:
                return now
            return now.updated([_item(name, base, stored) for name, stored in was.items()], version)
        news = self._items.read_all()
        items = base | {name: stored.item for name, stored in news.items.items()}
        was = self._items.as_of(version)
        if was is not None:
            items |= {name: _item(name, base, stored) for name, stored in was.items()}
        reached = news.version if was is None else version
        return Catalogue.build(list(items.values()), model_ids=loaded.models.item_ids, version=reached)


def _as_shown(quoted: Quoted | None, catalogue: Catalogue, logged: Decision) -> Quoted | None:
    """With the quoted prices that the decision has shown. They were an input: decided before, by rules of that day, and
    for an arm of a split over the items of another release. The others are decided anew."""
    if not logged.priced_by:
        return quoted
    price = np.zeros(len(catalogue), np.int64) if quoted is None else quoted.price.copy()
    for result in logged.results:
        row = catalogue.row_of.get(result.item_id, -1)
        if row >= 0 and catalogue.items[row].currency == result.currency:
            price[row] = result.price
    return Quoted(catalogue, price, logged.priced_by)


def _item(name: str, base: dict[str, Item], stored: Stored | None) -> Item:
    """The store's item, else the published one, else a row that nobody knows."""
    return stored.item if stored else base.get(name) or Item(name, deleted=True)


def _fits(catalogue: Catalogue, loaded: Loaded) -> bool:
    """Whether its first rows are the items of these models: another release may have become live this moment."""
    ids = loaded.models.item_ids
    return catalogue.n_model == len(ids) and all(
        item.item_id == name for item, name in zip(catalogue.items, ids, strict=False)
    )
