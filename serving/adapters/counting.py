"""Folds the archive into counters, file by file, as the mover writes them.

What was counted of a day is kept with the names of the archive's files that it was counted of. So a process that died
between the two finds the files that are missing, and a file is never counted twice. Files that were put together with
others are told (`compacted`); where files of a day are gone in any other way, as after an erasure, the day is counted
anew.

At most HOT_DAYS days are held in memory whole, of the others their sums.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from serving.adapters.archive_files import File
from serving.adapters.counter_files import CounterFiles
from serving.adapters.parquet_archive import ParquetArchive
from serving.core.errors import Conflict, DataError
from serving.core.ids import hash64
from serving.events.counters import COUNTED, EMPTY, Day, Rows, counted, merge
from serving.events.trends import NOTHING, Single, Sums, Trends, day_number, trends, weight
from serving.events.types import TYPE_CODES, profile_key

HOT_DAYS: Final = 3
UNSAVED_SHARE: Final = 4
"""A day is written when what is new of it is a quarter of it: then writing costs a few times what comes, not more."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Hot:
    """One day in memory. files: names of those that are counted. unsaved: how many rows its file on the disk lacks."""

    files: frozenset[str] = frozenset()
    counters: Day = EMPTY
    rows: int = 0
    unsaved: int = 0
    stale: bool = False
    """Its file on the disk is to be written whatever it lacks."""


@dataclass(slots=True)
class Cold:
    """The days that are not in memory, added up as they stand on one day."""

    today: date
    sums: Sums = NOTHING
    singles: dict[date, Single] = field(default_factory=dict)


