"""Profiles in this process's memory: for tests and trials. They are lost with the process and not shared."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from serving.core.errors import NotDurable
from serving.events.records import RECORD, RECORD_BYTES


class MemoryProfiles:
    """A ProfileStore. The plain twin of the Lua script in redis_scripts.py."""

    def __init__(self, *, records_max: int = 512) -> None:
        self._records_max = records_max
        self._blobs: dict[str, bytes] = {}
        self.log: list[bytes] = []
        """The event log."""
        self._lock = threading.Lock()

    def fetch(self, keys: Sequence[str], timeout_s: float) -> list[bytes]:
        """See ProfileStore."""
        return [self._blobs.get(key, b"") for key in keys]

    def append(
        self,
        writes: Sequence[tuple[str, bytes]],
        timeout_s: float,
        entries: Sequence[bytes] = (),
        durable: bool = False,
    ) -> list[int]:
        """See ProfileStore."""
        if durable:
            raise NotDurable("profiles in memory are lost with the process: use Redis")
        with self._lock:
            return [
                self._append(key, np.frombuffer(records, RECORD), entry)
                for (key, records), entry in zip(writes, entries or [b""] * len(writes), strict=True)
            ]

    def _append(self, key: str, incoming: np.ndarray, entry: bytes) -> int:
        blob = self._blobs.get(key, b"")
        added, fresh = 0, not len(incoming)
        for record in incoming:
            held = np.frombuffer(blob, RECORD)
            full = len(held) >= self._records_max
            new = record["event"] not in held["event"]
            fresh = fresh or new
            if not new or (full and record["time_s"] <= held["time_s"][0]):
                continue
            at = int(np.searchsorted(held["time_s"], record["time_s"], side="right")) * RECORD_BYTES
            blob = blob[:at] + record.tobytes() + blob[at:]
            blob = blob[RECORD_BYTES:] if full else blob
            added += 1
        if fresh and entry:
            self.log.append(entry)
        if added:
            self._blobs[key] = blob
        return added if len(incoming) else 1
