"""Profiles that were read lately, kept until somebody says that they have changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from serving.engine.telemetry import Family

ENTRY_BYTES: Final = 200
"""What an entry takes beside its key and value: two objects' heads and its place in the table."""


class ProfileCache:
    """key -> blob, at most `bytes_max` bytes; the one that was asked for longest ago goes first. Thread-safe.

    A blob that is on its way while its key is dropped must not be kept. So who reads from the store takes `epoch`
    before he asks, and what he brings is left out if anything was dropped since.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self.epoch = 0
        self.hits = 0
        """Blobs that were kept when they were wanted; `misses` had to be read."""
        self.misses = 0

    @property
    def bytes(self) -> int:
        """Taken now."""
        return self._bytes

    def find(self, keys: Iterable[bytes]) -> list[bytes | None]:
        """The blobs in order, None = not kept."""
        with self._lock:
            found = [self._kept.get(key) for key in keys]
            for key, blob in zip(keys, found, strict=True):
                if blob is not None:
                    self._kept.move_to_end(key)
                    self.hits += 1
        return found

    def keep(self, found: Sequence[tuple[bytes, bytes]], epoch: int) -> None:
        """What the store has answered to who asked at `epoch`."""
        with self._lock:
            self.misses += len(found)
            if epoch != self.epoch:
                return
            for key, blob in found:
                self._take(key)
                self._kept[key] = blob
                self._bytes += len(key) + len(blob) + ENTRY_BYTES
            while self._bytes > self._bytes_max:
                self._take(next(iter(self._kept)))

    def drop(self, keys: Iterable[bytes] | None) -> None:
        """These have changed; None = any may have."""
        with self._lock:
            self.epoch += 1
            if keys is None:
                self._kept.clear()
                self._bytes = 0
            else:
                for key in keys:
                    self._take(key)

    def _take(self, key: bytes) -> None:
        blob = self._kept.pop(key, None)
        if blob is not None:
            self._bytes -= len(key) + len(blob) + ENTRY_BYTES


def cache_families(cache: ProfileCache | None) -> list[Family]:
    """What a replica's cache came to, as metrics; none without one."""
    if cache is None:
        return []
    return [
        Family(kind, f"storegate_profile_cache_{name}", text, (), [((), float(value))])
        for kind, name, text, value in (
            ("counter", "hits", "Profiles that were kept when they were wanted.", cache.hits),
            ("counter", "misses", "Profiles that Redis was asked for.", cache.misses),
            ("gauge", "bytes", "Bytes of the profiles kept.", cache.bytes),
        )
    ]
