"""What happened on one day, counted so that counting in parts, in any order, gives exactly what counting at once does.

All of it is whole numbers and sets: a `Day` of some events merged with the `Day` of others is the `Day` of all of them
(an associative and commutative sum, with `EMPTY` as its zero). Nothing here decays: see trends.py.

Pairs are counted per visitor and day, each pair of distinct items that he viewed once. Who viewed more than
VIEWED_ITEMS_MAX items on a day is a crawler or a wholesaler and counts for no pair at all, whatever came first; of him
the name alone is kept. So a day takes 16 bytes a distinct view, and 16 a distinct pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.core.ids import hash64
from serving.events.types import PURCHASE, TYPE_CODES, VIEW

VIEWED_ITEMS_MAX: Final = 100
"""As in training (model_repo/together): visits of more items say nothing of their pairs."""
PAIRS_AT_ONCE: Final = 2_000_000
"""Pairs that are held before they are added up."""
STOCKOUT: Final = TYPE_CODES["stockout-seen"]
COUNTED: Final = ("detail-page-view", "purchase-complete", "stockout-seen")
"""The event types that count."""

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Names = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Events of one day as columns (m,), one row an item of an event; no event stands in two of them.

    names: (k,) distinct item ids. item: number of the name. event: number of the event. kind: code of types.py.
    visitor: hash of the profile key, 0 = nobody. time_s: epoch seconds.
    """

    names: tuple[str, ...]
    item: I64
    event: I64
    kind: npt.NDArray[np.uint8]
    visitor: U64
    time_s: I64

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """The counters of one day over its n items, in the order of their hashes."""

    keys: U64
    """(n,) hash64 of the item ids, ascending."""
    names: Names
    """(n,) the ids."""
    bought: I64
    """(n,) purchases with the item."""
    viewed: I64
    """(n,) views of the item."""
    seen_visitor: U64
    """(s,) who viewed what, each once, by visitor, then item; nobody of `crowded`."""
    seen_item: I64
    """(s,) numbers of items."""
    crowded: U64
    """(c,) visitors who viewed too many items, ascending."""
    pairs: U64
    """(p,) the pairs viewed by somebody, ascending: number of the lower item << 32 | number of the higher one."""
    together: I64
    """(p,) visitors who viewed both; above 0."""
    short_visitor: U64
    """(o,) who saw what out of stock, each once, by visitor, then item."""
    short_item: I64
    """(o,) numbers of items."""
    short_s: I64
    """(o,) when he saw it last, epoch seconds."""

    @property
    def viewers(self) -> I64:
        """(n,) visitors who viewed the item and count for pairs."""
        found: I64 = np.bincount(self.seen_item, minlength=len(self.keys)).astype(np.int64)
        return found

    def same(self, other: Day) -> bool:
        """Whether every counter is equal."""
        return all(np.array_equal(mine, theirs) for mine, theirs in zip(columns(self), columns(other), strict=True))


def columns(day: Day) -> tuple[npt.NDArray[Any], ...]:
    """The arrays of a day, in the order of its fields."""
    return (
        day.keys, day.names, day.bought, day.viewed, day.seen_visitor, day.seen_item, day.crowded, day.pairs,
        day.together, day.short_visitor, day.short_item, day.short_s,
    )  # fmt: skip


def _none(kind: Any) -> Any:
    return np.zeros(0, kind)


EMPTY: Final = Day(
    _none(np.uint64), _none(object), _none(np.int64), _none(np.int64), _none(np.uint64), _none(np.int64),
    _none(np.uint64), _none(np.uint64), _none(np.int64), _none(np.uint64), _none(np.int64), _none(np.int64),
)  # fmt: skip
"""Of no events."""


def counted(rows: Rows) -> Day:
    """The counters of some events. O(m log m + pairs)."""
    if not len(rows):
        return EMPTY
    hashes = np.fromiter(map(hash64, rows.names), np.uint64, len(rows.names))
    used = np.unique(rows.item)
    keys, first, number = np.unique(hashes[used], return_index=True, return_inverse=True)
    names = np.array(rows.names, object)[used[first]]
    place = np.zeros(len(rows.names), np.int64)
    place[used] = number
    item = place[rows.item]
    n = len(keys)
    _, once = np.unique(rows.event * n + item, return_index=True)  # an event may name an item twice
    item, kind, visitor, time_s = item[once], rows.kind[once], rows.visitor[once], rows.time_s[once]
    views, shorts = (kind == VIEW), (kind == STOCKOUT)
    known = visitor != 0
    seen_visitor, seen_item, crowded = _settled(visitor[views & known], item[views & known], _none(np.uint64))
    pairs, together = pairs_of(seen_visitor, seen_item)
    short = _latest(visitor[shorts & known], item[shorts & known], time_s[shorts & known])
    return Day(
        keys, names, _count(item[kind == PURCHASE], n), _count(item[views], n), seen_visitor, seen_item, crowded,
        pairs, together, *short,
    )  # fmt: skip


