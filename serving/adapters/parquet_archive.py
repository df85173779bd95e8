"""Events in Parquet, one folder a day (UTC, by the time of the event), as other programs like to read them.

archive_files.py says what stands in a file, and what its name says.

Files are written once and never changed. Many small ones are put together into a large one: `_compacting.json` says
which and into which, from before the large one is there until they are deleted, so that nobody reads an event twice.

The place is a folder, or a URI of an object store that pyarrow knows: s3://, gs://, abfs://. There an object is written
whole or not at all, and what a killed writer has sent of one is seen by nobody (let the bucket's rules drop uploads
that were never completed). A lease keeps a second writer away; one that stood still for longer than the lease, between
asking for it and writing, is kept away by nothing, neither here nor there: pyarrow has no conditional writes [1].

[1] https://github.com/apache/arrow/issues/44281
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from serving.adapters import disk
from serving.adapters.archive_files import DIGEST_CHARS, SCHEMA, File, day_of, folder, neighbours, packed, table_of
from serving.adapters.object_stores import open_place
from serving.core.errors import ArchiveUnavailable, DataError, FilesUnavailable
from serving.core.uris import is_uri, visible, without_secrets
from serving.events.log import LoggedEvent, Position, Span

KEY: Final = "events.archive"
DAYS_KNOWN: Final = 8
"""Days whose events' identities are held in memory."""
SMALL_FILES_MAX: Final = 24
"""More files of a day than that are put together."""
ROWS_MAX: Final = 1_000_000
"""Of a file that is put together."""
COMPACTING: Final = "_compacting.json"
U64 = npt.NDArray[np.uint64]
_log = logging.getLogger(__name__)


