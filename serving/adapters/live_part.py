"""One optional part of the live release: loaded and checked aside, and swapped in when the manifest changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from serving.adapters.releases import Release, releases, stamp
from serving.adapters.versions import read_version
from serving.core.errors import InvalidInput, ModelDamaged, NotReady, StoregateError
from serving.core.priority import yield_to_others

POLL_S: Final = 0.25
DEFECT_PAUSE_S: Final = 5.0
NICE: Final = 10
"""Of the thread that loads: what is served goes first."""

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """What a part was opened to, and whose it is."""

    value: T
    version: str
    release: Release


class LivePart(Generic[T]):
    """Loads what is live when constructed, and raises nothing then: `current` says what is the matter.

    A damaged version never replaces one that serves. At the start the newest whole one of the releases that were live
    serves instead. Reading `current` never waits.
    """

    def __init__(
        self, home: Path, part: str, opened: Callable[[Path, str], T], closed: Callable[[T], None] | None = None
    ) -> None:
        """opened: (the verified folder, its version) -> what serves; raises ModelDamaged, InvalidInput. closed: told of
        what serves no longer; who still uses it may."""
        self._home, self._part, self._opened, self._closed = home, part, opened, closed
        self._guard = threading.Lock()
        """Of loading: one at a time."""
        self._now: Held[T] | StoregateError = self._absent("")
        self._stamp = stamp(home)
        self._now = self._found()
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"live-{part}", daemon=True)

    @property
    def current(self) -> Held[T]:
        """What is live. Raises NotReady where the release has no such part, ModelDamaged where no whole one is left."""
        now = self._now
        if isinstance(now, StoregateError):
            raise type(now)(now.message, **now.facts)
        return now

    def start(self) -> None:
        """Begins to follow the manifest: a change is noticed within a second."""
        self._watcher.start()

    def close(self) -> None:
        """Ends the following. Idempotent."""
        self._closing.set()
        if self._watcher.is_alive():
            self._watcher.join()

    def refresh(self) -> bool:
        """Goes over to what the manifest says, if it has changed; whether another version serves now."""
        with self._guard:
            seen = stamp(self._home)
            if seen == self._stamp:
                return False
            before, self._now = self._now, self._found()
            self._stamp = seen
            if _version(before) == _version(self._now):
                return False
            if self._closed is not None and isinstance(before, Held):
                self._closed(before.value)
            log.warning("%s: %s serves, it was %s", self._part, _version(self._now), _version(before))
            return True

    def _found(self) -> Held[T] | StoregateError:
        """What shall serve now."""
        known = releases(self._home)
        if not known:
            return self._absent("nothing has been trained yet")
        live = known[0]
        if self._part not in live.models:
            return self._absent(f"release {live.release} has none")
        problems = []
        for release in known:
            try:
                return self._of(release)
            except (ModelDamaged, InvalidInput) as error:
                problems.append(f"release {release.release}: {error.message}")
                log.error("refused: %s", problems[-1])
            if isinstance(self._now, Held):  # it goes on
                return self._now
        return ModelDamaged(f"no whole {self._part} is left: " + "; ".join(problems), model=self._part)

    def _of(self, release: Release) -> Held[T]:
        version = release.models.get(self._part)
        if version is None:
            raise ModelDamaged(f"it has no {self._part}", model=self._part)
        if isinstance(self._now, Held) and self._now.version == version:
            return Held(self._now.value, version, release)
        return Held(self._opened(read_version(self._home, self._part, version), version), version, release)

    def _absent(self, why: str) -> NotReady:
        return NotReady(f"there is no {self._part} model ({why}): run `storegate train`", part=self._part)

    def _watch(self) -> None:
        yield_to_others(NICE)
        while not self._closing.wait(POLL_S):
            try:
                self.refresh()
            except Exception:  # a defect here must not end the following
                log.exception("following the manifest failed; %s stays as it is", self._part)
                self._closing.wait(DEFECT_PAUSE_S)


def _version(now: Held[T] | StoregateError) -> str:
    return now.version if isinstance(now, Held) else "none"
