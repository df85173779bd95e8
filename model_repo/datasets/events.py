"""The archive of events as rows to learn from: one row an item of an event, owners and items as numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from serving.adapters.parquet_archive import ParquetArchive
from serving.core.ids import hash64
from serving.core.ports import I32, I64
from serving.events.records import record_mark
from serving.events.types import EVENT_TYPES, LOGGED_ONLY, TYPE_CODES

LEARNT: Final = tuple(name for name in EVENT_TYPES if name not in LOGGED_ONLY)
"""Types of what visitors do; what the shop did teaches nothing here."""
SESSION_GAP_S: Final = 1800
"""After so long without an event a visitor's next one begins another session: the usual half hour of web statistics."""

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class DayRead:
    """One day of the archive. sha256: over the names of its files, which carry their checksums."""

    day: date
    files: int
    events: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Log:
    """n rows, by time, whatever files they came from."""

    owners: tuple[str, ...]
    """Keys of profiles (events.types.profile_key), sorted: "u:" users, "v:" visitors."""
    items: tuple[str, ...]
    """Ids, sorted."""
    owner: I32
    """(n,) position in `owners`."""
    item: I32
    """(n,) position in `items`."""
    time_s: I64
    type: U8
    quantity: I32
    mark: U64
    """(n,) under which the store of profiles has the row's record."""
    days: tuple[DayRead, ...] = ()
    """What was read, oldest first."""
    days_left_out: int = 0
    """Older days of the archive that were not: out of the window, or beyond the bound on rows."""

    def __len__(self) -> int:
        return len(self.owner)

    def before(self, cut_s: int) -> Log:
        """As if the log had ended at `cut_s` (epoch seconds)."""
        mask = self.time_s < cut_s
        columns = ("owner", "item", "time_s", "type", "quantity", "mark")
        return replace(self, **{name: getattr(self, name)[mask] for name in columns})


def read_log(archive: ParquetArchive, *, days: int, rows_max: int, report: Report | None = None) -> Log:
    """The newest `days` days of the archive, at most about `rows_max` rows, the newest first.

    Raises DataError naming a damaged file, ArchiveUnavailable.
    """
    every = archive.days()
    wanted = [day for day in every if day > every[-1] - timedelta(days=days)] if every else []
    rows, read, count = [_rows(pa.table([]), {}, {})], [], 0
    owners: dict[str, int] = {}
    items: dict[str, int] = {}
    for done, day in enumerate(reversed(wanted)):
        if count >= rows_max:
            break
        if report:
            report("reading the event log", done, len(wanted))
        names = [file.name for file in archive.files(day)]
        for table in archive.tables(day, day):
            rows.append(_rows(table, owners, items))
            count += len(rows[-1]["owner"])
            read.append(DayRead(day, len(names), len(table), hashlib.sha256("\n".join(names).encode()).hexdigest()))
    columns = {name: np.concatenate([part[name] for part in rows]) for name in rows[0]}
    order = np.lexsort((columns["mark"], columns["time_s"]))
    columns = {name: column[order] for name, column in columns.items()}
    owner_names, columns["owner"] = _sorted(owners, columns["owner"])
    item_names, columns["item"] = _sorted(items, columns["item"])
    return Log(owner_names, item_names, **columns, days=tuple(reversed(read)), days_left_out=len(every) - len(read))


def sessions(owner: npt.NDArray[np.integer], time_s: I64) -> I64:
    """(n,) number of the session of each row: an owner's rows without a gap of SESSION_GAP_S."""
    order = np.lexsort((time_s, owner))
    who, when = owner[order], time_s[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (who[1:] != who[:-1]) | (when[1:] - when[:-1] > SESSION_GAP_S)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(begins) - 1
    return numbers


def _rows(table: pa.Table, owners: dict[str, int], items: dict[str, int]) -> dict[str, npt.NDArray[Any]]:
    """The rows of one table; names that are new are added to `owners` and `items`."""
    if not len(table):
        kinds = {"owner": "i4", "item": "i4", "time_s": "i8", "type": "u1", "quantity": "i4", "mark": "u8"}
        return {name: np.zeros(0, kind) for name, kind in kinds.items()}
    known = table.filter(pc.is_in(table["event_type"], pa.array(LEARNT))).combine_chunks()
    parents = pc.list_parent_indices(known["items"]).to_numpy().astype(np.int64)
    entries = pc.list_flatten(known["items"])
    event = np.array([hash64(event_id) for event_id in known["event_id"].to_pylist()], np.uint64)
    position = np.arange(len(parents)) - np.searchsorted(parents, parents)
    keys = pc.if_else(
        pc.equal(known["user_id"], ""),
        pc.binary_join_element_wise("v:", known["visitor_id"], ""),
        pc.binary_join_element_wise("u:", known["user_id"], ""),
    )
    kinds = _coded(known["event_type"], dict(TYPE_CODES))
    times = known["event_time"].cast(pa.timestamp("s", tz="UTC")).cast(pa.int64()).to_numpy()
    return {
        "owner": _coded(keys, owners)[parents],
        "item": _coded(pc.struct_field(entries, "item_id"), items),
        "time_s": times[parents],
        "type": kinds[parents].astype(np.uint8),
        "quantity": pc.struct_field(entries, "quantity").to_numpy().astype(np.int32),
        "mark": record_mark(event[parents], position.astype(np.uint64)),
    }


def _coded(texts: pa.ChunkedArray, numbers: dict[str, int]) -> I32:
    """(n,) the number of each text; new ones are added to `numbers`."""
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    coded = whole.dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    of_word = np.array([numbers.setdefault(word, len(numbers)) for word in coded.dictionary.to_pylist()], np.int32)
    return of_word[coded.indices.to_numpy()] if len(of_word) else np.zeros(0, np.int32)


def _sorted(numbers: dict[str, int], column: I32) -> tuple[tuple[str, ...], I32]:
    """The names in order, and the column with their places in it."""
    names: Sequence[str] = sorted(numbers)
    place = np.empty(len(names), np.int32)
    place[[numbers[name] for name in names]] = np.arange(len(names), dtype=np.int32)
    return tuple(names), place[column]
