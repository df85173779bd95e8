"""A file of events to a running gateway, in portions: with progress, and going on where it stopped.

Each portion is one StreamUserEvents. How far an import has come is kept in a small file of its own below the home
folder until it is through; a portion that was sent twice is stored once, because every event has an id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from serving.cli.import_state import Refused, State, patiently
from serving.core.errors import InvalidInput
from serving.core.row_files import KINDS, LineError, RowFile, numbered_rows
from serving.events.import_contract import BAD_ROW
from serving.transport.event_rows import event_form, with_id
from storegate.client import Client
from storegate.v1 import event_pb2 as pb

PORTION: Final = 1000
"""As many as the gateway lists of refused ones: each is named in the report."""
PORTION_S_MAX: Final = 120.0

Told = Callable[["Progress"], None]


@dataclass(slots=True)
class Progress:
    """How far an import has come."""

    rows: int = 0
    stored: int = 0
    refused: int = 0

    def said(self) -> str:
        """In a few words."""
        return f"{self.stored:,} of {self.rows:,} rows new"


@dataclass
class Import:
    """One file and one gateway."""

    path: Path
    client: Client
    state: State
    durable: bool = False
    progress: Progress = field(default_factory=Progress)

    @classmethod
    def of(cls, path: Path, client: Client, target: str, home: Path, *, durable: bool, again: bool) -> Import:
        """Goes on where an import of this very file to this target stopped. again: from its beginning. Raises
        InvalidInput."""
        if not path.name.lower().endswith(KINDS):
            raise InvalidInput("file", path.name, f"a name ending in {', '.join(KINDS)}")
        found = path.stat()
        state = State(home, path.resolve(), found.st_size, found.st_mtime_ns, target, durable)
        made = cls(path, client, state, durable)
        if not again:
            made.progress = state.load(Progress)
        return made

    def run(self, told: Told) -> Iterator[Refused]:
        """Sends the rest of the file; the rows that are refused, as they are found. `told` hears of every portion.

        Raises InvalidInput for a file that cannot be read on, SettingError when home cannot be written, grpc.RpcError
        when the gateway stays away.
        """
        begin = self.progress.rows
        rows = enumerate(numbered_rows(RowFile.at(self.path), event_form(), begin), begin + 1)
        while portion := list(islice(rows, PORTION)):
            yield from self._send(portion)
            self.state.save(asdict(self.progress))
            told(self.progress)
        self.state.clear()

    def _send(self, portion: list[tuple[int, tuple[int, pb.UserEvent | LineError]]]) -> Iterator[Refused]:
        name = self.path.name
        good, bad = [], []
        for row, (line, found) in portion:
            if isinstance(found, LineError):
                bad.append(Refused(name, row, line, "", found.field, BAD_ROW, found.message))
            else:
                good.append((row, line, with_id(found, row)))
        events = [event for _, _, event in good]
        send = partial(self.client.stream_events, events, durable=self.durable or None, timeout_s=PORTION_S_MAX)
        answer = patiently(send) if events else pb.StreamUserEventsResponse()
        for refused in answer.refused:
            row, line, event = good[refused.position]
            bad.append(Refused(name, row, line, event.event_id, "", refused.reason, refused.message))
        self.progress.rows += len(portion)
        self.progress.stored += answer.stored
        self.progress.refused += len(portion) - len(good) + answer.refused_count
        yield from sorted(bad, key=lambda refused: refused.row)
