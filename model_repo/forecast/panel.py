"""From a shop's history to daily units: what was sold, on which days it could have been sold, at which price."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset
from model_repo.forecast.groups import groups_of
from model_repo.forecast.outside import Surroundings, laid_out
from serving.core.errors import InvalidInput
from serving.core.ports import F32, I32, I64
from serving.events.types import PURCHASE, TYPE_CODES

DAYS_MAX: Final = 1100
"""Newest days of a history that are looked at: three years."""
DAY_S: Final = 86_400
CLOSED_ORDERS: Final = 5.0
"""A day without a sale is a closed day where so many order lines were to be expected: by chance it is one in 150."""
AROUND_DAYS: Final = 28
"""Days before and after from which is told how many order lines were to be expected."""
STOCKOUT: Final = TYPE_CODES["stockout-seen"]

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """n series of t days. Column 0 is a Monday; the last column is the last day of the history."""

    item_ids: tuple[str, ...]
    first_day: int
    """Days since 1970-01-01 of column 0."""
    units: F32
    """(n, t) pieces sold."""
    orders: F32
    """(n, t) order lines."""
    seen: Bools
    """(n, t) the shop was open, the item on sale and not known to be out of stock."""
    open: Bools
    """(t,) the shop sold something, or so little that a day without a sale says nothing."""
    start: I32
    """(n,) column of the first day on sale, t = never sold."""
    price: F32
    """(n, t) minor units of the last sale before or on that day, of the first one before that; 0 = never sold."""
    category: I32
    """(n,) number of the category."""
    categories: tuple[str, ...]
    around: Surroundings | None = None
    """What is known beside the sales; of the items alone in by_item, promo, out_of_stock."""

    @property
    def days(self) -> int:
        return self.units.shape[1]

    def __len__(self) -> int:
        return len(self.item_ids)


def panel_of(dataset: Dataset, outs: Bools | None = None) -> Panel:
    """The purchases of `dataset` by day (UTC); rows in the order of its items.

    outs: (n, t) days known to be out of stock, beside those of stockout-seen events and of dataset.outside; t as the
    panel has it. Raises InvalidInput when nothing was bought.
    """
    events = dataset.events
    bought = (events.type == PURCHASE) & (events.quantity > 0)
    if not bought.any():
        raise InvalidInput("transactions", "no purchase", "at least one sale of a product")
    n = len(dataset.items)
    day = events.time_s // DAY_S
    last = int(day[bought].max())
    first = max(int(day[bought].min()), last - DAYS_MAX + 1)
    first -= (first + 3) % 7  # 1970-01-01 was a Thursday
    t = last - first + 1
    rows = np.flatnonzero(bought & (day >= first))
    cell = events.item[rows].astype(np.int64) * t + (day[rows] - first)
    units = np.bincount(cell, weights=events.quantity[rows], minlength=n * t).reshape(n, t).astype(np.float32)
    orders = np.bincount(cell, minlength=n * t).reshape(n, t).astype(np.float32)
    sold = units > 0
    begin = int(day[bought].min()) - first
    start = np.where(sold.any(axis=1), sold.argmax(axis=1), t).astype(np.int32)
    open_days = _open(orders.sum(axis=0), max(begin, 0))
    columns = np.arange(t)
    seen = open_days & (columns >= start[:, None])
    seen &= ~_out_of_stock(dataset, day, first, sold)
    around = laid_out(dataset.outside, first, t, n)
    if around is not None:
        open_days &= ~around.closed[:t]
        seen &= open_days
        outs = around.out_of_stock if outs is None or around.out_of_stock is None else outs | around.out_of_stock
    if outs is not None:
        seen &= ~outs
    names = groups_of(dataset.items)
    numbers = {name: at for at, name in enumerate(sorted(set(names)))}
    return Panel(
        item_ids=tuple(item.item_id for item in dataset.items),
        first_day=first,
        units=units,
        orders=orders,
        seen=seen,
        open=open_days,
        start=start,
        price=_prices(events.item[rows], day[rows] - first, events.price[rows], n, t),
        category=np.array([numbers[name] for name in names], np.int32),
        categories=tuple(numbers),
        around=around,
    )


def _open(orders: F32, begin: int) -> Bools:
    """(t,) all days but those on which a shop as busy as on the days around sold nothing."""
    t = len(orders)
    sums = np.concatenate([[0.0], np.cumsum(orders, dtype=np.float64)])
    low = np.maximum(np.arange(t) - AROUND_DAYS, begin)
    high = np.minimum(np.arange(t) + AROUND_DAYS + 1, t)
    usual = (sums[high] - sums[np.minimum(low, high)]) / np.maximum(high - low, 1)
    out: Bools = (orders > 0) | (usual < CLOSED_ORDERS)
    out[:begin] = False
    return out


def _out_of_stock(dataset: Dataset, day: I64, first: int, sold: Bools) -> Bools:
    """(n, t) days with a stockout-seen event, and those between two of them without a sale."""
    events = dataset.events
    rows = np.flatnonzero((events.type == STOCKOUT) & (day >= first) & (day < first + sold.shape[1]))
    out = np.zeros(sold.shape, np.bool_)
    out[events.item[rows], day[rows] - first] = True
    for item in np.unique(events.item[rows]):
        marks = np.flatnonzero(out[item])
        for one, two in itertools.pairwise(marks):
            if not sold[item, one + 1 : two].any():
                out[item, one:two] = True
    return out


def _prices(item: I32, column: I64, price: I64, n: int, t: int) -> F32:
    """(n, t) the last price before or on each day. Rows are in order of time."""
    out = np.zeros((n, t), np.float32)
    out[item, column] = price  # of one cell's several rows the last one stays
    known = out > 0
    at = np.where(known, np.arange(t, dtype=np.int32), np.int32(-1))
    np.maximum.accumulate(at, axis=1, out=at)
    first = np.where(known.any(axis=1), known.argmax(axis=1), 0)
    at = np.where(at < 0, first[:, None], at)
    return np.take_along_axis(out, at, axis=1)
