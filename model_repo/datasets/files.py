"""Opening data files: what is on disk, whether it is packed, its digest. Nothing here knows what the columns mean."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import IO, Final

from serving.core.errors import DataError

Progress = Callable[[str, int, int], None]
"""(label, done, total)."""

_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"


def check_file(path: Path) -> None:
    """Raises DataError unless `path` is a readable file with something in it, packed as its name says."""
    if not path.exists():
        raise DataError(str(path), "this file does not exist: check the path")
    if not path.is_file():
        raise DataError(str(path), "this is not a file: give the path of one CSV or Parquet file")
    try:
        with path.open("rb") as raw:
            head = raw.read(2)
    except OSError as error:
        raise DataError(str(path), f"this file cannot be opened: {error.strerror}") from error
    if not head:
        raise DataError(str(path), "this file is empty")
    if path.suffix.lower() == ".gz" and head != _GZIP:
        raise DataError(str(path), "the name ends in .gz but this is not a gzip file: unpacked? then rename it")


def digest(path: Path) -> str:
    """SHA-256 of the file as it lies on disk, in hexadecimal."""
    with path.open("rb") as raw:
        return file_digest(raw, "sha256").hexdigest()


def dataset_name(path: Path) -> str:
    """The file's name without its endings: 'online_retail.csv.gz' gives 'online_retail'."""
    return path.name.split(".")[0] or path.name


@contextmanager
def opened(path: Path, progress: Progress | None = None) -> Iterator[IO[bytes]]:
    """The unpacked bytes of a plain or gzip file (told by its first bytes, not its name).

    `progress` hears of bytes read from disk. A damaged gzip raises DataError while it is read.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        counted = _Counted(raw, path.stat().st_size, f"reading {path.name}", progress)
        stream: IO[bytes] = gzip.GzipFile(fileobj=counted) if packed else counted  # type: ignore[assignment]
        try:
            yield stream
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(str(path), f"this gzip file is damaged or cut short ({error}): fetch it again") from error


def is_parquet(path: Path) -> bool:
    """Whether the unpacked file begins as Parquet files do."""
    with opened(path) as stream:
        return stream.read(len(_PARQUET)) == _PARQUET


def first_line(path: Path, limit: int = 1 << 20) -> str:
    """The first line of a text file that is not blank, without its end; '' when there is none in the first MiB."""
    with opened(path) as stream:
        text = stream.read(limit).decode("utf-8-sig", errors="replace")
    return next((line for line in text.splitlines() if line.strip()), "")


class _Counted(io.RawIOBase):
    """A file that reports how much of it has been read, in steps of a fiftieth."""

    def __init__(self, raw: IO[bytes], total: int, label: str, progress: Progress | None) -> None:
        self._raw, self._total, self._label, self._progress, self._told = raw, total, label, progress, -1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        if self._progress and (step := 50 * self._raw.tell() // self._total) > self._told:
            self._told = step
            self._progress(self._label, self._raw.tell(), self._total)
        return len(data)
