"""A file of events to a running gateway, in portions: with progress, and going on where it stopped.

Each portion is one StreamUserEvents. How far an import has come is kept in a small file of its own below the home
folder until it is through; a portion that was sent twice is stored once, because every event has an id.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Final

import grpc

from serving.adapters import disk
from serving.cli.event_rows import event_form, with_id
from serving.core.errors import InvalidInput
from serving.core.row_files import KINDS, LineError, file_rows
from storegate.client import Client
from storegate.v1 import event_pb2 as pb

PORTION: Final = 1000
"""As many as the gateway lists of refused ones: each is named in the report."""
PORTION_S_MAX: Final = 120.0
TRIES_MAX: Final = 6
PAUSE_S: Final = 0.5
"""Before the second try; twice as long before each further one."""
AGAIN: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)

Told = Callable[["Progress"], None]


@dataclass(slots=True)
class Progress:
    """How far an import has come."""

    rows: int = 0
    stored: int = 0
    refused: int = 0


@dataclass(slots=True)
class Refused:
    """One row that is not stored, and why. row: from 1, a header not counted."""

    row: int
    event_id: str
    reason: str
    message: str


@dataclass
class Import:
    """One file and one gateway."""

    path: Path
    client: Client
    state: Path
    durable: bool = False
    progress: Progress = field(default_factory=Progress)

    @classmethod
    def of(cls, path: Path, client: Client, target: str, home: Path, *, durable: bool, again: bool) -> Import:
        """Goes on where an import of this very file to this target stopped. again: from its beginning. Raises
        InvalidInput."""
        if not path.name.lower().endswith(KINDS):
            raise InvalidInput("file", path.name, f"a name ending in {', '.join(KINDS)}")
        found = path.stat()
        what = f"{path.resolve()}\0{found.st_size}\0{found.st_mtime_ns}\0{target}\0{durable}"
        mark = blake2b(what.encode(), digest_size=8).hexdigest()
        made = cls(path, client, home / "imports" / f"events-{mark}.json", durable)
        if made.state.exists() and not again:
            made.progress = Progress(**json.loads(made.state.read_text()))
        return made

    def run(self, told: Told) -> Iterator[Refused]:
        """Sends the rest of the file; the rows that are refused, as they are found. `told` hears of every portion.

        Raises InvalidInput for a file that cannot be read on, grpc.RpcError when the gateway stays away.
        """
        rows = islice(enumerate(file_rows(self.path, event_form()), 1), self.progress.rows, None)
        while portion := list(islice(rows, PORTION)):
            yield from self._send(portion)
            self.state.parent.mkdir(parents=True, exist_ok=True)
            disk.replace(self.state, json.dumps(asdict(self.progress)).encode())
            told(self.progress)
        self.state.unlink(missing_ok=True)

    def _send(self, portion: list[tuple[int, pb.UserEvent | LineError]]) -> Iterator[Refused]:
        good = [(row, with_id(event, row)) for row, event in portion if not isinstance(event, LineError)]
        answer = self._stored([event for _, event in good]) if good else pb.StreamUserEventsResponse()
        bad = [Refused(row, "", "BAD_ROW", found.message) for row, found in portion if isinstance(found, LineError)]
        for refused in answer.refused:
            row, event = good[refused.position]
            bad.append(Refused(row, event.event_id, refused.reason, refused.message))
        self.progress.rows += len(portion)
        self.progress.stored += answer.stored
        self.progress.refused += len(portion) - len(good) + answer.refused_count
        yield from sorted(bad, key=lambda refused: refused.row)

    def _stored(self, events: list[pb.UserEvent]) -> Any:
        """Again while the gateway says that it may be tried again."""
        for left in reversed(range(TRIES_MAX)):
            try:
                return self.client.stream_events(events, durable=self.durable or None, timeout_s=PORTION_S_MAX)
            except grpc.RpcError as error:
                if not left or error.code() not in AGAIN:
                    raise
                time.sleep(PAUSE_S * 2 ** (TRIES_MAX - 1 - left))
        raise AssertionError("not reached")


def write_report(path: Path, refused: Iterator[Refused], *, goes_on: bool = False) -> Iterator[Refused]:
    """Passes them on and writes each into a CSV file, behind what is there when an import goes on."""
    with path.open("a" if goes_on else "w", newline="") as file:
        lines = csv.writer(file)
        if not goes_on:
            lines.writerow(("row", "event_id", "reason", "message"))
        for one in refused:
            lines.writerow((one.row, one.event_id, one.reason, one.message))
            yield one
