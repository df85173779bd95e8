"""The launcher's schedule of retraining: one process at a time, apart from everything that answers.

The process gives way to all others (`storegate retrain --background`), and what it says goes to retrain/last.log below
home. One that fails, hangs or is killed is told and counted; the gateway goes on with what it serves, and the next one
comes when it is due.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from serving.adapters.guard import Guard
from serving.adapters.releases import live
from serving.adapters.retrain_files import FAILED, FOLDER, Last, count, forget_work, place, status
from serving.core.errors import StoregateError
from serving.core.retraining import HOUR_S, RetrainParams, next_due

LOG: Final = "last.log"
END_S: Final = 5.0
"""What a process gets to end by itself."""
SHOWN_CHARS: Final = 300
EXIT_PROMOTED: Final = 0
EXIT_KEPT: Final = 3
EXIT_ERROR: Final = 2
"""Of `storegate retrain`."""

Say = Callable[[str], None]


def _released_s(home: Path, otherwise: float) -> float:
    """When the live release was made, which its name begins with: a launcher that is often started anew must not begin
    the interval anew each time."""
    try:
        made = datetime.strptime(live(home).release.partition("-")[0], "%Y%m%dT%H%M%S")
    except (StoregateError, ValueError):
        return otherwise
    return min(made.replace(tzinfo=UTC).timestamp(), otherwise)


class RetrainSchedule:
    """Not thread-safe: `look` is called about once a second, by whoever looks after the gateway."""

    def __init__(
        self,
        home: Path,
        params: RetrainParams,
        command: Sequence[str],
        environ: Mapping[str, str],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """command: what trains; environ: its whole environment."""
        self._home, self._params, self._command, self._environ, self._wall = home, params, command, environ, wall
        last = status(home).last
        self._last_s = last.ended_s if last else _released_s(home, wall())
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        self._began_s = 0.0

    @property
    def running(self) -> bool:
        """Whether a training is under way."""
        return self._process is not None

    @property
    def due_s(self) -> float:
        """When the next one begins, in epoch seconds."""
        return next_due(self._last_s, self._params.every_hours * HOUR_S, self._params.at_s)

    def look(self, say: Say) -> None:
        """Starts one that is due, and tells what became of one that has ended."""
        now = self._wall()
        if self._process is None:
            if now >= self.due_s:
                self._start(now, say)
            return
        if self._process.poll() is None and now - self._began_s > self._params.hours_max * HOUR_S:
            self._kill()
            self._told(f"it took longer than {self._params.hours_max:g} hours and was ended", now, say)
        elif self._process.poll() is not None:
            self._ended(self._process.returncode, now, say)

    def close(self) -> None:
        """Ends the one that runs; what is live stays live. Idempotent."""
        if self._process is not None:
            self._kill()
            self._forget(self._wall())

    def _start(self, now: float, say: Say) -> None:
        self._began_s = now
        try:
            with open(place(self._home) / LOG, "wb") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(self._environ),
                    start_new_session=True,  # Ctrl-C is for the launcher, which ends this one
                )
        except OSError as error:
            self._told(f"it does not start ({error})", now, say)
            return
        self._guard = Guard(self._process.pid, "retrain")
        say("retraining has begun, in a process of its own")

    def _ended(self, code: int, now: float, say: Say) -> None:
        """A training counts itself, unless it could not."""
        last = status(self._home).last
        counted = last is not None and last.ended_s >= self._began_s
        if last is not None and counted:
            self._forget(now)
            say(f"retraining: {last.outcome}: {last.reason}")
        elif code == EXIT_ERROR:  # somebody else's training runs
            self._forget(now)
            say(f"retraining failed: {self._said()}")
        else:
            how = f"killed by signal {-code}" if code < 0 else f"ended with {code}"
            self._told(f"{how}: {self._said()}", now, say)

    def _told(self, problem: str, now: float, say: Say) -> None:
        """Of a training that could not count itself."""
        self._forget(now)
        say(f"retraining failed: {problem}")
        try:
            count(self._home, Last(FAILED, problem, "", self._began_s, now))
        except OSError as error:
            say(f"that could not be counted ({error})")

    def _said(self) -> str:
        """The last line of the log."""
        try:
            lines = (self._home / FOLDER / LOG).read_bytes().decode(errors="replace").split("\n")
        except OSError as error:
            return f"what it said cannot be read ({error})"
        return next((line.strip()[:SHOWN_CHARS] for line in reversed(lines) if line.strip()), "it said nothing")

    def _kill(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _forget(self, now: float) -> None:
        self._process, self._last_s = None, now
        forget_work(self._home)  # of one that was killed: it could not do so itself
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None
