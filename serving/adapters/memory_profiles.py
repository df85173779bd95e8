"""Profiles in this process's memory: for tests and trials. They are lost with the process and not shared."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from serving.events.records import RECORD, RECORD_BYTES


class MemoryProfiles:
    """A ProfileStore. The plain twin of the Lua script in redis_scripts.py."""

    def __init__(self, *, records_max: int = 512) -> None:
        self._records_max = records_max
        self._blobs: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def fetch(self, keys: Sequence[str], timeout_s: float) -> list[bytes]:
        """See ProfileStore."""
        return [self._blobs.get(key, b"") for key in keys]

    def append(self, writes: Sequence[tuple[str, bytes]], durable_timeout_s: float) -> list[int]:
        """See ProfileStore."""
        with self._lock:
            return [self._append(key, np.frombuffer(records, RECORD)) for key, records in writes]

    def _append(self, key: str, incoming: np.ndarray) -> int:
        blob = self._blobs.get(key, b"")
        added = 0
        for record in incoming:
            held = np.frombuffer(blob, RECORD)
            full = len(held) >= self._records_max
            if record["event"] in held["event"] or (full and record["time_s"] <= held["time_s"][0]):
                continue
            at = int(np.searchsorted(held["time_s"], record["time_s"], side="right")) * RECORD_BYTES
            blob = blob[:at] + record.tobytes() + blob[at:]
            blob = blob[RECORD_BYTES:] if full else blob
            added += 1
        if added:
            self._blobs[key] = blob
        return added
