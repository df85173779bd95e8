"""Taking people out of the files of training history, `<home>/history/<version>/profiles.npz`.

A version stays whole whenever the writer dies (versions.rewrite_file), and keeps its name: releases go on with it.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from serving.adapters import disk
from serving.adapters.versions import rewrite_file, shelf, verified
from serving.core.errors import DataError, ModelDamaged, SettingError
from serving.events.erasure import forgotten
from serving.events.history import read_history, write_history
from serving.events.records import RECORD, RECORD_BYTES

PART: Final = "history"
HISTORY_FILE: Final = "profiles.npz"
PUBLISHING: Final = "publish.lock"
"""Below home: held by who writes a new release."""
LOCK: Final = "history.lock"
DRAFTS: Final = ".draft-*"

CutOf = Callable[[str], int | None]
"""Profile key -> before when, in milliseconds since the epoch, its owner is erased; None = he is not."""


@dataclass(slots=True)
class FoundHistory:
    """Where the erased were seen, by profile key."""

    records: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    versions: list[Path] = field(default_factory=list)
    """Folders whose file has to be written anew."""
    looked: list[Path] = field(default_factory=list)
    """All that were there."""
    left: list[str] = field(default_factory=list)
    """Versions that cannot be read."""


def history_versions(home: Path) -> list[Path]:
    """The folders of all versions."""
    place = shelf(home, PART)
    return sorted(path for path in (place.iterdir() if place.is_dir() else ()) if not path.name.startswith("."))


def find_history(home: Path, cut_of: CutOf) -> FoundHistory:
    """Looks through all versions, and changes nothing."""
    found = FoundHistory(looked=history_versions(home))
    for folder in found.looked:
        try:
            seen = _seen(folder, cut_of)
        except (DataError, ModelDamaged) as error:
            found.left.append(error.message)
            continue
        if seen:
            found.records.update(seen)
            found.files.update(seen.keys())
            found.versions.append(folder)
    return found


def erase_history(home: Path, folder: Path, cut_of: CutOf) -> int:
    """Writes one version without the erased; how many records went. Nothing is written when there are none. Raises
    DataError, ModelDamaged, OSError."""
    with disk.locked(home / LOCK, wait=True):
        if not (gone := sum(_seen(folder, cut_of).values())):
            return 0
        keys: list[str] = []
        blobs: list[bytes] = []
        for key, blob in read_history(folder / HISTORY_FILE):
            kept = _kept(blob, cut_of(key))
            if kept:
                keys.append(key)
                blobs.append(kept)
        offsets = np.r_[0, np.cumsum([len(blob) // RECORD_BYTES for blob in blobs])].astype(np.int64)
        out = io.BytesIO()
        write_history(out, keys, np.frombuffer(b"".join(blobs), RECORD), offsets)
        rewrite_file(folder, PART, folder.name, HISTORY_FILE, out.getvalue())
        return gone


def sweep_drafts(home: Path) -> str:
    """Removes what killed writers have left of versions that never came to be; why that could not be done, "" = it
    was."""
    place = shelf(home, PART)
    drafts = [*place.glob(DRAFTS), *place.glob(f"*/.*{disk.DRAFT}")] if place.is_dir() else []
    if not drafts:
        return ""
    try:
        with disk.locked(home / PUBLISHING), disk.locked(home / LOCK, wait=True):
            for draft in drafts:
                disk.remove(draft)
    except SettingError:
        return "a release is being published: its history is looked through when it is loaded"
    return ""


def _seen(folder: Path, cut_of: CutOf) -> Counter[str]:
    """Profile key -> records that are to go, of a whole version."""
    verified(folder, PART, folder.name)
    seen: Counter[str] = Counter()
    for key, blob in read_history(folder / HISTORY_FILE):
        cut = cut_of(key)
        if cut is not None and (gone := (len(blob) - len(_kept(blob, cut))) // RECORD_BYTES):
            seen[key] += gone
    return seen


def _kept(blob: bytes, cut_ms: int | None) -> bytes:
    if cut_ms is None:
        return blob
    records = np.frombuffer(blob, RECORD)
    kept = [not forgotten(int(time_s), cut_ms) for time_s in records["time_s"]]
    return bytes(records[np.array(kept, bool)].tobytes())
