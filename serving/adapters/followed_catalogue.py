"""The catalogue as it is now, for a process beside the gateway: items of the live release under those of the store."""

from __future__ import annotations

from pathlib import Path

from serving.adapters.batch_columns import CATALOGUE_FILE
from serving.adapters.catalogue_file import load_items
from serving.adapters.live_part import LivePart
from serving.catalogue.follower import Follower
from serving.catalogue.live import LiveCatalogue
from serving.catalogue.state import View
from serving.catalogue.store import CatalogueStore
from serving.core.catalogue import Catalogue
from serving.core.errors import StoregateError

PART = "catalogue"


class FollowedCatalogue:
    """Current within a second of a write. Without the store it goes on from memory: at first what was published."""

    def __init__(self, home: Path, store: CatalogueStore) -> None:
        self._live = LiveCatalogue(store)
        self._base: LivePart[View] = LivePart(home, PART, self._opened, self._live.close)
        self._follower = Follower(self._live)

    def start(self, wait_s: float) -> None:
        """Begins to follow, and waits up to `wait_s` until what is in the store is here."""
        self._base.start()
        self._follower.start(wait_s)

    def snapshot(self) -> Catalogue:
        """The items at this moment; none before anything was trained."""
        try:
            return self._base.current.value.snapshot
        except StoregateError:
            return self._live.snapshot()

    def close(self) -> None:
        """Ends the following; the store stays open. Idempotent."""
        self._base.close()
        self._follower.close()

    def _opened(self, folder: Path, version: str) -> View:
        return self._live.open(load_items(folder / CATALOGUE_FILE), ())
