"""What `ImportUserEvents` asks and answers, free of any wire format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from serving.core.errors import InvalidInput
from serving.core.row_files import RowFile
from serving.events.contract import WriteEvent

LISTED_MAX: Final = 1000
"""Refused rows, and unknown items, that one answer names."""
BAD_ROW: Final = "BAD_ROW"
"""RefusedRow.reason of a row that cannot be read as an event."""


@dataclass(frozen=True, slots=True)
class ImportEvents:
    """Where to begin in the files of `uri`, and how to store what they say."""

    uri: str
    start_file: str = ""
    """'' = the first."""
    skip_rows: int = 0
    """Of that file."""
    validate_only: bool = False
    durable: bool | None = None
    """Whether events are on the disk before they are answered; None = the store's default."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One row that cannot be stored. row: of its file, from 1, a header not counted; line: of its file, from 1."""

    file: str
    row: int
    line: int
    event_id: str
    field: str
    """Empty where the row as a whole is at fault."""
    reason: str
    message: str

    @classmethod
    def of(cls, file: str, row: int, line: int, event_id: str, error: InvalidInput) -> RefusedRow:
        """Because of this."""
        return cls(file, row, line, event_id, error.field, error.reason, error.message)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: what it asks to store, or why it cannot. row, line: as in RefusedRow."""

    row: int
    line: int
    found: WriteEvent | RefusedRow


@dataclass(slots=True)
class EventsImported:
    """How far a call came."""

    rows: int = 0
    stored: int = 0
    known: int = 0
    """Events whose id was known."""
    denied: int = 0
    """Events that nobody has consented to store."""
    refused: list[RefusedRow] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    """Item ids that the catalogue does not know; their events are kept."""
    files: int = 0
    """All of them."""
    files_done: int = 0
    """Of all of them, those that are through."""
    next_file: str = ""
    """Where to go on; '' = all is done."""
    next_row: int = 0

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return not self.next_file


class RowFiles(Protocol):
    """Where files may be read."""

    def find(self, uri: str) -> Sequence[RowFile]:
        """The files that the URI names, at least one, by name. Raises InvalidInput, NotFound, FilesUnavailable,
        NotInstalled, SettingError."""
        ...


class ReadRows(Protocol):
    """How rows become writes."""

    def __call__(self, file: RowFile, skip: int, query: ImportEvents, now_s: float) -> Iterator[Row]:
        """The rows after the first `skip`. Raises InvalidInput, at once or when it comes to that, where the file as a
        whole cannot be used, and what reading it raises."""
        ...


class ReadColumns(Protocol):
    """What a file's rows are made of."""

    def __call__(self, file: RowFile) -> Mapping[str, str]:
        """Column -> type. Raises as ReadRows."""
        ...
