"""What outlives replicas: the embedded Redis, where none is named, with the profiles of the training history in it, and
what moves its event log to the archive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.event_mover import EventMover
from serving.adapters.history_erasure import HISTORY_FILE, erase_history, history_versions
from serving.adapters.model_loader import load
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.releases import live
from serving.adapters.versions import read_version
from serving.core.errors import DataError, ModelDamaged, NotReady, StoreUnavailable
from serving.events.erasure import Pseudonyms
from serving.events.history import read_history
from serving.features import FEATURES

PROBE_S: Final = 0.2
Say = Callable[[str], None]


class ShopStore:
    """Started and seeded when constructed. `url` is where replicas find it.

    Raises NotReady when nothing was trained, ModelDamaged when nothing whole is left, SettingError for a server that
    cannot be used. A named server that is merely away is told, and the gateway starts without profiles.
    """

    def __init__(
        self,
        home: Path,
        url: str,
        profiles: Callable[[RedisServer], RedisProfiles],
        say: Say,
        *,
        fsync: str = "everysec",
        mover: Callable[[RedisServer], EventMover] | None = None,
        names: Pseudonyms | None = None,
    ) -> None:
        """fsync: of our own server. mover: starts moving the event log; None = somebody else does. names: what erased
        users are called in the proofs below home, so that no release brings them back; None = nobody was erased."""
        # Whatever cannot be served is better known here than from a replica.
        release = load(home, FEATURES)
        for line in release.refused:
            say(f"refused: {line}")
        self._home, self._profiles, self._names, self._ledger = home, profiles, names, ErasureLedger(home)
        self._looked: set[Path] = set()
        self._unreached: dict[Path, str] = {}
        self._seeded = ""
        self._mover: EventMover | None = None
        self._embedded = None if url else EmbeddedRedis(home, fsync=fsync)
        self.url = self._embedded.url if self._embedded else url
        try:
            server = RedisServer(self.url)
            say(f"release {release.release}, redis {server.check()}")
            if evicts := server.evicts():
                say(f"redis evicts keys ({evicts}): events that wait for the archive can be lost; set noeviction")
            self._seed(release.history_dir, say)
        except StoreUnavailable as error:
            say(f"{error.message}; starting without profiles")
        except BaseException:
            self.close()
            raise
        if mover is not None:
            self._mover = mover(RedisServer(self.url))

    def look(self, say: Say) -> None:
        """Starts the embedded Redis again if it died, and brings in the history of a release that is new."""
        if self._embedded is not None and self._embedded.revive():
            say("the embedded redis had ended and was started again")
        self._forget_erased(history_versions(self._home), say)
        try:
            history = live(self._home).models["history"]
        except (NotReady, ModelDamaged, KeyError):  # the replicas tell of it; they go on with what they have
            return
        if history != self._seeded and self._answers():
            self._seeded = history  # a damaged one is told once, not every second
            self._seed(read_version(self._home, "history", history), say)

    def _answers(self) -> bool:
        """Asked before a seeding, which would wait for a server that is away; the replicas tell of that."""
        try:
            RedisServer(self.url, connect_timeout_s=PROBE_S).check(PROBE_S)
        except StoreUnavailable:
            return False
        return True

    def close(self) -> None:
        """Moves what is left of the event log, and ends the embedded Redis, its data on disk. Idempotent."""
        if self._mover is not None:
            self._mover.close()
        if self._embedded is not None:
            self._embedded.close()

    def _seed(self, history: Path, say: Say) -> None:
        """Profiles of the training history; known ones are not repeated. Raises StoreUnavailable, DataError."""
        self._forget_erased([history], say)
        profiles = self._profiles(RedisServer(self.url))
        subject = self._subject if self._names is not None else None
        try:
            seeded = profiles.seed(history.name, read_history(history / HISTORY_FILE), subject=subject)
        except StoreUnavailable:
            self._seeded = ""  # tried again with the next look
            raise
        finally:
            profiles.close()
        self._seeded = history.name
        if seeded:
            say(f"{seeded} profiles of the training history loaded")

    def _forget_erased(self, versions: Sequence[Path], say: Say) -> None:
        """A release, a candidate too, may have been trained from what was there before somebody was erased. Each is
        looked through once: who is erased later is taken out by who erases. Raises DataError for proofs that cannot
        be read."""
        new = [folder for folder in versions if folder not in self._looked]
        if not new or self._names is None:
            return
        cuts = self._ledger.cuts()
        for folder in new:
            try:
                gone = erase_history(self._home, folder, lambda key: cuts.get(self._subject(key))) if cuts else 0
            except (OSError, DataError, ModelDamaged) as error:
                if isinstance(error, ModelDamaged):  # nobody loads it
                    self._looked.add(folder)
                if str(error) != self._unreached.get(folder):  # once, and tried again with the next look
                    self._unreached[folder] = str(error)
                    say(f"erased users cannot be taken out of history {folder.name} ({error})")
                continue
            self._looked.add(folder)
            if gone:
                say(f"{gone} records of erased users were taken out of history {folder.name}")

    def _subject(self, key: str) -> str:
        assert self._names is not None
        return self._names.subject(key)