class ParquetArchive:
    """An Archive. One writer at a time; readers may come at any time."""

    def __init__(self, place: str | Path) -> None:
        """place: a folder, or a URI. Raises SettingError, NotInstalled."""
        self.place = visible(str(place))
        """Without keys and options: fit for messages."""
        self._uri, self._local = str(place), not is_uri(str(place))
        self._opened: tuple[fs.FileSystem, str] | None = None
        try:
            self._place()
        except ArchiveUnavailable as error:  # events wait in the log until it is there
            _log.warning("%s", error.message)
        self._known: OrderedDict[date, U64] = OrderedDict()
        self.before_change: Callable[[], None] = lambda: None
        """Called before each file is written or deleted: raises when this writer must stop."""
        self.changed: set[date] = set()
        """Days of which files were written or deleted here, until somebody takes them out."""

    def forget(self) -> None:
        """What was known of the archive: another writer may have changed it."""
        self._known.clear()

    def put(self, span: Span, events: Sequence[tuple[Position, LoggedEvent]]) -> int:
        """See Archive."""
        by_day: defaultdict[date, list[tuple[Position, LoggedEvent]]] = defaultdict(list)
        for position, logged in events:
            by_day[day_of(logged.event.time_s)].append((position, logged))
        return sum(self._put_day(day, span, mine) for day, mine in sorted(by_day.items()))

    def days(self) -> list[date]:
        """Those that have files, sorted. Raises ArchiveUnavailable."""
        found = []
        for info in self._listed(""):
            if info.type == fs.FileType.Directory and info.base_name.startswith("day="):
                found.append(date.fromisoformat(info.base_name.removeprefix("day=")))
        return sorted(found)

    def names(self) -> list[str]:
        """Of all files of all days, whatever they are. Raises ArchiveUnavailable."""
        return [info.base_name for day in self.days() for info in self._listed(folder(day))]

    def files(self, day: date) -> list[File]:
        """The files of the day that are to be read, oldest part of the stream first. Raises ArchiveUnavailable."""
        infos = self._listed(folder(day))
        found = [file for info in infos if (file := File.parse(day, info.base_name)) is not None]
        if any(info.base_name == COMPACTING for info in infos):
            new, old = self._plan(day)
            if any(file.name == new for file in found):
                found = [file for file in found if file.name not in old]
        return sorted(found, key=lambda file: (file.span, file.name))

    def read(self, file: File) -> pa.Table:
        """SCHEMA. Raises DataError naming a file that is not what it was when it was written, ArchiveUnavailable."""
        data = self._bytes(file.path)
        if hashlib.sha256(data).hexdigest()[:DIGEST_CHARS] != file.digest:
            raise DataError(f"{self.place}/{file.path}", "its checksum is not that of its name: it was changed, or cut")
        try:
            return pq.read_table(io.BytesIO(data), use_threads=False)
        except pa.ArrowException as error:
            raise DataError(f"{self.place}/{file.path}", str(error)) from None

    def columns(self, file: File, names: Sequence[str]) -> pa.Table:
        """Some columns, without looking at the checksum. Raises DataError naming a file that cannot be read,
        ArchiveUnavailable."""
        data = self._bytes(file.path)
        try:
            return pq.read_table(io.BytesIO(data), columns=list(names), use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self.place}/{file.path}", str(error)) from None

    def tables(self, first: date = date.min, last: date = date.max) -> Iterator[pa.Table]:
        """All events of the days, both included, a day at a time. Raises as `read`."""
        for day in self.days():
            if first <= day <= last:
                yield self._whole(day)

    def compact(self, day: date) -> int:
        """Puts the day's files together when there are many; how many files fewer there are. Raises as `read`."""
        self.finish(day)
        files, gone = self.files(day), 0
        if len(files) <= SMALL_FILES_MAX:
            return 0
        for group in neighbours(files, ROWS_MAX):
            if len(group) == 1:  # nothing is done to one that stands alone
                continue
            self.put_instead(day, group, pa.concat_tables([self.read(one) for one in group]))
            gone += len(group) - 1
        return gone

    def put_instead(self, day: date, old: Sequence[File], table: pa.Table) -> None:
        """One file in the place of others of the day; an empty table: none. Whenever the writer dies readers see what
        was there or what shall be there, and it can be done again. Raises ArchiveUnavailable."""
        if len(table):
            data, file = packed(day, Span(old[0].span.first, max(one.span.last for one in old)), table)
            plan = {"new": file.name, "old": [one.name for one in old]}
            self._guarded(self._store, f"{folder(day)}/{COMPACTING}", json.dumps(plan).encode())
            self._guarded(self._store, file.path, data)
        else:
            for one in old:
                self._guarded(self._delete, one.path)
        self.finish(day)
        if self._local:
            self._guarded(disk.sync, Path(self._root) / folder(day))

    def finish(self, day: date) -> None:
        """What a writer that was killed has left to do. Raises ArchiveUnavailable."""
        names = {info.base_name for info in self._listed(folder(day))}
        for name in names:
            if name.endswith(disk.DRAFT):  # of a writer that was killed
                self._guarded(self._delete, f"{folder(day)}/{name}")
        if COMPACTING not in names:
            return
        new, old = self._plan(day)
        for name in [*(old if new in names else ()), COMPACTING]:
            if name in names:
                self._guarded(self._delete, f"{folder(day)}/{name}")

    def _plan(self, day: date) -> tuple[str, frozenset[str]]:
        """Of a compaction under way: the new file and the old ones; nothing, where it has just ended."""
        try:
            plan = json.loads(self._bytes(f"{folder(day)}/{COMPACTING}"))
        except ArchiveUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return "", frozenset()
            raise
        return plan["new"], frozenset(plan["old"])

    def _put_day(self, day: date, span: Span, events: Sequence[tuple[Position, LoggedEvent]]) -> int:
        """Looks at the days beside it too: a repeated event without a time of its own may stand on the day after."""
        identities = np.array([logged.identity for _, logged in events], np.uint64)
        _, first = np.unique(identities, return_index=True)
        fresh = np.zeros(len(events), bool)
        fresh[first] = True
        for known in (self._identities(day + timedelta(days=off)) for off in (-1, 0, 1)):
            fresh &= ~np.isin(identities, known)
        new = [events[i] for i in np.flatnonzero(fresh)]
        if new:
            data, file = packed(day, span, table_of(new))
            self._guarded(self._store, file.path, data)
            self._remember(day, np.union1d(self._identities(day), identities[fresh]))
        return len(new)

    def _identities(self, day: date) -> U64:
        """Of all events of the day, sorted."""
        known = self._known.get(day)
        if known is None:
            columns = [found for file in self.files(day) if (found := self._identities_in(file)) is not None]
            known = np.unique(np.concatenate(columns)) if columns else np.zeros(0, np.uint64)
        self._remember(day, known)
        return known

    def _identities_in(self, file: File) -> U64 | None:
        """None, and it is told, where the file is damaged: that must not keep all other events out."""
        try:
            found: U64 = self.read(file)["identity"].to_numpy()
        except DataError as error:
            _log.error("events are not compared with those of a damaged file: %s", error.message)
            return None
        return found

    def _whole(self, day: date) -> pa.Table:
        """All events of a day; once more when a file has just been put together with others."""
        try:
            return self._concatenated(day)
        except ArchiveUnavailable as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
        return self._concatenated(day)

    def _concatenated(self, day: date) -> pa.Table:
        return pa.concat_tables([self.read(file) for file in self.files(day)] or [SCHEMA.empty_table()])

    def _remember(self, day: date, known: U64) -> None:
        self._known[day] = known
        self._known.move_to_end(day)
        while len(self._known) > DAYS_KNOWN:
            self._known.popitem(last=False)

    def _store(self, path: str, data: bytes) -> None:
        """Whole or not at all."""
        self.before_change()
        self._touched(path)
        place = f"{self._root}/{path}"
        if not self._local:
            with self._files.open_output_stream(place) as stream:  # an object is there when it is closed, or not at all
                stream.write(data)
            return
        target = Path(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        disk.replace(target, data)
        disk.sync(target.parent.parent)

    def _touched(self, path: str) -> None:
        day, slash, _ = path.removeprefix("day=").partition("/")
        if slash:
            self.changed.add(date.fromisoformat(day))

    def _delete(self, path: str) -> None:
        self.before_change()
        self._touched(path)
        self._files.delete_file(f"{self._root}/{path}")

    def _place(self) -> tuple[fs.FileSystem, str]:
        """The file system and the archive's folder in it."""
        if self._opened is None:
            try:
                self._opened = open_place(KEY, self._uri)
            except FilesUnavailable as error:
                raise ArchiveUnavailable(self.place, error.message) from None
        return self._opened

    @property
    def _files(self) -> fs.FileSystem:
        return self._place()[0]

    @property
    def _root(self) -> str:
        return self._place()[1]

    def _listed(self, below: str) -> list[fs.FileInfo]:
        selector = fs.FileSelector(f"{self._root}/{below}" if below else self._root, allow_not_found=True)
        found: list[fs.FileInfo] = self._guarded(self._files.get_file_info, selector)
        return found

    def _bytes(self, path: str) -> bytes:
        def read(name: str) -> bytes:
            with self._files.open_input_stream(name) as stream:
                data: bytes = stream.read()
                return data

        found: bytes = self._guarded(read, f"{self._root}/{path}")
        return found

    def _guarded(self, work: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return work(*arguments)
        except (OSError, pa.ArrowException) as error:
            raise ArchiveUnavailable(self.place, without_secrets(str(error), self._uri)) from error
