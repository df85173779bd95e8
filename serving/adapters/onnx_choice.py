"""What callers asked to have in memory beside the live versions: one small file, read by every replica.

<home>/loaded.json   versions loaded by name, oldest first; models whose live version was unloaded
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serving.adapters import disk
from serving.adapters.onnx_files import Key
from serving.core.errors import ModelDamaged, NotReady, SettingError

FILE: Final = "loaded.json"
LOCK: Final = "loaded.lock"


@dataclass(frozen=True, slots=True)
class Choice:
    """asked: oldest first."""

    asked: tuple[Key, ...] = ()
    unloaded: frozenset[str] = frozenset()


def read(home: Path) -> Choice:
    """What was chosen; nothing where there is no file. Raises ModelDamaged when it cannot be read."""
    try:
        told = json.loads((home / FILE).read_bytes())
        return Choice(tuple((str(name), str(version)) for name, version in told["asked"]), frozenset(told["unloaded"]))
    except FileNotFoundError:
        return Choice()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelDamaged(f"{FILE}: it is no choice of models ({error})", file=FILE) from error


def write(home: Path, choice: Choice) -> None:
    """By one atomic rename. Hold the lock."""
    told = {"asked": choice.asked, "unloaded": sorted(choice.unloaded)}
    disk.replace(home / FILE, (json.dumps(told, indent=2) + "\n").encode())


@contextmanager
def changing(home: Path) -> Iterator[None]:
    """Holds the lock. Raises NotReady at once when another replica has it."""
    try:
        with disk.locked(home / LOCK):
            yield
    except SettingError as error:
        raise NotReady("another replica is loading or unloading models: retry") from error
