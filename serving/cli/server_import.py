"""Files of events that the gateway reads itself (ImportUserEvents), call after call, going on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from serving.cli.event_import import Progress
from serving.cli.import_state import Refused, State, patiently
from serving.core.errors import NotReady
from storegate.client import Client
from storegate.v1 import event_pb2 as pb

CALL_S_MAX: Final = 120.0
"""The gateway itself answers sooner, unless it has to pass over very many rows."""
STANDSTILLS_MAX: Final = 5
"""Answers one after the other that came no further, before it is given up."""


@dataclass(slots=True)
class ServerProgress(Progress):
    """How far an import has come, over all files."""

    known: int = 0
    denied: int = 0
    files: int = 0
    files_done: int = 0
    next_file: str = ""
    next_row: int = 0

    def said(self) -> str:
        return f"file {min(self.files_done + 1, self.files):,} of {self.files:,}, {Progress.said(self)}"

    def add(self, answer: pb.ImportUserEventsResponse) -> None:
        """Counts a call in."""
        self.rows += answer.rows
        self.stored += answer.stored
        self.refused += len(answer.refused)
        self.known += answer.known
        self.denied += answer.denied
        self.files, self.files_done = answer.files, answer.files_done
        self.next_file, self.next_row = answer.next_file, answer.next_row


@dataclass
class ServerImport:
    """The files that one URI names, and one gateway."""

    uri: str
    client: Client
    state: State
    durable: bool = False
    progress: ServerProgress = field(default_factory=ServerProgress)

    @classmethod
    def of(cls, uri: str, client: Client, target: str, home: Path, *, durable: bool, again: bool) -> ServerImport:
        """Goes on where an import of this URI at this target stopped. again: from its beginning."""
        made = cls(uri, client, State(home, "by the gateway", uri, target, durable), durable)
        if not again:
            made.progress = made.state.load(ServerProgress)
        return made

    def run(self, told: Callable[[ServerProgress], None]) -> Iterator[Refused]:
        """Asks until all is done; the rows that are refused, as they are found. `told` hears of every call.

        Raises grpc.RpcError when the gateway refuses or stays away, NotReady when it comes no further, SettingError
        when home cannot be written.
        """
        progress, standstills, complete = self.progress, 0, False
        while not complete:
            answer = patiently(self._ask)
            moved = answer.complete or (answer.next_file, answer.next_row) != (progress.next_file, progress.next_row)
            standstills = 0 if moved else standstills + 1
            if standstills >= STANDSTILLS_MAX:
                raise NotReady(f"the import stands still at row {progress.next_row} of {progress.next_file}: try again")
            progress.add(answer)
            for one in answer.refused:
                yield Refused(one.file, one.row, one.line, one.event_id, one.field, one.reason, one.message)
            self.state.save(asdict(progress))
            told(progress)
            complete = answer.complete
        self.state.clear()

    def _ask(self) -> pb.ImportUserEventsResponse:
        return self.client.import_events(
            self.uri,
            start_file=self.progress.next_file,
            skip_rows=self.progress.next_row,
            durable=self.durable or None,
            timeout_s=CALL_S_MAX,
        )
