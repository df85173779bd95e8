"""How h2load, which can send only the one body of its data file, asks for another user every time.

It opens the file once, takes its length, and reads it anew (pread) for every request. So each process has a file of
its own, in memory, and while it runs the file is overwritten again and again with the body of another user, of the
same length. Ids of one width differ in digits only: a read in the middle of a write is a request for a third user.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

REWRITE_S = 50e-6
"""Pause per file between two rewrites; at 64 files each gets a new user every 3 ms, faster than it is asked."""
REWRITE_S_MIN = 250e-6


class Bodies:
    """Files of bodies, each overwritten in turn. A context manager: the files are closed and removed."""

    def __init__(self, folder: Path, bodies: Sequence[bytes], files: int, start: int = 0) -> None:
        """bodies: all of one length. start: position of the first one used."""
        lengths = {len(body) for body in bodies}
        if len(lengths) != 1:
            raise ValueError(f"bodies of one length are needed, got lengths {sorted(lengths)}")
        self._bodies, self._at = bodies, start
        self.paths = tuple(folder / f"body-{number}" for number in range(files))
        self._files = [os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600) for path in self.paths]
        self.rewrite()

    @property
    def pause_s(self) -> float:
        """How long to wait between two rewrites."""
        return max(REWRITE_S_MIN, REWRITE_S * len(self._files))

    @property
    def position(self) -> int:
        """Where the next round may go on."""
        return self._at

    def rewrite(self) -> None:
        """Every file gets the next body."""
        bodies, n, at = self._bodies, len(self._bodies), self._at
        for file in self._files:
            os.pwrite(file, bodies[at % n], 0)
            at += 1
        self._at = at % n

    def __enter__(self) -> Bodies:
        return self

    def __exit__(self, *error: object) -> None:
        while self._files:
            os.close(self._files.pop())
        for path in self.paths:
            path.unlink(missing_ok=True)
