"""The served release, its pipeline and its catalogue; a new release is loaded aside, warmed, and swapped in whole."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from serving.adapters.model_loader import Loaded, load
from serving.adapters.releases import MANIFEST
from serving.catalogue.live import LiveCatalogue
from serving.catalogue.store import CatalogueStore
from serving.core.catalogue import Catalogue
from serving.core.errors import StoregateError
from serving.core.ports import ProfileStore
from serving.core.turn import Turn
from serving.decisions.recommend.contract import Answer, PageAnswer, PageQuery, Query
from serving.decisions.recommend.decision_log import DecisionLog
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.shadow import ShadowLog
from serving.features import FEATURES

POLL_S: Final = 1.0

log = logging.getLogger(__name__)


class Sight:
    """The catalogue as one release sees it: the live one, unless it is held at one snapshot during a swap.

    The rows of a catalogue belong to the models it was built for; a batch must never see one release's models with
    another's rows.
    """

    __slots__ = ("_live", "held")

    def __init__(self, live: LiveCatalogue) -> None:
        self._live = live
        self.held: Catalogue | None = None

    def __call__(self) -> Catalogue:
        return self.held or self._live.snapshot()


class LiveModels:
    """Loads the live release when constructed. Raises NotReady (nothing trained) or ModelDamaged (nothing whole)."""

    def __init__(
        self,
        home: Path,
        params: Params,
        profiles: ProfileStore | None,
        catalogue_store: CatalogueStore,
        import_dir: Path | None = None,
        decisions: DecisionLog | None = None,
        shadows: ShadowLog | None = None,
    ) -> None:
        """decisions: where decisions are kept; shadows: what compares with a release's shadow; None = nowhere."""
        self._home, self._params, self._profiles, self._decisions = home, params, profiles, decisions
        self._shadows = shadows
        self._stamp = self._manifest_stamp()
        loaded = load(home, FEATURES)
        self.catalogue = LiveCatalogue(
            catalogue_store, loaded.catalogue_items, loaded.models.item_ids, import_dir=import_dir
        )
        self._sight = Sight(self.catalogue)
        self._current = self._recommender(loaded, self._sight)
        self._current.warm()
        self.loaded = loaded
        """The release that is served."""
        self.release = loaded.release
        self.refused = loaded.refused
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="live-models", daemon=True)

    def run(self, queries: Sequence[Query], turn: Turn) -> list[Answer]:
        """The pipeline of the release that is live now; runs on the engine."""
        return self._current.run(queries, turn)

    def run_pages(self, pages: Sequence[PageQuery], turn: Turn) -> list[PageAnswer]:
        """Likewise, for shop pages."""
        return self._current.run_pages(pages, turn)

    def _recommender(self, loaded: Loaded, sight: Sight) -> Recommender:
        sink = self._decisions.of_release(loaded.release) if self._decisions else None
        watcher = self._shadows.of(loaded.shadow) if self._shadows else None
        return Recommender(loaded.models, sight, self._profiles, self._params, sink, watcher)

    def start(self) -> None:
        """Begins to look for new releases, once a second."""
        self._watcher.start()

    def close(self) -> None:
        """Ends the watching. Idempotent."""
        self._closing.set()
        if self._watcher.is_alive():
            self._watcher.join()

    def refresh(self) -> bool:
        """Goes over to another release if the manifest has changed; whether it did. A damaged one changes nothing."""
        stamp = self._manifest_stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            loaded = load(self._home, FEATURES)
            self.refused = loaded.refused
            if loaded.release == self.release:
                return False
            self._swap(loaded)
        except StoregateError as error:
            self.refused = [error.message]
            log.error("release %s goes on: %s", self.release, error.message)
            return False
        log.warning("release %s is live, it was %s", loaded.release, self.release)
        self.release = loaded.release
        return True

    def _swap(self, loaded: Loaded) -> None:
        """The old pipeline is held at the last rows it knows; the new one at its first, until those are current."""
        old, new = self._sight, Sight(self.catalogue)
        recommender = self._recommender(loaded, new)

        def switch(made: Catalogue) -> None:
            new.held = made
            recommender.warm()
            old.held = self.catalogue.snapshot()
            self._current, self.loaded = recommender, loaded

        self.catalogue.rebase(loaded.catalogue_items, loaded.models.item_ids, switch)
        new.held = None
        self._sight = new

    def _watch(self) -> None:
        while not self._closing.wait(POLL_S):
            try:
                self.refresh()
            except Exception:  # a defect here must not end the watching
                log.exception("looking for a new release failed; %s goes on", self.release)

    def _manifest_stamp(self) -> tuple[int, int]:
        """(mtime in ns, inode): the manifest is replaced by a rename."""
        try:
            found = (self._home / MANIFEST).stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino
