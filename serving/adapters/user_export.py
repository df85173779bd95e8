"""All that the stores hold of one user or visitor, page by page.

What there is to tell is fixed when the first page is asked for, by two places in the event log: `first`, the oldest
entry that waited then, and `last`, the newest. Events before `first` are in the archive, day by day; those from there
to `last` wait, or have been moved meanwhile: the log is read first and the archive after it, so that none is missed.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from serving.adapters.archive_erasure import WHOSE
from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_event_log import RedisEventReader
from serving.core.errors import ArchiveUnavailable
from serving.decisions.recommend.decision_log import DecisionStore
from serving.decisions.recommend.record import Logged
from serving.events.erasure import Pseudonyms
from serving.events.export import (
    ExportedEvent,
    ExportUser,
    Page,
    Place,
    ProfileRecord,
    Stage,
    Told,
    profile_records,
)  # fmt: skip
from serving.events.log import LoggedEvent
from serving.events.types import UserEvent

PAGE_BYTES_MAX: Final = 1 << 20
"""Of a page, about: what makes it longer is for the next one."""
ROWS_READ_MAX: Final = 2_000_000
"""Rows of the archive that are looked through for one page, and a day more at most."""
SECONDS_MAX: Final = 5.0
"""For one page: it shares its lane with others."""
DECISIONS_AT_ONCE: Final = 50


class UserExport:
    """Reads; writes nothing. Runs on one thread."""

    def __init__(
        self,
        profile: Callable[[str], bytes],
        log: RedisEventReader,
        archive: Callable[[], ParquetArchive],
        decisions: DecisionStore,
        ledger: ErasureLedger,
        names: Pseudonyms,
        item_of: Callable[[int], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """profile: the stored records of a profile key. archive: opens it, which an object store may not allow at once.
        item_of: the item id of a hash, "" = unknown."""
        self._profile_of, self._log, self._open, self._decisions = profile, log, archive, decisions
        self._ledger, self._names, self._item_of = ledger, names, item_of
        self._clock, self._until = clock, math.inf

    @cached_property
    def _archive(self) -> ParquetArchive:
        return self._open()

    def page(self, query: ExportUser, seconds: float = SECONDS_MAX) -> Page:
        """What can be read in about so many seconds, a day of the archive at least. Raises StoreUnavailable,
        ArchiveUnavailable, DataError, SettingError."""
        self._until = self._clock() + min(seconds, SECONDS_MAX)
        place = query.place or self._begin()
        told: list[Told] = []
        room = PAGE_BYTES_MAX
        while place is not None and len(told) < query.page_size and room > 0:
            found, place, pause = self._some(query, place, query.page_size - len(told))
            for one in found:
                room -= _bytes(one)
            told += found
            if pause or self._clock() > self._until:
                break
        return Page(told, place, query.profile_key)

    def _begin(self) -> Place:
        first, last = self._log.ends()
        return Place(Stage.PROFILE, first.ms, last.ms)

    def _some(self, query: ExportUser, place: Place, count: int) -> tuple[Sequence[Told], Place | None, bool]:
        """Some of what is to be told at a place, the place after it, None = the end, and whether it was long work."""
        match place.stage:
            case Stage.PROFILE:
                return self._profile(query, place, count)
            case Stage.ARCHIVE:
                return self._archived(query, place, count)
            case Stage.WAITING:
                return _cut(self._waiting(query, place), place, count, Stage.DECISIONS)
            case Stage.DECISIONS:
                some = min(count, DECISIONS_AT_ONCE)
                logged, looked = self._decisions.of_owner(query.profile_key, place.offset, some)
                after = replace(place, offset=place.offset + looked) if looked == some else place.to(Stage.ERASURES)
                return logged, after, looked == some
            case Stage.ERASURES:
                proofs = self._ledger.of_subject(self._names.subject(query.profile_key))
                return _cut(proofs, place, count, None)

    def _profile(self, query: ExportUser, place: Place, count: int) -> tuple[Sequence[Told], Place | None, bool]:
        found: list[ProfileRecord] = profile_records(self._profile_of(query.profile_key), self._item_of)
        return _cut(found, place, count, Stage.ARCHIVE)

    def _archived(self, query: ExportUser, place: Place, count: int) -> tuple[Sequence[Told], Place | None, bool]:
        """Of one day that has some, after looking through those that have none."""
        rows = 0
        for day in self._archive.days():
            if str(day) < place.day:
                continue
            offset = place.offset if str(day) == place.day else 0
            if rows > ROWS_READ_MAX or (rows and self._clock() > self._until):
                return [], replace(place, day=str(day), offset=offset), True
            rows += sum(file.rows for file in self._archive.files(day))
            found = self._of_day(query, day, lambda ms: pc.less(ms, place.first_ms))
            some = found[offset : offset + count]
            if offset + len(some) < len(found):
                return some, replace(place, day=str(day), offset=offset + len(some)), True
            if some:
                return some, replace(place, day=str(day + timedelta(days=1)), offset=0), rows > ROWS_READ_MAX
        return [], place.to(Stage.WAITING), False

    def _waiting(self, query: ExportUser, place: Place) -> list[ExportedEvent]:
        found = {}
        for position, logged in self._log.between(place.first_ms, place.last_ms, _mark(query)):
            if logged.event.profile_key == query.profile_key:
                found[logged.identity] = ExportedEvent(logged, position.ms)
        inside = lambda ms: pc.and_(pc.greater_equal(ms, place.first_ms), pc.less_equal(ms, place.last_ms))  # noqa: E731
        for day in self._archive.days():
            if any(file.span.last.ms >= place.first_ms for file in self._archive.files(day)):
                for one in self._of_day(query, day, inside):
                    found.setdefault(one.logged.identity, one)
        return sorted(found.values(), key=_order)

    def _of_day(self, query: ExportUser, day: date, received: Callable[[Any], Any]) -> list[ExportedEvent]:
        """Always in the same order. received: which of the column's times are meant."""
        try:
            found = self._read(query, day, received)
        except ArchiveUnavailable as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            found = self._read(query, day, received)  # a file has just been put together with others
        return sorted(found, key=_order)

    def _read(self, query: ExportUser, day: date, received: Callable[[Any], Any]) -> list[ExportedEvent]:
        found = []
        for file in self._archive.files(day):
            if pc.any(_mine(self._archive.columns(file, WHOSE), query, received)).as_py():
                table = self._archive.read(file)
                found += [_event(row) for row in table.filter(_mine(table, query, received)).to_pylist()]
        return found


