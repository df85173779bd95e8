"""An index on disk: one file that is complete or absent, and knows whether it is intact.

Format: 8 bytes magic, 32 bytes SHA-256 of the rest, the rest = FAISS's own serialisation.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import faiss
import numpy as np

from retrieval.search import tune

MAGIC = b"SGINDEX1"


class SnapshotDamaged(ValueError):
    """The bytes are not an index that `dumps` wrote, or not all of it."""


def dumps(index: faiss.Index) -> bytes:
    """The file's bytes; the same index gives the same bytes."""
    body = faiss.serialize_index(index).tobytes()
    return MAGIC + hashlib.sha256(body).digest() + body


def loads(data: bytes, name: str = "index") -> faiss.Index:
    """The index in `data`, ready to search. Raises SnapshotDamaged naming `name`."""
    head = len(MAGIC) + 32
    if data[: len(MAGIC)] != MAGIC:
        raise SnapshotDamaged(f"{name}: not an index file (it does not begin with {MAGIC.decode()})")
    if hashlib.sha256(memoryview(data)[head:]).digest() != data[len(MAGIC) : head]:
        raise SnapshotDamaged(f"{name}: the checksum does not match; {len(data)} bytes, damaged or cut short")
    tune()
    return faiss.deserialize_index(np.frombuffer(data, np.uint8, offset=head))


def save(index: faiss.Index, path: Path) -> None:
    """Writes `path` by one atomic rename: a reader sees the old file or the new one, never a part."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(dumps(index))
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: Path) -> faiss.Index:
    """The index saved at `path`. Raises SnapshotDamaged naming the file, FileNotFoundError."""
    return loads(path.read_bytes(), str(path))
