"""The counters of many days read at one moment: what trends, what is viewed together, what was seen out of stock.

What lies back counts less: half after `half_life_days`, day by day. The weights are whole numbers, so that a sum is the
same in whatever order it is added up, and what was counted incrementally equals a recount to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import fsum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.core.association import likelihood_ratio, lower_bound
from serving.events.counters import EMPTY, I64, U64, Day, Names, renumbered, summed, united

ONE: Final = 1 << 20
"""The weight of what happened today."""
SUPPORT_MIN: Final = 3
"""Visitors of today, or more of days before, that a pair needs; this and the next two as in training (together)."""
SIGNIFICANCE: Final = 10.83
Z: Final = 1.96
NEIGHBOURS: Final = 20
"""Items viewed together that are kept of an item: the strongest."""
SHORT_SEEN_MAX: Final = 20
"""Sights of an item out of stock that are kept: the latest, one a visitor."""
SHORT_DAYS: Final = 8
"""Days whose sights are looked at."""
EPOCH: Final = date(1970, 1, 1)

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Trends:
    """Over n items, in the order of their hashes. Immutable."""

    made_day: int
    """Days since the epoch: from which the decay counts."""
    half_life_days: float
    names: Names
    """(n,) item ids."""
    bought_day: I32
    """(q,) days since the epoch, ascending: on that day"""
    bought_item: I32
    """(q,) this item"""
    bought: I64
    """(q,) was in so many purchases."""
    views: I64
    """(n,) decayed views, in parts of ONE."""
    ptr: I64
    """(n + 1,) the items viewed together with item i more often than by chance stand at ptr[i]:ptr[i + 1]."""
    cols: I32
    """(e,) ascending within an item."""
    vals: F32
    """(e,) share of the item's viewers who view the other one too, times a lower bound of the log lift; above 0."""
    short_ptr: I64
    """(n + 1,) of sights of item i out of stock."""
    short_s: I64
    """(o,) epoch seconds, one a visitor, the latest first."""

    @property
    def empty(self) -> bool:
        """Whether nothing was counted."""
        return not len(self.names)

    def trending(self) -> I64:
        """(n,) decayed purchases, in parts of ONE."""
        out = np.zeros(len(self.names), np.int64)
        weights = np.array([weight(self.made_day - day, self.half_life_days) for day in self.bought_day.tolist()])
        np.add.at(out, self.bought_item, self.bought * weights.astype(np.int64))
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Days added up; of views and pairs what is left of them today, in parts of ONE. Sums of Sums are exact."""

    keys: U64
    names: Names
    views: I64
    viewers: I64
    pairs: U64
    together: I64

    @classmethod
    def of(cls, day: Day, parts: int) -> Sums:
        """Of one day, each count being worth so many parts."""
        return cls(
            day.keys, day.names, day.viewed * parts, day.viewers * parts, day.pairs if parts else EMPTY.pairs,
            day.together * parts if parts else EMPTY.together,
        )  # fmt: skip

    def plus(self, other: Sums) -> Sums:
        """Of the days of both."""
        keys, names, (here, there) = united((self.keys, other.keys), (self.names, other.names))
        views, viewers = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
        for sums, at in ((self, here), (other, there)):
            views[at] += sums.views
            viewers[at] += sums.viewers
        pairs, together = summed(
            np.concatenate((renumbered(self.pairs, here), renumbered(other.pairs, there))),
            np.concatenate((self.together, other.together)),
        )
        return Sums(keys, names, views, viewers, pairs, together)


NOTHING: Final = Sums.of(EMPTY, ONE)


@dataclass(frozen=True, slots=True, eq=False)
class Single:
    """What of one day is not added up: purchases by day, and sights out of stock."""

    keys: U64
    names: Names
    bought: I64
    short_visitor: U64
    short_item: I64
    short_s: I64

    @classmethod
    def of(cls, day: Day) -> Single:
        """Of a whole day."""
        return cls(day.keys, day.names, day.bought, day.short_visitor, day.short_item, day.short_s)


def day_number(day: date) -> int:
    """Days since the epoch."""
    return (day - EPOCH).days


def weight(age_days: int, half_life_days: float) -> int:
    """What a count of a day so long ago is worth, in parts of ONE; a day to come counts as today."""
    return round(ONE * float(2.0 ** (-max(age_days, 0) / half_life_days)))


def trends(sums: Sums, days: Mapping[date, Single], today: date, half_life_days: float) -> Trends:
    """What is published of the days: `sums` of all of them, and each by itself."""
    ordered = sorted(days)
    keys, names, places = united(
        (sums.keys, *(days[day].keys for day in ordered)), (sums.names, *(days[day].names for day in ordered))
    )
    n = len(keys)
    bought = [(day_number(day), place, days[day].bought) for day, place in zip(ordered, places[1:], strict=True)]
    ptr, cols, vals = _viewed_together(sums, places[0], n)
    recent = [
        (days[day], place)
        for day, place in zip(ordered, places[1:], strict=True)
        if (today - day).days < SHORT_DAYS and len(days[day].short_s)
    ]
    short_ptr, short_s = _sights(recent, n)
    views = np.zeros(n, np.int64)
    views[places[0]] = sums.views
    return Trends(
        day_number(today), half_life_days, names,
        _joined([np.full(int((count > 0).sum()), number) for number, _, count in bought], np.int32),
        _joined([place[count > 0] for _, place, count in bought], np.int32),
        _joined([count[count > 0] for _, _, count in bought], np.int64),
        views, ptr, cols, vals, short_ptr, short_s,
    )  # fmt: skip


def _viewed_together(sums: Sums, place: I64, n: int) -> tuple[I64, I32, F32]:
    """CSR (n, n) of the significant pairs: the definition of training (model_repo/together/build.py), on what is left
    of the counts today."""
    low = (sums.pairs >> np.uint64(32)).astype(np.int64)
    high = (sums.pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
    both = sums.together / ONE
    each = len(sums.keys)
    mates = np.bincount(low, both, each).astype(np.float64) + np.bincount(high, both, each)
    everything = max(2.0 * int(sums.together.sum()) / ONE, 1.0)
    total = max(everything - fsum((mates * mates).tolist()) / everything, 1e-9)  # exact: the same in every process
    enough = both >= SUPPORT_MIN
    low, high, both = low[enough], high[enough], both[enough]
    bound = lower_bound(both, mates[low], mates[high], total, Z)
    sure = (bound > 0) & (likelihood_ratio(both, mates[low], mates[high], total) >= SIGNIFICANCE)
    low, high, both, bound = low[sure], high[sure], both[sure], bound[sure]
    viewers = sums.viewers / ONE
    row, col = np.concatenate((place[low], place[high])), np.concatenate((place[high], place[low]))
    value = np.concatenate((both / viewers[low] * bound, both / viewers[high] * bound)).astype(np.float32)
    order = np.lexsort((col, -value, row))
    row, col, value = row[order], col[order], value[order]
    begin = np.searchsorted(row, np.arange(n))
    kept = np.arange(len(row)) - begin[row] < NEIGHBOURS if len(row) else np.zeros(0, np.bool_)
    row, col, value = row[kept], col[kept], value[kept]
    order = np.lexsort((col, row))
    ptr = np.searchsorted(row, np.arange(n + 1)).astype(np.int64)
    return ptr, col[order].astype(np.int32), value[order]


def _sights(days: list[tuple[Single, I64]], n: int) -> tuple[I64, I64]:
    """ptr (n + 1,) and times, the latest first, at most SHORT_SEEN_MAX an item; each visitor's last one alone."""
    visitor = _joined([day.short_visitor for day, _ in days], np.uint64)
    item = _joined([place[day.short_item] for day, place in days], np.int64)
    time_s = _joined([day.short_s for day, _ in days], np.int64)
    order = np.lexsort((-time_s, visitor, item))
    visitor, item, time_s = visitor[order], item[order], time_s[order]
    if len(item):
        first = np.concatenate(([True], (visitor[1:] != visitor[:-1]) | (item[1:] != item[:-1])))
        item, time_s = item[first], time_s[first]
        order = np.lexsort((-time_s, item))
        item, time_s = item[order], time_s[order]
        kept = np.arange(len(item)) - np.searchsorted(item, item) < SHORT_SEEN_MAX
        item, time_s = item[kept], time_s[kept]
    return np.searchsorted(item, np.arange(n + 1)).astype(np.int64), time_s


def _joined(parts: list[Any], kind: Any) -> Any:
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, kind)
