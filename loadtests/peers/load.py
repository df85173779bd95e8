"""h2load as every server of the comparison gets it: HTTP/2 with gRPC, or HTTP/1.1 with JSON."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.generate import DEADLINE, END_S_MAX, Log, parse_log
from loadtests.peers.wires import Wire
from serving.core.errors import SettingError

GRPC_HEADS = ("content-type: application/grpc", "te: trailers", f"grpc-timeout: {DEADLINE}")
JSON_HEADS = ("content-type: application/json",)


@dataclass(frozen=True, slots=True)
class Heard:
    """What one process has got. answers: of its whole life. body_bytes: of all of them, without headers."""

    log: Log
    answers: int
    body_bytes: int


class Load:
    """One h2load with `callers` callers, each asking again as soon as it is answered: streams of one connection where
    that is HTTP/2, connections where it is not. Starts at once, ends by itself after `seconds`."""

    def __init__(
        self, wire: Wire, target: str, body: Path, callers: int, seconds: float, folder: Path, number: int
    ) -> None:
        """target: "127.0.0.1:50051"."""
        self._log, self._said = folder / f"log-{number}", folder / f"said-{number}"
        self._log.unlink(missing_ok=True)  # h2load appends
        with open(self._said, "wb") as said:
            self._process = subprocess.Popen(
                command(wire, target, body, callers, seconds, self._log),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def finish(self) -> Heard:
        """Waits for the end. Raises SettingError when h2load did not do its work."""
        try:
            code = self._process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise SettingError(f"h2load did not end; it said: {self._tail()}") from None
        said = self._said.read_text(errors="replace")
        if code or not self._log.exists():
            raise SettingError(f"h2load ended with code {code}; it said: {self._tail()}")
        return Heard(parse_log(self._log.read_text(), self._log.name), *totals(said))

    def kill(self) -> None:
        """Ends it at once. Idempotent."""
        if self.running:
            self._process.kill()
            self._process.wait()

    def _tail(self) -> str:
        return " | ".join(self._said.read_text(errors="replace").splitlines()[-3:])


def command(wire: Wire, target: str, body: Path, callers: int, seconds: float, log: Path) -> list[str]:
    """The command line."""
    many = ["-c", "1", "-m", str(callers)] if wire.grpc else ["--h1", "-c", str(callers), "-m", "1"]
    heads = [part for head in (GRPC_HEADS if wire.grpc else JSON_HEADS) for part in ("-H", head)]
    return [
        "h2load", *many, "-D", f"{round(seconds * 1000)}ms", "-d", str(body), *heads,
        "--log-file", str(log), f"http://{target}{wire.path}",
    ]  # fmt: skip


def totals(said: str) -> tuple[int, int]:
    """(answers, bytes of their bodies) of h2load's summary. Raises ValueError when it is none."""
    done = re.search(r"^requests: .*?(\d+) done", said, re.MULTILINE)
    data = re.search(r"^traffic: .*\((\d+)\) data", said, re.MULTILINE)
    if done is None or data is None:
        raise ValueError(f"not a summary of h2load: {said[-300:]!r}")
    return int(done[1]), int(data[1])
