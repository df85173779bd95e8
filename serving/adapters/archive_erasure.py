"""Taking people out of the event archive, file by file: found first, so that it can be said how much; then rewritten.

A file in which nobody is found is not touched. The others of a day are put together anew without the erased, by the
same plan that puts small files together: readers see an event once, whenever the writer dies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from serving.adapters.archive_files import SCHEMA, File, neighbours
from serving.adapters.parquet_archive import ROWS_MAX, ParquetArchive
from serving.core.errors import DataError
from serving.events.erasure import Order

WHOSE: Final = ("user_id", "visitor_id", "received")


@dataclass(slots=True)
class Found:
    """Where the erased were seen, by profile key."""

    events: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    days: defaultdict[date, list[File]] = field(default_factory=lambda: defaultdict(list))
    """Files that have to be written anew."""
    left: list[str] = field(default_factory=list)
    """Files that cannot be read."""


class ArchiveErasure:
    """One pass over the archive, for any number of people."""

    def __init__(self, archive: ParquetArchive, orders: Mapping[str, Order]) -> None:
        """orders: by profile key."""
        self._archive = archive
        self._users = _Cuts([(one.user_id, one.cut_ms) for one in orders.values() if one.user_id])
        self._visitors = _Cuts([(one.visitor_id, one.cut_ms) for one in orders.values() if not one.user_id])

    def find(self) -> Found:
        """Reads who is in each file, and changes nothing but what other writers left unfinished. Raises
        ArchiveUnavailable, Conflict."""
        found = Found()
        for day in self._archive.days():
            self._archive.finish(day)
            for file in self._archive.files(day):
                self._archive.before_change()  # a long look must not cost the lease
                try:
                    table = self._archive.columns(file, WHOSE)
                except DataError as error:
                    found.left.append(error.message)
                    continue
                if seen := self._seen(table):
                    found.events.update(seen)
                    found.files.update(seen.keys())
                    found.days[day].append(file)
        return found

    def apply(self, found: Found) -> None:
        """Writes the files anew. Done again after a death it goes on. Raises ArchiveUnavailable, Conflict."""
        for day, files in found.days.items():
            for group in neighbours(files, ROWS_MAX):
                old, tables = [], []
                for file in group:
                    try:
                        tables.append(self._without(self._archive.read(file)))
                        old.append(file)
                    except DataError as error:
                        found.left.append(error.message)
                if old:
                    self._archive.put_instead(day, old, pa.concat_tables(tables))
        self._archive.forget()

    def _seen(self, table: pa.Table) -> Counter[str]:
        """How many rows name whom."""
        users, visitors = self._marks(table)
        return Counter(
            {f"u:{name}": count for name, count in self._users.count(users)}
            | {f"v:{name}": count for name, count in self._visitors.count(visitors)}
        )

    def _marks(self, table: pa.Table) -> tuple[Any, Any]:
        """(rows,) twice: the place of the erased user, of the erased visitor, -1 = neither."""
        received = table["received"].cast(pa.int64()).to_numpy()
        return self._users.find(table["user_id"], received), self._visitors.find(table["visitor_id"], received)

    def _without(self, table: pa.Table) -> pa.Table:
        """The rows of others; those of users that name an erased visitor lose the name."""
        users, visitors = self._marks(table)
        named = pc.not_equal(table["user_id"], "").to_numpy()
        gone = (users >= 0) | ((visitors >= 0) & ~named)
        kept = table.filter(pa.array(~gone))
        unnamed = pa.array((visitors >= 0)[~gone])
        if unnamed.true_count:
            at = SCHEMA.get_field_index("visitor_id")
            kept = kept.set_column(at, SCHEMA.field(at), pc.if_else(unnamed, "", kept["visitor_id"]))
        return kept


class _Cuts:
    """Ids and their cuts."""

    def __init__(self, cuts: Sequence[tuple[str, int]]) -> None:
        self._names = [name for name, _ in cuts]
        self._set = pa.array(self._names, pa.string())
        self._cuts = np.array([cut for _, cut in cuts], np.int64)

    def find(self, names: pa.ChunkedArray, received_ms: Any) -> Any:
        """(rows,) int64: the place of each row's id, -1 where it is not here or the row was received after its cut."""
        if not self._names:
            return np.full(len(names), -1, np.int64)
        place = pc.fill_null(pc.index_in(names, self._set), -1).to_numpy().astype(np.int64)
        return np.where((place >= 0) & (received_ms < self._cuts[place]), place, -1)

    def count(self, places: Any) -> Iterator[tuple[str, int]]:
        """(id, rows) of those that have any."""
        for place, count in zip(*np.unique(places[places >= 0], return_counts=True), strict=True):
            yield self._names[place], int(count)
