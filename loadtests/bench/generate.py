"""The compiled load generator: one or several h2load processes, and the logs they leave."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from serving.core.errors import SettingError

DEADLINE = "2S"
"""The deadline of every call, as gRPC writes it; callers of a storefront set one."""
END_S_MAX = 10.0
"""How long a process may take to end after its time is up."""
_STATUS_OK = 200


@dataclass(frozen=True, slots=True)
class Log:
    """What one process has logged, or several together. All (n,) int64."""

    start_us: npt.NDArray[np.int64]
    """Microseconds since the epoch."""
    status: npt.NDArray[np.int64]
    """HTTP status, -1 = the stream failed. gRPC errors stand in trailers, which h2load does not read."""
    micros: npt.NDArray[np.int64]
    """Until the end of the answer."""

    @property
    def end_us(self) -> npt.NDArray[np.int64]:
        return self.start_us + self.micros

    @property
    def failed(self) -> int:
        """Answers without HTTP status 200."""
        return int(np.count_nonzero(self.status != _STATUS_OK))

    def __len__(self) -> int:
        return len(self.micros)

    def within(self, begin_us: float, end_us: float) -> Log:
        """The calls whose answer ended in [begin_us, end_us)."""
        mask = (self.end_us >= begin_us) & (self.end_us < end_us)
        return Log(self.start_us[mask], self.status[mask], self.micros[mask])

    @classmethod
    def joined(cls, logs: list[Log]) -> Log:
        """All calls of all logs, one log after the other."""
        empty = np.zeros(0, np.int64)
        columns = zip(*((log.start_us, log.status, log.micros) for log in logs), strict=True)
        return cls(*(np.concatenate(column) for column in columns)) if logs else cls(empty, empty, empty)


def parse_log(text: str, name: str = "log") -> Log:
    """h2load's --log-file: start (us since the epoch), status, microseconds, tab-separated; further columns may follow.

    Raises ValueError naming the line that is none of that.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            start, status, micros = line.split("\t")[:3]
            rows.append((int(start), int(status), int(micros)))
        except ValueError:
            raise ValueError(f"{name}, line {number}: not a row of h2load: {line[:80]!r}") from None
    table = np.array(rows, np.int64).reshape(-1, 3)
    return Log(table[:, 0], table[:, 1], table[:, 2])


def shares(callers: int, processes_max: int) -> list[int]:
    """How many callers each process stands for, as even as can be: 64 over 24 = 16 of 3 and 8 of 2."""
    processes = min(callers, processes_max)
    return [callers // processes + (number < callers % processes) for number in range(processes)]


class H2load:
    """One h2load at work from construction on; it ends by itself when its time is up."""

    def __init__(self, command: Sequence[str], folder: Path, number: int) -> None:
        """command: h2load's arguments but for the log. folder: where its log and its words go."""
        self._log, self._said = folder / f"log-{number}", folder / f"said-{number}"
        self._log.unlink(missing_ok=True)  # h2load appends
        with open(self._said, "wb") as said:
            self._process = subprocess.Popen(
                ["h2load", "--log-file", str(self._log), *command], stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Ends it at once. Idempotent."""
        if self.running:
            self._process.kill()
            self._process.wait()

    def ended(self) -> tuple[Log, str]:
        """Waits for the end; the log and what was said. Raises SettingError when h2load did not do its work."""
        try:
            code = self._process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise SettingError(f"h2load did not end; it said: {self._tail()}") from None
        if code or not self._log.exists():
            raise SettingError(f"h2load ended with code {code}; it said: {self._tail()}")
        return parse_log(self._log.read_text(), self._log.name), self._said.read_text(errors="replace")

    def _tail(self) -> str:
        return " | ".join(self._said.read_text(errors="replace").splitlines()[-3:])


class Process(H2load):
    """One h2load over one connection: `callers` streams, each asking again as soon as it is answered."""

    def __init__(
        self, target: str, method: str, body: Path, callers: int, seconds: float, folder: Path, number: int
    ) -> None:
        """target: "127.0.0.1:50051"."""
        command = [
            "-c", "1", "-m", str(callers), "-D", f"{round(seconds * 1000)}ms", "-d", str(body),
            "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", f"grpc-timeout: {DEADLINE}",
            f"http://{target}{method}",
        ]  # fmt: skip
        super().__init__(command, folder, number)

    def finish(self) -> Log:
        """Waits for the end and reads the log. Raises SettingError when h2load did not do its work."""
        return self.ended()[0]


class HttpProcess(H2load):
    """One h2load over HTTP/1.1, a connection a caller: each asks again as soon as it is answered."""

    def __init__(
        self, target: str, path: str, body: Path, callers: int, seconds: float, folder: Path, number: int
    ) -> None:
        """target: "127.0.0.1:8080"."""
        command = [
            "--h1", "-c", str(callers), "-D", f"{round(seconds * 1000)}ms", "-d", str(body),
            "-H", "content-type: application/json", "-H", f"grpc-timeout: {DEADLINE}", f"http://{target}{path}",
        ]  # fmt: skip
        super().__init__(command, folder, number)

    def finish(self) -> Log:
        """Waits for the end and reads the log. Raises SettingError when h2load did not do its work."""
        return self.ended()[0]
