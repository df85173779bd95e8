"""What outlives replicas: the embedded Redis, where none is named, with the profiles of the training history in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.model_loader import load
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.errors import StoreUnavailable
from serving.events.history import read_history
from serving.features import FEATURES

HISTORY_FILE: Final = "profiles.npz"


class ShopStore:
    """Started and seeded when constructed. `url` is where replicas find it.

    Raises NotReady when nothing was trained, ModelDamaged when nothing whole is left, SettingError for a server that
    cannot be used. A named server that is merely away is told, and the gateway starts without profiles.
    """

    def __init__(
        self, home: Path, url: str, profiles: Callable[[RedisServer], RedisProfiles], say: Callable[[str], None]
    ) -> None:
        # Whatever cannot be served is better known here than from a replica.
        release = load(home, FEATURES)
        for line in release.refused:
            say(f"refused: {line}")
        self._embedded = None if url else EmbeddedRedis(home)
        self.url = self._embedded.url if self._embedded else url
        try:
            server = RedisServer(self.url)
            say(f"release {release.release}, redis {server.check()}")
            _seed(profiles(server), release.history_dir, say)
        except StoreUnavailable as error:
            say(f"{error.message}; starting without profiles")
        except BaseException:
            self.close()
            raise

    def revive(self) -> bool:
        """Starts the embedded Redis again if it died; whether it had to."""
        return self._embedded is not None and self._embedded.revive()

    def close(self) -> None:
        """Ends the embedded Redis, its data on disk. Idempotent."""
        if self._embedded is not None:
            self._embedded.close()


def _seed(profiles: RedisProfiles, history: Path, say: Callable[[str], None]) -> None:
    try:
        seeded = profiles.seed(history.name, read_history(history / HISTORY_FILE))
        if seeded:
            say(f"{seeded} profiles of the training history loaded")
    finally:
        profiles.close()
