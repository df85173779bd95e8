"""Writing so that a crash at any moment leaves the old state or the new one."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from serving.core.errors import SettingError

DRAFT = ".draft"
"""What the name of a file that is being written ends with."""


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path: Path, content: bytes | Path) -> str:
    """Writes bytes, or a copy of a file, and flushes them to the disk. Returns the SHA-256 of what was written."""
    sha = hashlib.sha256()
    with path.open("wb") as file:
        if isinstance(content, Path):
            with content.open("rb") as source:
                while chunk := source.read(1 << 20):
                    sha.update(chunk)
                    file.write(chunk)
        else:
            sha.update(content)
            file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return sha.hexdigest()


def replace(path: Path, data: bytes) -> None:
    """Writes `path` by one atomic rename. One writer at a time: hold a lock."""
    draft = path.with_name(f".{path.name}{DRAFT}")
    write(draft, data)
    os.replace(draft, path)
    sync(path.parent)


def rename_folder(draft: Path, target: Path) -> None:
    """Gives a finished folder its name, or changes nothing. OSError when a folder with content is there."""
    sync(draft)
    os.rename(draft, target)
    sync(target.parent)


def remove(path: Path) -> None:
    """Removes a folder, or a file, with all it holds; what is gone already is fine."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Flushes a folder's entries to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Holds the file `path` for this process; the kernel lets go of it however the process ends.

    Raises SettingError at once when another holder has it. wait: waits for that one instead; it must be quick.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            flock(file, LOCK_EX if wait else LOCK_EX | LOCK_NB)
        except OSError as error:
            raise SettingError(f"{path} is held by another process: wait until its training ends") from error
        yield