def _mine(table: pa.Table, query: ExportUser, received: Callable[[Any], Any]) -> Any:
    """(rows,) booleans."""
    mine = pc.and_(pc.equal(table["user_id"], query.user_id), received(table["received"].cast(pa.int64())))
    return mine if query.user_id else pc.and_(mine, pc.equal(table["visitor_id"], query.visitor_id))


def _event(row: dict[str, Any]) -> ExportedEvent:
    items = tuple((item["item_id"], item["quantity"]) for item in row["items"])
    event = UserEvent(
        row["event_id"], row["event_type"], row["user_id"], row["visitor_id"], int(row["event_time"].timestamp()),
        items, row["search_query"],
    )  # fmt: skip
    logged = LoggedEvent(event, row["decision_id"], row["placement"])
    return ExportedEvent(logged, round(row["received"].timestamp() * 1000))


def _order(one: ExportedEvent) -> tuple[int, int]:
    return one.received_ms, one.logged.identity


def _cut(
    found: Sequence[Told], place: Place, count: int, then: Stage | None
) -> tuple[Sequence[Told], Place | None, bool]:
    some = found[place.offset : place.offset + count]
    if place.offset + len(some) < len(found):
        return some, replace(place, offset=place.offset + len(some)), True
    return some, None if then is None else place.to(then), False


def _mark(query: ExportUser) -> bytes:
    """Bytes that an entry of the event log about this person has, so that few others are decoded."""
    name = "user_id" if query.user_id else "visitor_id"
    value = json.dumps(query.user_id or query.visitor_id, ensure_ascii=False)
    return f'"{name}":{value}'.encode()


def _bytes(one: Told) -> int:
    """About how long it is on the wire."""
    match one:
        case ExportedEvent(logged=logged):
            return 300 + sum(len(item_id) + 8 for item_id, _ in logged.event.items)
        case ProfileRecord():
            return 60
        case Logged(decision=decision):
            return 2000 + 100 * len(decision.results) + 80 * len(decision.query.session)
        case _:
            return 300
