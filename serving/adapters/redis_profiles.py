"""Profiles in Redis: one key a user, one blob a key (serving/events/records.py), one round trip a batch.

What was read is kept until the server says that it has changed; a batch whose profiles are all kept asks nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from redis.exceptions import ResponseError

from serving.adapters.profile_cache import ProfileCache
from serving.adapters.redis_connection import Command, RedisLine, RedisServer
from serving.adapters.redis_durability import DURABLE_S, Durability
from serving.adapters.redis_event_log import erased_hash, event_log
from serving.adapters.redis_scripts import APPEND, call
from serving.core.errors import StoreUnavailable
from serving.events.records import RECORD_BYTES
from serving.events.types import FUTURE_S_MAX

RECORDS_MAX = 512
LOG_MAX = 1_000_000
SEED_BATCH_BYTES = 256 * 1024
SEED_BATCH_PROFILES = 500
SEED_TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)


class RedisProfiles:
    """A ProfileStore. Reads, writes and durable writes have a connection and a breaker each, so that none waits for
    another.

    A write through this store is seen by the next read; one through another store as soon as the server's word of it is
    here, which it sends together with the answer to who wrote.

    A write that was answered has reached the server's append-only file, which is synced every second: a crash of the
    machine (not of the process) can lose the last second. A durable one is on the disk (redis_durability.py).
    """

    def __init__(
        self,
        server: RedisServer,
        *,
        prefix: str = "storegate:",
        records_max: int = RECORDS_MAX,
        ttl_s: int = 0,
        read_timeout_s: float = 0.005,
        write_timeout_s: float = 0.25,
        cache_bytes_max: int = 0,
        log_max: int = LOG_MAX,
    ) -> None:
        """cache_bytes_max: of the profiles kept, 0 = none are. log_max: entries that may wait in the event log."""
        self._server, self._prefix, self._records_max, self._ttl_s = server, prefix, records_max, ttl_s
        self._log_max = log_max
        self.cache = ProfileCache(cache_bytes_max) if cache_bytes_max else None
        self._reads = RedisLine(
            server, timeout_s=read_timeout_s, changed=None if self.cache is None else self.cache.drop
        )
        self._writes = RedisLine(server, timeout_s=write_timeout_s, scripts=(APPEND,))
        self._durables = RedisLine(server, timeout_s=DURABLE_S, scripts=(APPEND,))
        self._durability = Durability(self._durables)

    @property
    def available(self) -> bool:
        """Whether reads are tried at present."""
        return self._reads.available

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for the connections; whether they are there."""
        return all(line.wait_ready(timeout_s) for line in (self._reads, self._writes, self._durables))

    def fetch(self, keys: Sequence[str], timeout_s: float) -> list[bytes]:
        """See ProfileStore. `timeout_s` is cut to the setting; without keys the server is not asked."""
        if not keys:
            return []
        names = self._names(keys)
        if self.cache is None or not self._reads.listen(timeout_s):
            return self._read(names, timeout_s)
        found = self.cache.find(names)
        missing = [name for name, blob in zip(names, found, strict=True) if blob is None]
        read = iter(self._read(missing, timeout_s) if missing else ())
        return [next(read) if blob is None else blob for blob in found]

    def append(
        self,
        writes: Sequence[tuple[str, bytes]],
        timeout_s: float,
        entries: Sequence[bytes] = (),
        durable: bool = False,
    ) -> list[int]:
        """See ProfileStore. After StoreUnavailable some of the writes may have been applied: repeat them."""
        if not writes:
            return []
        try:
            if not durable:
                return self._append(self._writes, writes, timeout_s, entries)
            self._durability.check()
            after = self._durability.after(f"{self._prefix}durable")
            replies = self._append(self._durables, writes, DURABLE_S, entries, after=after)
            self._durability.confirm(replies[len(writes) :])
            return replies[: len(writes)]
        finally:
            if self.cache is not None:
                self.cache.drop(self._names([key for key, _ in writes]))

    def forget(self, keys: Sequence[str]) -> None:
        """Does not go on from what was read of them before: they were changed past this store."""
        if self.cache is not None:
            self.cache.drop(self._names(keys))

    def seed(
        self,
        version: str,
        history: Iterable[tuple[str, bytes]],
        progress: Callable[[int], None] | None = None,
        subject: Callable[[str], str] | None = None,
    ) -> int:
        """Loads training history, (user key, records by time, none twice), once a version; how many profiles were sent.

        Records that are there already are kept and not repeated, so an interrupted or doubled seeding does no harm.
        `progress` gets the number of profiles sent so far. subject: what erasures call the owner of a key; then what
        was erased stays so. Raises StoreUnavailable.
        """
        marker = f"{self._prefix}seeded"
        line = RedisLine(self._server, timeout_s=SEED_TIMEOUT_S, scripts=(APPEND,))
        try:
            if not line.wait_ready(SEED_TIMEOUT_S):
                raise StoreUnavailable(f"redis: no connection within {SEED_TIMEOUT_S} s")
            if line.run([("GET", marker)])[0] == version.encode():
                return 0
            sent = 0
            for batch in _batches(history, self._records_max * RECORD_BYTES):
                self._append(line, batch, SEED_TIMEOUT_S, (), clean=True, subject=subject)
                sent += len(batch)
                if progress is not None:
                    progress(sent)
            line.run([("SET", marker, version)])
        finally:
            line.close()
        _log.info("seeded %d profiles of history %s", sent, version)
        return sent

    def close(self) -> None:
        """Ends the connections. Idempotent."""
        for line in (self._reads, self._writes, self._durables):
            line.close()

    def _names(self, keys: Sequence[str]) -> list[bytes]:
        head = self._prefix + "{"
        return [f"{head}{key}}}".encode() for key in keys]

    def _read(self, names: Sequence[bytes], timeout_s: float) -> list[bytes]:
        """From the server."""
        cache = self.cache if self._reads.tracks else None
        epoch = 0 if cache is None else cache.epoch
        (blobs,) = self._reads.run([("MGET", *names)], timeout_s)
        if isinstance(blobs, ResponseError):
            raise StoreUnavailable(f"redis: {blobs}")
        blobs = [blob or b"" for blob in blobs]
        if cache is not None:
            cache.keep(list(zip(names, blobs, strict=True)), epoch)
        return blobs

    def _append(
        self,
        line: RedisLine,
        writes: Sequence[tuple[str, bytes]],
        timeout_s: float,
        entries: Sequence[bytes],
        *,
        clean: bool = False,
        subject: Callable[[str], str] | None = None,
        after: Sequence[Command] = (),
    ) -> list[Any]:
        """How many records each write added, then the replies to the commands `after`."""
        head, limit, ttl = self._prefix + "{", self._records_max, self._ttl_s
        log, log_max = event_log(self._prefix), self._log_max
        logged = entries or [b""] * len(writes)
        keys = (2,) if subject is None else (3,)
        calls: list[Command] = [
            (*keys, f"{head}{key}}}", log, *((erased_hash(self._prefix),) if subject else ()), records, limit, ttl,
             int(clean), entry, log_max, *((subject(key), FUTURE_S_MAX * 1000) if subject else ()))
            for (key, records), entry in zip(writes, logged, strict=True)
        ]  # fmt: skip
        return call(line, APPEND, calls, timeout_s, after)


def _batches(history: Iterable[tuple[str, bytes]], bytes_max: int) -> Iterator[list[tuple[str, bytes]]]:
    """The profiles, each cut to its newest `bytes_max` bytes, in portions small enough not to hold others up."""
    batch: list[tuple[str, bytes]] = []
    size = 0
    for key, records in history:
        batch.append((key, records[-bytes_max:]))
        size += len(batch[-1][1])
        if size >= SEED_BATCH_BYTES or len(batch) >= SEED_BATCH_PROFILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
