"""The folder of the counters:

    day=2026-11-26.npz     what was counted of a day, and the files of the archive of which it was counted
    live.npz               what replicas read: all days as they stand at the moment
    past/VERSION.npz       the same of before, for replays, as far as PAST_BYTES_MAX reaches

Each is replaced by one rename. The version is made of the content: the same counts have the same one.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from serving.adapters import disk
from serving.adapters.model_files import Spec, decode_ids, dump_arrays, encode_ids, load_arrays
from serving.core.errors import ModelDamaged
from serving.decisions.recommend.live import Counters
from serving.events.counters import Day
from serving.events.trends import Trends

DAY: Final[Spec] = {
    "files": ("uint8", 1),  # UTF-8, one name a line; likewise names
    "names": ("uint8", 1),
    "keys": ("uint64", 1),
    "bought": ("int64", 1),
    "viewed": ("int64", 1),
    "seen_visitor": ("uint64", 1),
    "seen_item": ("int32", 1),
    "crowded": ("uint64", 1),
    "pairs": ("uint64", 1),
    "together": ("int32", 1),
    "short_visitor": ("uint64", 1),
    "short_item": ("int32", 1),
    "short_s": ("int64", 1),
}
TRENDS: Final[Spec] = {
    "made_day": ("int64", 0),
    "half_life_days": ("float64", 0),
    "names": ("uint8", 1),
    "bought_day": ("int32", 1),
    "bought_item": ("int32", 1),
    "bought": ("int64", 1),
    "views": ("int64", 1),
    "ptr": ("int64", 1),
    "cols": ("int32", 1),
    "vals": ("float32", 1),
    "short_ptr": ("int64", 1),
    "short_s": ("int64", 1),
}
LIVE: Final = "live.npz"
PAST: Final = "past"
PAST_BYTES_MAX: Final = 256 << 20
PAST_MAX: Final = 5000
VERSION_CHARS: Final = 16

_log = logging.getLogger(__name__)


class CounterFiles:
    """One folder. One writer at a time; readers may come at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stamp: tuple[int, int] | None = None
        self.live: Counters | None = None
        """What `look` saw last."""

    def published(self) -> bytes:
        """What is published now, as `read_counters` takes it; b"" = nothing. Raises OSError."""
        path = self.folder / LIVE
        return path.read_bytes() if path.exists() else b""

    def look(self) -> bool:
        """Takes up what is published now; whether it is another than before. A damaged file changes nothing."""
        try:
            found = (self.folder / LIVE).stat()
            stamp = (found.st_mtime_ns, found.st_ino)
        except OSError:
            stamp = None
        if stamp == self._stamp:
            return False
        self._stamp, before = stamp, self.live
        try:
            self.live = None if stamp is None else read_counters(self.folder / LIVE)
        except ModelDamaged as error:
            _log.warning("counters: %s; what was read before goes on", error.message)
        return (self.live and self.live.version) != (before and before.version)

    def age_s(self) -> float:
        """Seconds since what is published changed last; infinity where nothing is."""
        try:
            return max(time.time() - (self.folder / LIVE).stat().st_mtime, 0.0)
        except OSError:
            return float("inf")

    def find(self, version: str) -> Counters | None:
        """That version, None when it is not kept any more."""
        if self.live is not None and self.live.version == version:
            return self.live
        path = self.folder / PAST / f"{version}.npz"
        try:
            return read_counters(path) if version.isalnum() and path.is_file() else None
        except ModelDamaged:
            return None

    def publish(self, trends: Trends) -> Counters:
        """Makes them what replicas read. Raises OSError."""
        data = dump_arrays(_arrays(trends), TRENDS)
        version = _version(data)
        if self.live is None or self.live.version != version or not (self.folder / LIVE).exists():
            past = self.folder / PAST
            past.mkdir(parents=True, exist_ok=True)
            disk.replace(past / f"{version}.npz", data)
            disk.replace(self.folder / LIVE, data)
            self._sweep()
        self.live = Counters(version, trends)
        return self.live

    def read_day(self, day: date) -> tuple[frozenset[str], Day] | None:
        """Names of the files that are counted, and the counters; None where there is nothing that can be read."""
        path = self._path(day)
        if not path.exists():
            return None
        try:
            found: dict[str, Any] = load_arrays(path, DAY)
            files = frozenset(decode_ids(found.pop("files")))
            found["names"] = np.array(decode_ids(found["names"]), object)
            for name in ("seen_item", "together", "short_item"):
                found[name] = found[name].astype(np.int64)
            return files, Day(**found)
        except (ModelDamaged, UnicodeDecodeError) as error:
            _log.warning("counters of %s are counted anew: %s", day, error)
            return None

    def write_day(self, day: date, files: frozenset[str], counters: Day) -> None:
        """Raises OSError."""
        arrays: dict[str, Any] = {each.name: getattr(counters, each.name) for each in fields(Day)}
        arrays |= {"files": encode_ids(sorted(files)), "names": encode_ids(counters.names.tolist())}
        self.folder.mkdir(parents=True, exist_ok=True)
        disk.replace(self._path(day), dump_arrays(arrays, DAY))

    def days(self) -> list[date]:
        """Those that have a file, sorted."""
        found = []
        for path in self.folder.glob("day=*.npz"):
            with suppress(ValueError):  # not one of ours
                found.append(date.fromisoformat(path.stem.removeprefix("day=")))
        return sorted(found)

    def forget_people(self) -> None:
        """The counts of all days, which know visitors by a hash. Raises OSError."""
        for day in self.days():
            self.drop_day(day)

    def drop_day(self, day: date) -> None:
        """Forgets it. Raises OSError."""
        self._path(day).unlink(missing_ok=True)

    def _path(self, day: date) -> Path:
        return self.folder / f"day={day.isoformat()}.npz"

    def _sweep(self) -> None:
        """What was published longest ago goes first, and what a writer that was killed has begun."""
        for draft in (*self.folder.glob(f"*{disk.DRAFT}"), *(self.folder / PAST).glob(f"*{disk.DRAFT}")):
            draft.unlink(missing_ok=True)
        found = sorted(
            ((path.stat(), path) for path in (self.folder / PAST).glob("*.npz")), key=lambda p: p[0].st_mtime_ns
        )
        size, count = sum(stat.st_size for stat, _ in found), len(found)
        for stat, path in found[:-1]:
            if size <= PAST_BYTES_MAX and count <= PAST_MAX:
                break
            path.unlink(missing_ok=True)
            size, count = size - stat.st_size, count - 1