class Counting:
    """Of one archive. One at a time, under the mover's lease. Not thread-safe."""

    def __init__(
        self,
        archive: ParquetArchive,
        files: CounterFiles,
        *,
        retention_days: int,
        half_life_days: float,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        """retention_days: days before today that count. half_life_days: see trends.py."""
        self._archive, self._files, self._today = archive, files, today
        self._retention_days, self._half_life_days = retention_days, half_life_days
        self._hot: OrderedDict[date, Hot] = OrderedDict()
        self._cold: Cold | None = None
        self._looked: date | None = None
        self._unpublished = False
        self._forgotten = 0

    def forget(self) -> None:
        """What is in memory: another process may have counted meanwhile. Also in the middle of a run, which then leaves
        it to the next one to look at everything."""
        self._forgotten += 1
        self._hot.clear()
        self._cold = self._looked = None
        self._files.look()

    def run(self) -> None:
        """Counts what is new, and publishes it. Raises ArchiveUnavailable, OSError, and what
        `before_change` of the archive does; then the next run goes on."""
        today, forgotten = self._today(), self._forgotten
        first = today - timedelta(days=self._retention_days)
        everything = self._looked != today
        days = self._archive.days() if everything else sorted(self._archive.changed)
        self._unpublished |= everything
        for day in days:
            if day >= first:
                self._unpublished |= self._count(day)
            self._archive.changed.discard(day)
        if self._forgotten != forgotten:
            raise Conflict("another process has moved the event log meanwhile: what is counted is looked at again")
        if everything:
            self._drop_old(first, set(days))
        if self._unpublished:
            found = self._trends(today)
            self._archive.before_change()
            self._files.publish(found)
        if self._forgotten == forgotten:
            self._unpublished, self._looked = False, today

    def compacted(self, day: date, before: Iterable[File], after: Iterable[File]) -> None:
        """The archive's files of the day hold the same events as before. Raises OSError."""
        if day < self._today() - timedelta(days=self._retention_days):
            return
        hot = self._held(day)
        if hot.files == _names(before):  # else it is counted anew with the next run
            hot.files, hot.stale = _names(after), True
            self._save(day, hot)

    def close(self) -> None:
        """Writes what is in memory alone. Raises OSError."""
        for day, hot in list(self._hot.items()):
            self._save(day, hot)

    def _count(self, day: date) -> bool:
        """Brings the day's counters up to its files; whether they have changed."""
        files = self._archive.files(day)
        hot = self._held(day)
        names = _names(files)
        if hot.files == names and not hot.stale:
            return False
        if not hot.files <= names:
            hot.files, hot.counters, hot.rows, hot.stale = frozenset(), EMPTY, 0, True
        for file in files:
            if file.name not in hot.files:
                self._archive.before_change()  # a long count must not cost the lease
                hot.counters = merge(hot.counters, count_file(self._archive, file))
                hot.files |= {file.name}
                hot.rows += file.rows
                hot.unsaved += file.rows
        if hot.stale or hot.unsaved * UNSAVED_SHARE >= hot.rows:
            hot.stale = True  # until it is written: a disk that is full now may not be so with the next run
            self._save(day, hot)
        return True

    def _held(self, day: date) -> Hot:
        """The day in memory; the one that was not asked for longest gives way."""
        hot = self._hot.get(day)
        if hot is None:
            found = self._files.read_day(day)
            hot = self._hot[day] = Hot() if found is None else Hot(*found, rows=_rows(found[0]))
            self._cold = None
        self._hot.move_to_end(day)
        while len(self._hot) > HOT_DAYS:
            old, gone = next(iter(self._hot.items()))
            self._save(old, gone)
            self._hot.pop(old, None)
            self._cold = None
        return hot

    def _save(self, day: date, hot: Hot) -> None:
        if hot.unsaved or hot.stale:
            self._archive.before_change()
            self._files.write_day(day, hot.files, hot.counters)
            hot.unsaved, hot.stale = 0, False

    def _drop_old(self, first: date, there: set[date]) -> None:
        """Days before the first that counts, and those that the archive has no more."""
        for day in self._files.days():
            if day < first or day not in there:
                self._hot.pop(day, None)
                self._files.drop_day(day)
        for day in [day for day in self._hot if day < first]:
            del self._hot[day]
        self._cold = None

    def _trends(self, today: date) -> Trends:
        if self._cold is None or self._cold.today != today:
            self._cold = Cold(today)
            for day in self._files.days():
                found = None if day in self._hot else self._files.read_day(day)
                if found is not None:
                    self._add(self._cold, day, found[1])
        whole = Cold(today, self._cold.sums, dict(self._cold.singles))
        for day, hot in self._hot.items():
            self._add(whole, day, hot.counters)
        return trends(whole.sums, whole.singles, today, self._half_life_days)

    def _add(self, to: Cold, day: date, counters: Day) -> None:
        parts = weight(day_number(to.today) - day_number(day), self._half_life_days)
        to.sums = to.sums.plus(Sums.of(counters, parts))
        to.singles[day] = Single.of(counters)


def recounted(
    archive: ParquetArchive, today: date, retention_days: int, half_life_days: float
) -> tuple[Trends, dict[date, Day]]:
    """All of it from the archive, in one go: what the counters must equal. Raises ArchiveUnavailable."""
    whole: dict[date, Day] = {}
    sums, singles = NOTHING, {}
    for day in archive.days():
        if day >= today - timedelta(days=retention_days):
            tables = [table for file in archive.files(day) if (table := _read(archive, file)) is not None]
            whole[day] = counted(rows_of(pa.concat_tables(tables))) if tables else EMPTY
            sums = sums.plus(Sums.of(whole[day], weight(day_number(today) - day_number(day), half_life_days)))
            singles[day] = Single.of(whole[day])
    return trends(sums, singles, today, half_life_days), whole


def count_file(archive: ParquetArchive, file: File) -> Day:
    """The counters of one file; none, and it is told, of one that is damaged. Raises ArchiveUnavailable."""
    table = _read(archive, file)
    return EMPTY if table is None else counted(rows_of(table))


def rows_of(table: pa.Table) -> Rows:
    """What counts of a table of events, SCHEMA of archive_files."""
    table = table.select(["event_type", "user_id", "visitor_id", "event_time", "items"])
    table = table.filter(pc.is_in(table["event_type"], value_set=pa.array(COUNTED))).combine_chunks()
    lists = pa.chunked_array(table["items"]).combine_chunks() if table.num_rows else pa.array([], table["items"].type)
    event = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    names = pc.struct_field(pc.list_flatten(lists), "item_id").dictionary_encode()
    kind = _each(table["event_type"], lambda name: TYPE_CODES[name], np.uint8)
    user = _each(table["user_id"], lambda name: hash64(profile_key(name, "")) if name else 0, np.uint64)
    visitor = _each(table["visitor_id"], lambda name: hash64(profile_key("", name)) if name else 0, np.uint64)
    who = np.where(user != 0, user, visitor)
    time_s = table["event_time"].cast(pa.timestamp("s", tz="UTC")).cast(pa.int64()).to_numpy()
    return Rows(
        tuple(names.dictionary.to_pylist()), names.indices.to_numpy(zero_copy_only=False).astype(np.int64), event,
        kind[event], who[event], time_s[event],
    )  # fmt: skip


def _each(column: pa.ChunkedArray, number: Callable[[str], int], kind: type) -> Any:
    """A number for each text, worked out once for each that is different."""
    if not len(column):
        return np.zeros(0, kind)
    found = column.combine_chunks().dictionary_encode()
    values = np.array([number(text or "") for text in found.dictionary.to_pylist()], kind)
    return values[found.indices.to_numpy(zero_copy_only=False)]


def _read(archive: ParquetArchive, file: File) -> pa.Table | None:
    try:
        return archive.read(file)
    except DataError as error:
        _log.error("events of a damaged file are not counted: %s", error.message)
        return None


def _names(files: Iterable[File]) -> frozenset[str]:
    return frozenset(file.name for file in files)


def _rows(names: Iterable[str]) -> int:
    """How many events the files of these names hold."""
    found = [File.parse(date.min, name) for name in names]
    return sum(file.rows for file in found if file is not None)
