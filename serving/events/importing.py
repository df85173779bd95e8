"""`ImportUserEvents`: files of events, each row as by WriteUserEvent, as far as the time of the call reaches.

Nothing of an import is kept here: the answer says where to go on, and every event has an id. So whoever asked goes on
after any failure, at worst with rows that are known already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from serving.core.clock import Clock
from serving.core.errors import DeadlineExpired, InvalidInput, NotReady, StoregateError
from serving.core.priority import breathe, yield_to_others
from serving.core.row_files import RowFile
from serving.core.turn import Turn
from serving.events.contract import EventWritten, WriteEvent
from serving.events.import_contract import (
    LISTED_MAX,
    EventsImported,
    ImportEvents,
    ReadColumns,
    ReadRows,
    RefusedRow,
    Row,
    RowFiles,
)

GROUP: Final = 256
"""Rows stored together."""
CALL_S_MAX: Final = 10.0
"""So long a call stores rows, whatever its deadline: other imports wait for the lane."""
MARGIN_S: Final = 0.5
"""Before its deadline, for the answer's way back."""
NICE: Final = 10

Write = Callable[[Sequence[WriteEvent], Turn], Sequence[EventWritten | StoregateError]]


class ImportUserEvents:
    """The method behind the route. Belongs on a lane of its own, whose thread lets interactive calls go first."""

    def __init__(self, write: Write, files: RowFiles, rows: ReadRows, columns: ReadColumns, clock: Clock) -> None:
        """write: as WriteEvents.run, from any thread."""
        self._write, self._files, self._rows, self._columns, self._clock = write, files, rows, columns, clock
        self._closing = threading.Event()

    def run(self, queries: Sequence[ImportEvents], turn: Turn) -> list[EventsImported | StoregateError]:
        """One after the other."""
        yield_to_others(NICE)
        return [self._imported(query, turn) for query in queries]

    def close(self) -> None:
        """A call under way ends with what it has stored. Idempotent."""
        self._closing.set()

    def _imported(self, query: ImportEvents, turn: Turn) -> EventsImported | StoregateError:
        if self._closing.is_set():
            return NotReady("the gateway is going away: send the call to another one, or retry")
        try:
            return self._import(query, turn.deadline)
        except StoregateError as error:
            return error

    def _import(self, query: ImportEvents, deadline: float) -> EventsImported:
        """What was done before an error is answered; the error meets the call that goes on there."""
        files = self._files.find(query.uri)
        begin = _begin(files, query.start_file)
        done = EventsImported(files=len(files), files_done=begin, next_file=files[begin].name, next_row=query.skip_rows)
        try:
            self._check_columns(files, begin, deadline, all_of_them=not (begin or query.skip_rows))
            self._run(files, begin, query, done, deadline)
        except StoregateError:
            if not done.rows:
                raise
        return done

    def _check_columns(self, files: Sequence[RowFile], begin: int, deadline: float, *, all_of_them: bool) -> None:
        """One import is of one kind and one schema. Not all of them: those that were looked at when it began are not
        looked at again, but for the one that is next."""
        kinds = [file.kind for file in files]
        for file, kind in zip(files, kinds, strict=True):
            if kind != kinds[0]:
                raise InvalidInput("uri", file.name, f"files of one kind, as {files[0].name}")
        first = self._columns(files[0])
        for file in files[1:] if all_of_them else files[max(begin, 1) : begin + 1]:
            breathe()
            self._check_time(deadline, "the columns of the files were read")
            _check_same(first, files[0].name, self._columns(file), file.name)

    def _run(
        self, files: Sequence[RowFile], begin: int, query: ImportEvents, done: EventsImported, deadline: float
    ) -> None:
        """Until all is done, or the time is over after a group of rows."""
        until = deadline - MARGIN_S
        limit: float | None = None
        for position in range(begin, len(files)):
            for group in _groups(self._rows(files[position], done.next_row, query, self._clock.wall())):
                began = self._clock.monotonic()
                limit = min(until, began + CALL_S_MAX) if limit is None else limit
                self._check_time(deadline, f"{done.next_row} rows were passed over")
                self._store(group, done, Turn(began, self._clock.wall(), until))
                now = self._clock.monotonic()
                late = now + (now - began) > limit
                if late or self._closing.is_set() or len(done.refused) > LISTED_MAX - GROUP:
                    return
            done.files_done, done.next_row = position + 1, 0
            done.next_file = files[position + 1].name if position + 1 < len(files) else ""

    def _check_time(self, deadline: float, what: str) -> None:
        if self._clock.monotonic() > deadline:
            raise DeadlineExpired(f"the deadline passed while {what}: allow more time")

    def _store(self, group: Sequence[Row], done: EventsImported, turn: Turn) -> None:
        """All of the group, or an error of the store's and nothing of it counts."""
        writes = [(row, row.found) for row in group if isinstance(row.found, WriteEvent)]
        answers = self._write([write for _, write in writes], turn) if writes else ()
        refused = [row.found for row in group if isinstance(row.found, RefusedRow)]
        written: list[EventWritten] = []
        for (row, write), answer in zip(writes, answers, strict=True):
            if isinstance(answer, EventWritten):
                written.append(answer)
            elif isinstance(answer, InvalidInput):
                refused.append(RefusedRow.of(done.next_file, row.row, row.line, write.event.event_id, answer))
            else:
                raise answer
        for one in written:
            done.stored += one.stored
            done.denied += one.denied
            done.known += not (one.stored or one.denied or writes[0][1].validate_only)
            done.missing.update(one.missing[: LISTED_MAX - len(done.missing)])
        done.refused += sorted(refused, key=lambda one: one.row)
        done.rows += len(group)
        done.next_row += len(group)


def _groups(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Up to GROUP rows; those before an error too."""
    group: list[Row] = []
    try:
        for row in rows:
            breathe()
            group.append(row)
            if len(group) == GROUP:
                yield group
                group = []
    except StoregateError:
        if group:
            yield group
        raise
    if group:
        yield group


def _begin(files: Sequence[RowFile], start_file: str) -> int:
    """Where the file stands."""
    if not start_file:
        return 0
    for position, file in enumerate(files):
        if file.name == start_file:
            return position
    raise InvalidInput("start_file", start_file, "one of the files that the URI names (next_file of an answer)")


def _check_same(first: Mapping[str, str], first_name: str, columns: Mapping[str, str], name: str) -> None:
    """Raises InvalidInput naming the file and the column."""
    for column in (*columns, *first):
        ours, theirs = columns.get(column), first.get(column)
        if ours != theirs:
            got = f"column {column} ({ours})" if ours else f"no column {column}"
            raise InvalidInput(
                "uri",
                f"{name}: {got}",
                f"the schema of {first_name}, which has " + (f"{column} as {theirs}" if theirs else "no such column"),
                reason="SCHEMA_CHANGED",
            )
