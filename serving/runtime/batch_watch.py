"""Starts a driver for the batch whose turn it is: one at a time, the oldest first, those that were cut short too."""

from __future__ import annotations

import contextlib
import logging
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from serving.runtime.batch_driver import Drive
from serving.runtime.parts import Say

PAUSE_TIMES_MAX: Final = 9
PAUSE_S_MAX: Final = 300.0
"""A driver that cannot even write down what is wrong is started again after a while, twice as long each time."""
LEAVE_S: Final = 15.0
"""What a driver gets to end in order; Ray takes its workers away."""

log = logging.getLogger(__name__)


class Operations(Protocol):
    """Those of this home."""

    def waiting(self) -> Sequence[str]:
        """Names of those that somebody should work on, the oldest first."""
        ...


class BatchWatch:
    """`look` is called about once a second, `close` at the end; one thread."""

    def __init__(
        self,
        operations: Operations,
        drive: Callable[[str], Drive],
        log: Callable[[str], Path],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """drive: what a driver of this operation is to be sent. log: the file for what it has to tell."""
        self._operations, self._drive, self._log, self._clock = operations, drive, log, clock
        self._failed: dict[str, tuple[int, float]] = {}
        """Operation -> how often in a row its driver ended badly, and until when it is left alone."""
        self._process: subprocess.Popen[bytes] | None = None
        self._name = ""

    @property
    def pid(self) -> int:
        """Of the driver, 0 = none is at work."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def look(self, say: Say) -> None:
        """Tells what has ended, and starts what is next."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._forget()
            if code:
                say(f"the driver of batch {self._name} ended with code {code}, see {self._log(self._name)}")
                self._put_off(self._name)
            else:
                self._failed.pop(self._name, None)
        waiting = self._operations.waiting()
        self._failed = {name: found for name, found in self._failed.items() if name in waiting}
        ready = [name for name in waiting if self._failed.get(name, (0, 0.0))[1] <= self._clock()]
        if not ready:
            return
        try:
            self._start(ready[0], say)
        except OSError as error:  # no room for its log, or for another process
            say(f"batch {ready[0]} cannot be begun ({error})")
            self._put_off(ready[0])

    def close(self) -> None:
        """Ends the driver; its batch goes on with the next start. Idempotent."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._forget()

    def _put_off(self, name: str) -> None:
        """After a bad end: for twice as long as after the one before."""
        times = self._failed.get(name, (0, 0.0))[0] + 1
        self._failed[name] = times, self._clock() + min(2.0 ** min(times, PAUSE_TIMES_MAX), PAUSE_S_MAX)

    def _start(self, name: str, say: Say) -> None:
        say(f"batch {name} begins")
        self._name = name
        with self._log(name).open("ab") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "serving.runtime.batch_driver"], stdin=subprocess.PIPE, stdout=told, stderr=told
            )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is told as an end with a code, with the next look
            self._process.stdin.write(pickle.dumps(self._drive(name)))
            self._process.stdin.flush()  # left open: its end tells the driver that we are gone

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process = None
