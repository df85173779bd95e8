"""Profiles of training history: how they are made from past events, and how they lie on disk (profiles.npz)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from serving.core.errors import DataError
from serving.events.records import RECORD

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class History:
    """The newest records of every user, by time. Records offsets[i] to offsets[i + 1] belong to users[i]."""

    users: npt.NDArray[np.int64]
    """(m,) numbers of the users who have records, ascending."""
    records: npt.NDArray[np.void]
    """(r,) of dtype RECORD."""
    offsets: npt.NDArray[np.int64]
    """(m + 1,)"""


def history_from_events(
    users: npt.NDArray[np.integer],
    item_hashes: U64,
    time_s: npt.NDArray[np.integer],
    type: npt.NDArray[np.integer],
    quantity: npt.NDArray[np.integer],
    *,
    marks: U64 | None = None,
    records_max: int = 512,
) -> History:
    """All columns (n,), one row an item of an event; rows of user -1 (nobody known) are left out.

    marks: the event hash of rows whose record the store has already, 0 = it has none, so that seeding the history
    repeats nothing; None = 0 for all of them.

    A record's event hash mixes time, type, item and how often the same has been there before in that user's second:
    it depends neither on the order of the rows nor on how baskets are numbered, so that the history of a longer file
    repeats that of a shorter one and seeding it again adds what is new.
    """
    rows = np.flatnonzero(np.asarray(users) >= 0)
    rows = rows[np.lexsort((item_hashes[rows], type[rows], time_s[rows], users[rows]))]
    user, time, item, kind = users[rows], time_s[rows], item_hashes[rows], type[rows]
    same = np.zeros(len(rows), bool)
    same[1:] = (user[1:] == user[:-1]) & (time[1:] == time[:-1]) & (kind[1:] == kind[:-1]) & (item[1:] == item[:-1])
    starts = np.flatnonzero(np.r_[True, user[1:] != user[:-1]]) if len(rows) else np.zeros(0, np.int64)
    ends = np.r_[starts[1:], len(rows)] if len(rows) else starts
    from_end = np.repeat(ends, ends - starts) - np.arange(len(rows))
    kept = from_end <= records_max
    records = np.zeros(int(kept.sum()), RECORD)
    made = _event_hashes(time, kind, item, _run_positions(same))
    known = made if marks is None else np.where(marks[rows] != 0, marks[rows], made)
    records["event"] = known[kept]
    records["item"], records["time_s"], records["type"] = item[kept], time[kept], kind[kept]
    records["quantity"] = np.clip(quantity[rows][kept], 1, 65535)
    sizes = np.minimum(ends - starts, records_max)
    return History(user[starts].astype(np.int64), records, np.r_[0, np.cumsum(sizes)].astype(np.int64))


def write_history(
    path: Path | BinaryIO, keys: Sequence[str], records: npt.NDArray[np.void], offsets: npt.NDArray[np.int64]
) -> None:
    """keys: (m,) profile keys; records: (r,) RECORD; offsets: (m + 1,)."""
    encoded = [key.encode() for key in keys]
    key_offsets = np.r_[0, np.cumsum([len(key) for key in encoded])].astype(np.int64)
    with path.open("wb") if isinstance(path, Path) else nullcontext(path) as file:
        np.savez(
            file,
            keys=np.frombuffer(b"".join(encoded), np.uint8),
            key_offsets=key_offsets,
            records=np.asarray(records, RECORD),
            offsets=np.asarray(offsets, np.int64),
        )


def read_history(path: Path) -> Iterator[tuple[str, bytes]]:
    """(profile key, blob) of every user. Raises DataError, before the first one, if the file cannot be used."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            keys, key_offsets = arrays["keys"].tobytes(), arrays["key_offsets"]
            records, offsets = arrays["records"], arrays["offsets"]
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise DataError(str(path), f"no readable history of profiles ({error}): train again") from None
    sound = (
        records.dtype == RECORD
        and len(offsets) == len(key_offsets)
        and _covers(offsets, len(records))
        and _covers(key_offsets, len(keys))
    )
    if not sound:
        raise DataError(str(path), "the arrays of the history do not fit together: train again")
    return _profiles(keys, key_offsets, records, offsets)


def _profiles(
    keys: bytes, key_offsets: npt.NDArray[np.int64], records: npt.NDArray[np.void], offsets: npt.NDArray[np.int64]
) -> Iterator[tuple[str, bytes]]:
    names, bounds = key_offsets.tolist(), offsets.tolist()
    for at in range(len(bounds) - 1):
        yield keys[names[at] : names[at + 1]].decode(), records[bounds[at] : bounds[at + 1]].tobytes()


def _covers(offsets: npt.NDArray[np.int64], size: int) -> bool:
    return bool(len(offsets) and offsets[0] == 0 and offsets[-1] == size and np.all(np.diff(offsets) >= 0))


def _run_positions(same: npt.NDArray[np.bool_]) -> U64:
    """For every row, how many rows directly before it are `same` as it: 0, 1, 2, ..."""
    at = np.arange(len(same))
    first = np.maximum.accumulate(np.where(same, 0, at)) if len(same) else at
    return (at - first).astype(np.uint64)


def _event_hashes(time: npt.NDArray[np.integer], kind: npt.NDArray[np.integer], item: U64, position: U64) -> U64:
    place = (np.asarray(time).astype(np.uint64) << np.uint64(8)) | np.asarray(kind).astype(np.uint64)
    mixed = splitmix64(splitmix64(place) ^ splitmix64(item) ^ (position * np.uint64(0xD1B54A32D192ED03)))
    return np.where(mixed == 0, np.uint64(1), mixed)


def splitmix64(values: U64) -> U64:
    """A bijective mix of 64 bits, (n,). Steele, Lea, Flood 2014, as in Vigna's splitmix64.c."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
