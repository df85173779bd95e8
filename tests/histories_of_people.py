"""Versions of training history on disk, of whoever a test names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from serving.adapters.history_erasure import HISTORY_FILE
from serving.adapters.versions import read_version, write_version
from serving.events.history import read_history, write_history
from serving.events.records import RECORD, RECORD_BYTES, encode_rows


def blob(*times_s: int) -> bytes:
    """A purchase at each of the times."""
    return encode_rows([(time_s, "purchase-complete", "mug", time_s, 1) for time_s in times_s])


def history(home: Path, version: str, times_s: Mapping[str, Sequence[int]]) -> Path:
    """Its folder. times_s: profile key -> when something was bought."""
    path = home / "made.npz"
    blobs = [blob(*times) for times in times_s.values()]
    offsets = np.r_[0, np.cumsum([len(each) // RECORD_BYTES for each in blobs])].astype(np.int64)
    write_history(path, list(times_s), np.frombuffer(b"".join(blobs), RECORD), offsets)
    made = write_version(home, "history", version, {HISTORY_FILE: path, "notes.txt": b"whole"})
    path.unlink()
    return made


def whole(home: Path, version: str) -> dict[str, bytes]:
    """What a version holds, checksums verified."""
    return dict(read_history(read_version(home, "history", version) / HISTORY_FILE))
