"""The manifest: which versions are live together, and which were before. One small file, replaced by one rename.

<home>/live.json            the live release and up to PREVIOUS_MAX before it
<home>/live.previous.json   the manifest before the last promotion, read only when live.json is damaged
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serving.adapters import disk
from serving.core.errors import ModelDamaged, NotReady

MANIFEST: Final = "live.json"
BACKUP: Final = "live.previous.json"
LOCK: Final = "live.lock"
PREVIOUS_MAX: Final = 5
"""Releases kept behind the live one."""


@dataclass(frozen=True, slots=True)
class Release:
    """One consistent set of versions. models: part -> version, see versions.PARTS."""

    release: str
    models: Mapping[str, str]


def live(home: Path) -> Release:
    """The live release. Raises NotReady when nothing was ever trained, ModelDamaged when the manifest is damaged."""
    try:
        return _read(home / MANIFEST)[0]
    except FileNotFoundError as error:
        message = f"nothing has been trained in {home} yet: run `storegate train` or `storegate demo`"
        raise NotReady(message, home=str(home)) from error


def releases(home: Path) -> list[Release]:
    """The live release and the previous ones, newest first; those of the backup when live.json is damaged."""
    for name in (MANIFEST, BACKUP):
        try:
            return _read(home / name)
        except (FileNotFoundError, ModelDamaged):
            continue
    return []


def set_live(home: Path, release: Release) -> None:
    """Puts `release` in front of the others, the oldest out. Raises SettingError when another process is doing so."""
    with disk.locked(home / LOCK):
        known = [other for other in releases(home) if other.release != release.release]
        _back_up(home)
        disk.replace(home / MANIFEST, _dump([release, *known[:PREVIOUS_MAX]]))


def _back_up(home: Path) -> None:
    """Keeps a good manifest as the backup; a damaged one must not overwrite the last good one."""
    try:
        _read(home / MANIFEST)
    except (FileNotFoundError, ModelDamaged):
        return
    disk.replace(home / BACKUP, (home / MANIFEST).read_bytes())


def _dump(found: Sequence[Release]) -> bytes:
    """The manifest's bytes, the live release first, with a checksum over all the rest."""
    first, *previous = [{"release": r.release, "models": dict(r.models)} for r in found]
    body = {**first, "previous": previous}
    return (json.dumps({**body, "sha256": _checksum(body)}, indent=2) + "\n").encode()


def _read(path: Path) -> list[Release]:
    data = path.read_bytes()
    try:
        body = json.loads(data)
        expected = body.pop("sha256")
        found = [Release(r["release"], r["models"]) for r in (body, *body["previous"])]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelDamaged(f"{path.name}: not a manifest of releases", file=path.name) from error
    if _checksum(body) != expected:
        raise ModelDamaged(f"{path.name}: the checksum does not match", file=path.name)
    return found


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
