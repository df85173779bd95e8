"""The one tidy form every reader produces and every builder reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Item


@dataclass(frozen=True, slots=True)
class EventTable:
    """One row = one item in one event (a line of an invoice, a view). Sorted by time, stable. All columns (n,)."""

    user: npt.NDArray[np.int32]
    """Number of the user (position in Dataset.users), -1 = nobody known: a basket only."""
    item: npt.NDArray[np.int32]
    """Number of the item (position in Dataset.items)."""
    time_s: npt.NDArray[np.int64]
    """Epoch seconds, UTC."""
    type: npt.NDArray[np.uint8]
    """Code of serving/events/types.py."""
    quantity: npt.NDArray[np.int32]
    price: npt.NDArray[np.int64]
    """Minor units a piece."""
    basket: npt.NDArray[np.int64]
    """Number of the invoice or session; rows with one number happened together."""
    mark: npt.NDArray[np.uint64] | None = None
    """Under which the store of profiles has the row's record (events.records), 0 = it is made from what the row says;
    None = so are all of them."""
    place: npt.NDArray[np.int32] | None = None
    """Position in Dataset.places, -1 = not known; None = of none."""

    def __len__(self) -> int:
        return len(self.item)

    def where(self, mask: npt.NDArray[np.bool_]) -> EventTable:
        """The rows where `mask` (n,) holds."""
        return self._rows(mask)

    def take(self, rows: npt.NDArray[np.integer]) -> EventTable:
        """These rows, in this order."""
        return self._rows(rows)

    @classmethod
    def joined(cls, tables: Sequence[EventTable]) -> EventTable:
        """The rows of all of them, one table after the other."""
        columns = {f.name: [getattr(table, f.name) for table in tables] for f in fields(cls)}
        marks = columns.pop("mark")
        places = columns.pop("place")
        return cls(
            **{name: np.concatenate(parts) for name, parts in columns.items()},
            mark=_filled(marks, tables, 0, np.uint64),
            place=_filled(places, tables, -1, np.int32),
        )

    def _rows(self, which: npt.NDArray[np.generic]) -> EventTable:
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return EventTable(**{name: None if one is None else one[which] for name, one in columns.items()})


def _filled(
    parts: Sequence[npt.NDArray[Any] | None], tables: Sequence[EventTable], missing: int, dtype: npt.DTypeLike
) -> npt.NDArray[Any] | None:
    """The column that only some tables have, `missing` for the others; None where none has it."""
    if all(part is None for part in parts):
        return None
    pairs = zip(parts, tables, strict=True)
    return np.concatenate([np.full(len(table), missing, dtype) if part is None else part for part, table in pairs])


@dataclass(frozen=True, slots=True)
class Kept:
    """One line of a reader's report: what happened to how many rows, and why."""

    what: str
    rows: int
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """What is known beside the sales: m rows, each about one day and one item or all of them.

    promo, out_of_stock, closed are 0 or 1 and mean: on promotion, could not be bought, the shop is closed; every other
    column is a number of the shop's own: of the day (weather, an event) where no row of it names an item, else the
    item's own (a competitor's price), of which the last known value counts.
    """

    names: tuple[str, ...]
    day: npt.NDArray[np.int64]
    """(m,) days since 1970-01-01; they may lie after the last sale."""
    item: npt.NDArray[np.int32]
    """(m,) position in Dataset.items, -1 = all."""
    values: npt.NDArray[np.float64]
    """(m, len(names)), nan = not said."""

    def renumbered(self, row_of: npt.NDArray[np.int32]) -> Outside:
        """row_of: (n,) new position of each item, -1 = it is gone, and what was said of it with it."""
        item = np.append(row_of, np.int32(-1))[self.item]  # the last is for all items, -1
        kept = (item >= 0) | (self.item < 0)
        return Outside(self.names, self.day[kept], item[kept].astype(np.int32), self.values[kept])

    def through(self, day: int) -> Outside:
        """What is said of days up to `day`."""
        kept = self.day <= day
        return Outside(self.names, self.day[kept], self.item[kept], self.values[kept])


@dataclass(frozen=True, slots=True)
class Dataset:
    """A shop's history. Items carry titles, prices and, where known, stock; users are their ids."""

    name: str
    sha256: str
    """Of the source file, or of the generator's settings."""
    items: tuple[Item, ...]
    users: tuple[str, ...]
    events: EventTable
    currency: str
    report: tuple[Kept, ...] = field(default=())
    places: tuple[str, ...] = ()
    """Where things were sold from or to; () = the data does not say."""
    outside: Outside | None = None
