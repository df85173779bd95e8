"""The thread that brings what other replicas write, and everything again after the store was away."""

from __future__ import annotations

import logging
import threading
from typing import Final

from serving.catalogue.live import LiveCatalogue
from serving.core.errors import StoreUnavailable

WAIT_S: Final = 0.5
PAUSE_S: Final = 0.1
COALESCE_S: Final = 0.02
DEFECT_PAUSE_S: Final = 5.0

_log = logging.getLogger(__name__)


class Follower:
    """Runs from `start()` to `close()`. A store that is away is asked again every PAUSE_S; nothing is lost by that."""

    def __init__(self, catalogue: LiveCatalogue) -> None:
        self._catalogue = catalogue
        self._closing = threading.Event()
        self._caught_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="catalogue-follower", daemon=True)

    @property
    def current(self) -> bool:
        """Whether all of the store's items were taken over and the log is being followed."""
        return self._caught_up.is_set()

    def start(self, wait_s: float = 0.0) -> bool:
        """Starts the thread and waits up to `wait_s` until it has caught up; whether it has."""
        self._thread.start()
        return self._caught_up.wait(wait_s)

    def wait_current(self, wait_s: float) -> bool:
        """Waits until it has caught up; whether it has."""
        return self._caught_up.wait(wait_s)

    def close(self) -> None:
        """Ends the thread; it may still be waiting for the store for up to WAIT_S."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(4 * WAIT_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._follow(self._catalogue.load())
            except StoreUnavailable as error:
                if self._caught_up.is_set():
                    _log.warning("the catalogue goes on from memory: %s", error)
                self._caught_up.clear()
                self._closing.wait(PAUSE_S)
            except Exception:  # an item in the store that we cannot read must not end the thread for good
                _log.exception("the catalogue goes on from memory")
                self._caught_up.clear()
                self._closing.wait(DEFECT_PAUSE_S)

    def _follow(self, cursor: str) -> None:
        self._caught_up.set()
        while not self._closing.is_set():
            before, cursor = cursor, self._catalogue.follow(cursor, WAIT_S)
            if cursor != before:
                self._closing.wait(COALESCE_S)  # a burst of writes then costs one new snapshot, not one each