def version_of(trends: Trends) -> str:
    """The same for the same counts, as of the same day."""
    return _version(dump_arrays(_arrays(trends), TRENDS))


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:VERSION_CHARS]


def read_counters(path: Path) -> Counters:
    """Raises ModelDamaged for what does not hold together: the rows of a matrix are made of it."""
    try:
        data = path.read_bytes()  # at once: another file may take its place at any moment
        found: dict[str, Any] = load_arrays(path, TRENDS, data)
        found["names"] = np.array(decode_ids(found["names"]), object)
    except (OSError, UnicodeDecodeError) as error:
        raise ModelDamaged(f"{path.name}: {error}", file=path.name) from error
    trends = Trends(**{**found, "made_day": int(found["made_day"]), "half_life_days": float(found["half_life_days"])})
    n = len(trends.names)
    whole = (
        trends.half_life_days > 0
        and len(trends.views) == n
        and len(trends.bought_day) == len(trends.bought_item) == len(trends.bought)
        and _within(trends.bought_item, n)
        and _is_list(trends.ptr, len(trends.cols), n)
        and _is_list(trends.short_ptr, len(trends.short_s), n)
        and _within(trends.cols, n)
        and len(trends.vals) == len(trends.cols)
    )
    if not whole:
        raise ModelDamaged(f"{path.name}: its arrays do not fit together", file=path.name)
    return Counters(_version(data), trends)


def _arrays(trends: Trends) -> Mapping[str, Any]:
    found = {each.name: getattr(trends, each.name) for each in fields(Trends)}
    return {**found, "names": encode_ids(trends.names.tolist())}


def _within(values: Any, n: int) -> bool:
    return not len(values) or bool(values.min() >= 0 and values.max() < n)


def _is_list(ptr: Any, count: int, n: int) -> bool:
    return len(ptr) == n + 1 and ptr[0] == 0 and ptr[-1] == count and not bool((np.diff(ptr) < 0).any())
