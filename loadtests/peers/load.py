"""h2load as every server of the comparison gets it: HTTP/2 with gRPC, or HTTP/1.1 with JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.generate import DEADLINE, H2load, Log
from loadtests.peers.wires import Wire

GRPC_HEADS = ("content-type: application/grpc", "te: trailers", f"grpc-timeout: {DEADLINE}")
JSON_HEADS = ("content-type: application/json",)


@dataclass(frozen=True, slots=True)
class Heard:
    """What one process has got. answers: of its whole life. body_bytes: of all of them, without headers."""

    log: Log
    answers: int
    body_bytes: int


class Load(H2load):
    """One h2load with `callers` callers, each asking again as soon as it is answered: streams of one connection where
    that is HTTP/2, connections where it is not. Starts at once, ends by itself after `seconds`."""

    def __init__(
        self, wire: Wire, target: str, body: Path, callers: int, seconds: float, folder: Path, number: int
    ) -> None:
        """target: "127.0.0.1:50051"."""
        super().__init__(command(wire, target, body, callers, seconds), folder, number)

    def finish(self) -> Heard:
        """Waits for the end. Raises SettingError when h2load did not do its work."""
        log, said = self.ended()
        return Heard(log, *totals(said))


def command(wire: Wire, target: str, body: Path, callers: int, seconds: float) -> list[str]:
    """h2load's arguments."""
    many = ["-c", "1", "-m", str(callers)] if wire.grpc else ["--h1", "-c", str(callers), "-m", "1"]
    heads = [part for head in (GRPC_HEADS if wire.grpc else JSON_HEADS) for part in ("-H", head)]
    return [
        *many, "-D", f"{round(seconds * 1000)}ms", "-d", str(body), *heads, f"http://{target}{wire.path}",
    ]  # fmt: skip


def totals(said: str) -> tuple[int, int]:
    """(answers, bytes of their bodies) of h2load's summary. Raises ValueError when it is none."""
    done = re.search(r"^requests: .*?(\d+) done", said, re.MULTILINE)
    data = re.search(r"^traffic: .*\((\d+)\) data", said, re.MULTILINE)
    if done is None or data is None:
        raise ValueError(f"not a summary of h2load: {said[-300:]!r}")
    return int(done[1]), int(data[1])
