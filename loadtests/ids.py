"""Ids that a gateway knows: those of the live release below its home."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from serving.adapters.model_loader import load
from serving.events.history import read_history
from serving.features import FEATURES

HISTORY_FILE = "profiles.npz"
USER_PREFIX = "u:"


@dataclass(frozen=True, slots=True)
class Ids:
    """users: those with events in the history; items: those that may be recommended."""

    users: tuple[str, ...]
    items: tuple[str, ...]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps({"users": self.users, "items": self.items}))

    @classmethod
    def read(cls, path: Path) -> Ids:
        said = json.loads(path.read_text())
        return cls(tuple(said["users"]), tuple(said["items"]))

    @classmethod
    def demo(cls, users: int = 1000, items: int = 1000) -> Ids:
        """The first of the demo store's, for a gateway whose home cannot be read."""
        return cls(
            tuple(f"C{number:06d}" for number in range(users)), tuple(f"P{number:05d}" for number in range(items))
        )


def of_home(home: Path) -> Ids:
    """The ids of the live release. Raises NotReady when nothing was trained there, ModelDamaged."""
    loaded = load(home, FEATURES)
    keys = (key for key, blob in read_history(loaded.history_dir / HISTORY_FILE) if blob)
    return Ids(
        tuple(key.removeprefix(USER_PREFIX) for key in keys if key.startswith(USER_PREFIX)),
        tuple(item.item_id for item in loaded.catalogue_items if not item.deleted),
    )
