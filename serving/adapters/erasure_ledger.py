"""The proofs of erasures, for good: `<home>/erasures/proofs.jsonl`, a line each, written to the disk before they count.

It is only ever added to, by one writer at a time (a lock). Nobody is named: who has a user's id and the home's key
finds the proof by its subject. A line that a killed writer left unfinished is cut off by the next one.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from serving.adapters import disk
from serving.core.errors import DataError
from serving.events.erasure import Erasure

FOLDER: Final = "erasures"
FILE: Final = "proofs.jsonl"
LOCK: Final = "lock"
READ_BYTES: Final = 1 << 20

_log = logging.getLogger(__name__)


class ErasureLedger:
    """Reads what is new when it is asked. Thread-safe."""

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER
        self._path = self.folder / FILE
        self._guard = threading.Lock()
        self._at = self._inode = 0
        self._by_id: dict[str, Erasure] = {}
        self._of: dict[str, list[Erasure]] = {}

    def of_subject(self, subject: str) -> list[Erasure]:
        """All proofs of a subject, oldest first. Raises DataError."""
        with self._guard:
            self._read()
            return list(self._of.get(subject, ()))

    def cuts(self) -> dict[str, int]:
        """Subject -> the latest cut, milliseconds since the epoch. Raises DataError."""
        with self._guard:
            self._read()
            return {subject: max(one.requested_ms for one in proofs) for subject, proofs in self._of.items()}

    def add(self, proofs: Sequence[Erasure]) -> list[Erasure]:
        """Keeps those that it does not have, on the disk when it returns; each as it is kept, in order. Raises
        DataError."""
        with self._guard:
            try:
                with disk.locked(self.folder / LOCK, wait=True):
                    self._add(proofs)
                    return [self._by_id[one.erasure_id] for one in proofs]
            except OSError as error:
                raise DataError(str(self._path), f"no proof can be written ({error.strerror})") from None

    def _add(self, proofs: Sequence[Erasure]) -> None:
        self._read()
        new: dict[str, Erasure] = {}
        for one in proofs:
            if one.erasure_id not in self._by_id:
                new.setdefault(one.erasure_id, one)
        if not new:
            return
        made = not self._path.exists()
        with open(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.truncate(self._at)  # what a killed writer has begun
            file.seek(self._at)
            file.write(b"".join(one.encode() + b"\n" for one in new.values()))
            file.flush()
            os.fsync(file.fileno())
        if made:
            disk.sync(self.folder)
            disk.sync(self.folder.parent)
        self._read()

    def _read(self) -> None:
        """Whole lines that were added. A file that was put there anew is read from its beginning."""
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                if found.st_ino != self._inode or found.st_size < self._at:
                    self._at, self._inode, self._by_id, self._of = 0, found.st_ino, {}, {}
                file.seek(self._at)
                while lines := file.readlines(READ_BYTES):
                    for line in lines:
                        if not line.endswith(b"\n"):
                            return
                        self._keep(line)
                        self._at += len(line)
        except FileNotFoundError:
            self._at, self._inode, self._by_id, self._of = 0, 0, {}, {}
        except OSError as error:
            raise DataError(str(self._path), f"the proofs cannot be read ({error.strerror})") from None

    def _keep(self, line: bytes) -> None:
        try:
            one = Erasure.decode(line)
        except ValueError as error:
            _log.error("%s: %s, at byte %d", self._path, error, self._at)
            return
        if one.erasure_id not in self._by_id:
            self._by_id[one.erasure_id] = one
            self._of.setdefault(one.subject, []).append(one)