def merge(one: Day, other: Day) -> Day:
    """The counters of the events of both, which have none in common. O(size of the larger + pairs of the smaller)."""
    large, small = (one, other) if len(one.seen_item) >= len(other.seen_item) else (other, one)
    if not len(small.keys):
        return large
    keys, names, (at_large, at_small) = united((large.keys, small.keys), (large.names, small.names))
    a, b = _moved(large, keys, names, at_large), _moved(small, keys, names, at_small)
    crowded = np.union1d(a.crowded, b.crowded)
    touched = np.union1d(np.unique(b.seen_visitor), b.crowded)
    mine = _rows_of(a.seen_visitor, touched)
    visitor, item, crowded = _settled(
        np.concatenate((a.seen_visitor[mine], b.seen_visitor)),
        np.concatenate((a.seen_item[mine], b.seen_item)),
        crowded,
    )
    gone, gone_count = pairs_of(a.seen_visitor[mine], a.seen_item[mine])
    come, come_count = pairs_of(visitor, item)
    pairs, together = summed(
        np.concatenate((a.pairs, gone, come)), np.concatenate((a.together, -gone_count, come_count))
    )
    rest_visitor, rest_item = np.delete(a.seen_visitor, mine), np.delete(a.seen_item, mine)
    where = np.searchsorted(rest_visitor, visitor)
    short = _latest(
        np.concatenate((a.short_visitor, b.short_visitor)),
        np.concatenate((a.short_item, b.short_item)),
        np.concatenate((a.short_s, b.short_s)),
    )
    return Day(
        keys, names, a.bought + b.bought, a.viewed + b.viewed, np.insert(rest_visitor, where, visitor),
        np.insert(rest_item, where, item), crowded, pairs, together, *short,
    )  # fmt: skip


def united(every: tuple[U64, ...], names: tuple[Names, ...]) -> tuple[U64, Names, list[I64]]:
    """All items of several lists by their hashes, their ids, and where those of each list stand."""
    keys = np.unique(np.concatenate(every))
    out = np.empty(len(keys), object)
    places: list[I64] = []
    for mine, mine_names in zip(every, names, strict=True):
        at = np.searchsorted(keys, mine)
        out[at] = mine_names
        places.append(at)
    return keys, out, places


def renumbered(pairs: U64, place: I64) -> U64:
    """Pairs whose items have other numbers now; `place` keeps their order."""
    low, high = (
        place[(pairs >> np.uint64(32)).astype(np.int64)],
        place[(pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)],
    )
    return (low.astype(np.uint64) << np.uint64(32)) | high.astype(np.uint64)


def summed(keys: U64, counts: I64) -> tuple[U64, I64]:
    """Each key once, ascending, with the sum of its counts; those that come to 0 are left out."""
    if not len(keys):
        return keys, counts
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    begins = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    sums = np.add.reduceat(counts, begins)
    kept = sums != 0
    return keys[begins][kept], sums[kept]


def pairs_of(visitor: U64, item: I64) -> tuple[U64, I64]:
    """The pairs of distinct items of each visitor and how many visitors have them. Rows by visitor, then item."""
    found: tuple[U64, I64] = (_none(np.uint64), _none(np.int64))
    for keys in _pair_keys(visitor, item):
        some, counts = np.unique(keys, return_counts=True)
        found = summed(np.concatenate((found[0], some)), np.concatenate((found[1], counts.astype(np.int64))))
    return found


def _pair_keys(visitor: U64, item: I64) -> Iterator[U64]:
    """In portions. Each row is paired with those of the same visitor that come after it."""
    n = len(visitor)
    if not n:
        return
    ends = np.append(np.flatnonzero(visitor[1:] != visitor[:-1]) + 1, n)
    after = np.repeat(ends, np.diff(ends, prepend=0)) - np.arange(n) - 1
    portion = np.cumsum(after) // PAIRS_AT_ONCE
    for begin, stop in _runs(portion):
        count = after[begin:stop]
        left = np.repeat(np.arange(begin, stop), count)
        step = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
        right = left + 1 + step
        yield (item[left].astype(np.uint64) << np.uint64(32)) | item[right].astype(np.uint64)


def _runs(values: I64) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of equal values."""
    cuts = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)]
    yield from pairwise(cuts)


def _settled(visitor: U64, item: I64, crowded: U64) -> tuple[U64, I64, U64]:
    """Who viewed what, each once and sorted, without those who viewed too much; and who they are."""
    order = np.lexsort((item, visitor))
    visitor, item = visitor[order], item[order]
    if not len(visitor):
        return visitor, item, crowded
    new = np.concatenate(([True], (visitor[1:] != visitor[:-1]) | (item[1:] != item[:-1])))
    visitor, item = visitor[new], item[new]
    who, count = np.unique(visitor, return_counts=True)
    crowded = np.union1d(crowded, who[count > VIEWED_ITEMS_MAX])
    stay = ~np.isin(visitor, crowded)
    return visitor[stay], item[stay], crowded


def _latest(visitor: U64, item: I64, time_s: I64) -> tuple[U64, I64, I64]:
    """Each visitor and item once, sorted, with the latest time."""
    order = np.lexsort((time_s, item, visitor))
    visitor, item, time_s = visitor[order], item[order], time_s[order]
    if len(visitor):
        last = np.concatenate(((visitor[1:] != visitor[:-1]) | (item[1:] != item[:-1]), [True]))
        visitor, item, time_s = visitor[last], item[last], time_s[last]
    return visitor, item, time_s


def _rows_of(visitor: U64, wanted: U64) -> I64:
    """Which rows of the sorted `visitor` are of those wanted, ascending as these are."""
    begin, end = np.searchsorted(visitor, wanted, "left"), np.searchsorted(visitor, wanted, "right")
    count = end - begin
    found: I64 = np.repeat(begin - np.cumsum(count) + count, count) + np.arange(int(count.sum()))
    return found


def _moved(day: Day, keys: U64, names: Names, place: I64) -> Day:
    """The day over more items; `place` says where its own stand among them, in the same order."""
    if len(keys) == len(day.keys):
        return day
    bought, viewed = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    bought[place], viewed[place] = day.bought, day.viewed
    return replace(
        day, keys=keys, names=names, bought=bought, viewed=viewed, seen_item=place[day.seen_item],
        pairs=renumbered(day.pairs, place), short_item=place[day.short_item],
    )  # fmt: skip


def _count(item: I64, n: int) -> I64:
    found: I64 = np.bincount(item, minlength=n).astype(np.int64)
    return found
