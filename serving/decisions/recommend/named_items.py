"""The items that queries name: those that they are about, and those that they exclude, give or pin."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from serving.core.catalogue import Catalogue
from serving.core.ports import I32, I64
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.kinds import SHAPES_MAX, Kind

NO_ROWS: I32 = np.zeros(0, np.int32)


class Lists:
    """Rows of the catalogue that each query names, as one array and where each query's begin."""

    __slots__ = ("_ends", "_rows")

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._ends = [0]

    def add(self, rows: Sequence[int] = ()) -> None:
        self._rows += rows
        self._ends.append(len(self._rows))

    def __bool__(self) -> bool:
        return bool(self._rows)

    def arrays(self) -> tuple[I32, I64]:
        """rows (m,) and ptr (b + 1,)."""
        return (np.array(self._rows, np.int32) if self._rows else NO_ROWS), np.array(self._ends, np.int64)


class Named:
    """What the queries name beside the items that they are about: false while that is nothing."""

    __slots__ = ("blocked", "given", "pinned", "places")

    def __init__(self) -> None:
        self.blocked, self.given, self.pinned = Lists(), Lists(), Lists()
        self.places: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.blocked or self.given or self.pinned)

    def add(
        self, blocked: Sequence[int], given: Sequence[int], pinned: Sequence[int], places: Sequence[int]
    ) -> None:  # fmt: skip
        self.blocked.add(blocked)
        self.given.add(given)
        self.pinned.add(pinned)
        self.places += places


def named_in(
    queries: Sequence[Query], kinds: Sequence[Kind], catalogue: Catalogue
) -> tuple[Lists, Named, list[tuple[str, ...]]]:
    """The context items, what else the queries name, and the ids among it that are not known. Empty where nothing is
    named."""
    context, named = Lists(), Named()
    if not any(query.item_ids or query.exclude or query.given or query.pins for query in queries):
        return context, named, [()] * len(queries)
    missing = []
    for query, kind in zip(queries, kinds, strict=True):
        rows, unknown = _rows(query.item_ids, catalogue)
        context.add(rows if kind.about_items else ())
        given, absent = _rows(query.given or (), catalogue)
        pinned, places, unpinned = _pins(query, catalogue)
        named.add(_rows(query.exclude, catalogue)[0], given, pinned, places)
        missing.append((*unknown, *absent, *unpinned))
    return context, named, missing


@lru_cache(maxsize=SHAPES_MAX)
def no_rows_of(b: int) -> I64:
    """The ptr of b queries that name nothing."""
    return np.zeros(b + 1, np.int64)


def _pins(query: Query, catalogue: Catalogue) -> tuple[list[int], list[int], tuple[str, ...]]:
    """Rows of the pinned items that are known, their places, and the ids of the others."""
    if not query.pins:
        return [], [], ()
    rows, places, unknown = [], [], []
    for pin in query.pins:
        row = catalogue.row_of.get(pin.item_id)
        if row is None or catalogue.items[row].deleted:
            unknown.append(pin.item_id)
        else:
            rows.append(row)
            places.append(pin.place)
    return rows, places, tuple(unknown)


def _rows(item_ids: Sequence[str], catalogue: Catalogue) -> tuple[list[int], tuple[str, ...]]:
    """Rows of the known items, and the ids of the others (deleted ones among them)."""
    if not item_ids:
        return [], ()
    rows, unknown = [], []
    for item_id in item_ids:
        row = catalogue.row_of.get(item_id)
        if row is None or catalogue.items[row].deleted:
            unknown.append(item_id)
        else:
            rows.append(row)
    return rows, tuple(unknown)
