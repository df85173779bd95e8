"""Where some bytes stand: in every file below a folder and in every key of a Redis, packed ones unpacked.

A file is searched as it lies there, and as what it holds: Parquet's columns, the arrays of .npz, .gz. Of Redis the
values are searched as commands tell them (zlib unpacked), and as they lie in its memory and go into its file (DUMP with
compression off): what was deleted by a mark alone is found there.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from redis.exceptions import ResponseError

from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.redis_connection import RedisLine, RedisServer

WAIT_S: Final = 10.0
KEYS_AT_ONCE: Final = 500
READS: Final = {
    b"string": lambda key: ("GET", key),
    b"hash": lambda key: ("HGETALL", key),
    b"zset": lambda key: ("ZRANGE", key, 0, -1),
    b"set": lambda key: ("SMEMBERS", key),
    b"list": lambda key: ("LRANGE", key, 0, -1),
    b"stream": lambda key: ("XRANGE", key, "-", "+"),
}


class Scan:
    """Counts, by place, what of the needles is found."""

    def __init__(self, needles: Sequence[bytes]) -> None:
        """needles: none part of another, and none that could be there by chance."""
        self._needles = tuple(needles)
        self.places: Counter[str] = Counter()
        self.files = self.keys = self.bytes = 0

    def folder(self, folder: Path) -> None:
        """All files below it; sockets and what vanishes meanwhile are passed over."""
        for path in sorted(folder.rglob("*")):
            try:
                if not path.is_file() or path.is_symlink():
                    continue
                data = path.read_bytes()
            except OSError:
                continue
            self.files += 1
            for part in (data, *_unpacked(path.name, data)):
                self._look(str(path.relative_to(folder)), part)

    def redis(self, url: str, place: str = "redis") -> None:
        """All keys of a server. Raises StoreUnavailable."""
        with closing(RedisLine(RedisServer(url), timeout_s=60.0)) as line:
            line.wait_ready(WAIT_S)
            line.run([("CONFIG", "SET", "rdbcompression", "no")])
            at: Any = b"0"
            while True:
                ((at, keys),) = line.run([("SCAN", at, "COUNT", KEYS_AT_ONCE)])
                self._keys(line, keys, place)
                if at == b"0":
                    break
            line.run([("CONFIG", "SET", "rdbcompression", "yes")])

    def stored(self, home: Path) -> None:
        """What a server would find that starts with a copy of the embedded one's files. Raises StoreUnavailable."""
        with tempfile.TemporaryDirectory(prefix="storegate-scan-") as folder:
            ignored = shutil.ignore_patterns("*.sock", "lock")
            shutil.copytree(home / "redis", Path(folder) / "redis", ignore=ignored)
            with closing(EmbeddedRedis(Path(folder))) as copy:
                self.redis(copy.url, "the store's file")

    def _keys(self, line: RedisLine, keys: Sequence[bytes], place: str) -> None:
        kinds = line.run([("TYPE", key) for key in keys]) if keys else []
        for key, kind in zip(keys, kinds, strict=True):
            self.keys += 1
            where = f"{place}: a {kind.decode()}"
            self._look(f"{where}'s name", key)
            asked = [("DUMP", key), *([READS[kind](key)] if kind in READS else [])]
            for reply in line.run(asked):
                for value in _flat(reply):
                    self._look(where, value)
                    if (found := _inflated(value)) is not None:
                        self._look(where, found)

    def _look(self, place: str, data: bytes) -> None:
        self.bytes += len(data)
        found = sum(data.count(needle) for needle in self._needles)
        if found:
            self.places[place] += found


def _unpacked(name: str, data: bytes) -> Iterator[bytes]:
    """What a file holds; nothing where it is packed by nobody we know, or damaged."""
    try:
        if name.endswith(".parquet"):
            yield repr(pq.read_table(io.BytesIO(data), use_threads=False).to_pydict()).encode()
        elif name.endswith(".npz"):
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                for each in arrays.files:
                    yield arrays[each].tobytes()
        elif name.endswith(".gz"):
            yield gzip.decompress(data)
    except Exception:  # half a file: what can be read of it was looked at
        return


def _flat(reply: Any) -> Iterator[bytes]:
    if isinstance(reply, bytes):
        yield reply
    elif isinstance(reply, list):
        for each in reply:
            yield from _flat(each)
    elif isinstance(reply, ResponseError):
        raise reply


def _inflated(value: bytes) -> bytes | None:
    """Of a logged decision: a byte, then zlib."""
    try:
        return zlib.decompress(value[1:])
    except zlib.error:
        return None
