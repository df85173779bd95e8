"""What the two ways to import events share: refused rows and their report, how far an import has come, patience."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar

import grpc

from serving.adapters import disk
from serving.core.errors import InvalidInput, SettingError

TRIES_MAX: Final = 6
PAUSE_S: Final = 0.5
"""Before the second try; twice as long before each further one."""
AGAIN: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
HEADER: Final = ("file", "row", "line", "event_id", "field", "reason", "message")

T = TypeVar("T")


@dataclass(slots=True)
class Refused:
    """One row that is not stored, and why. row: of its file, from 1, a header not counted; line: likewise, with it."""

    file: str
    row: int
    line: int
    event_id: str
    field: str
    reason: str
    message: str


class State:
    """How far an import has come, in a small file of its own until it is through."""

    def __init__(self, home: Path, *what: object) -> None:
        """what: by which it is known again."""
        mark = blake2b("\0".join(map(str, what)).encode(), digest_size=8).hexdigest()
        self._path = home / "imports" / f"events-{mark}.json"

    def load(self, kind: Callable[..., T]) -> T:
        """As it was saved. Where nothing was, or what cannot be read, it is a new one: importing again does no harm."""
        try:
            return kind(**json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return kind()

    def save(self, values: dict[str, Any]) -> None:
        """Raises SettingError when home cannot be written."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            disk.replace(self._path, json.dumps(values).encode())
        except OSError as error:
            raise SettingError(
                f"home: {self._path} cannot be written ({error.strerror}); start the import again with room, or --home",
                key="home",
            ) from None

    def clear(self) -> None:
        """The import is through."""
        self._path.unlink(missing_ok=True)


def patiently(ask: Callable[[], T]) -> T:
    """What `ask` gives; again while the gateway says that it may be tried again. Raises grpc.RpcError."""
    for left in reversed(range(TRIES_MAX)):
        try:
            return ask()
        except grpc.RpcError as error:
            if not left or error.code() not in AGAIN:
                raise
            time.sleep(PAUSE_S * 2 ** (TRIES_MAX - 1 - left))
    raise AssertionError("not reached")


def check_report(path: Path, *, goes_on: bool, overwrite: bool) -> None:
    """Raises InvalidInput when a report is there that nobody wants to lose."""
    if path.exists() and not (goes_on or overwrite):
        raise InvalidInput("--report", str(path), "a file that is not there yet, or --overwrite")


def write_report(path: Path, refused: Iterator[Refused], *, goes_on: bool = False) -> Iterator[Refused]:
    """Passes them on and writes each into a CSV file, behind what is there when an import goes on. Raises InvalidInput
    when it cannot be written."""
    try:
        with path.open("a" if goes_on else "w", newline="") as file:
            lines = csv.writer(file)
            if not file.tell():
                lines.writerow(HEADER)
            for one in refused:
                lines.writerow((one.file, one.row, one.line, one.event_id, one.field, one.reason, one.message))
                yield one
    except OSError as error:
        raise InvalidInput("--report", str(path), f"a file that can be written ({error.strerror})") from None
