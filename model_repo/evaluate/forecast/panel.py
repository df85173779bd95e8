"""Demand as a matrix: what was sold of each thing in each period."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset
from serving.core.errors import InvalidInput
from serving.core.ports import I64
from serving.events.types import PURCHASE

F64 = npt.NDArray[np.float64]
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Panel:
    """n series over t periods. The last period ends right before day `end`."""

    names: tuple[str, ...]
    units: F64
    """(n, t), pieces."""
    revenue: F64
    """(n, t), minor units."""
    end: int
    """Days since 1970-01-01: the day after the last period."""
    period_days: int = 1

    @property
    def first(self) -> I64:
        """(n,) the first period with a sale; t where there was none."""
        sold = self.units > 0
        return np.where(sold.any(1), sold.argmax(1), self.units.shape[1])

    @property
    def lines(self) -> list[F64]:
        """Each series from its first sale on; the last period alone where there was none."""
        begins = np.minimum(self.first, self.units.shape[1] - 1)
        return [row[begin:] for row, begin in zip(self.units, begins.tolist(), strict=True)]

    def before(self, day: int) -> Panel:
        """The periods that end at `day` or before; `day` is a period's end."""
        keep = self.units.shape[1] - (self.end - day) // self.period_days
        if keep < 1:
            raise InvalidInput("origins", keep, f"at least one period of {self.period_days} d before the first origin")
        return replace(self, units=self.units[:, :keep], revenue=self.revenue[:, :keep], end=day)

    def rows(self, which: np.ndarray) -> Panel:
        """These series alone."""
        names = tuple(self.names[row] for row in which.tolist())
        return replace(self, names=names, units=self.units[which], revenue=self.revenue[which])

    def summed(self, group: np.ndarray, names: tuple[str, ...]) -> Panel:
        """One series a group. group: (n,) numbers of names."""
        units = np.zeros((len(names), self.units.shape[1]))
        revenue = np.zeros_like(units)
        np.add.at(units, group, self.units)
        np.add.at(revenue, group, self.revenue)
        return replace(self, names=names, units=units, revenue=revenue)

    def weekly(self) -> Panel:
        """Blocks of seven days, counted back from the end; an incomplete oldest one is left out."""
        weeks = self.units.shape[1] // 7
        if weeks < 1:
            raise InvalidInput("transactions", self.units.shape[1], "sales of at least 7 days")

        def blocks(daily: F64) -> F64:
            return daily[:, daily.shape[1] - 7 * weeks :].reshape(len(daily), weeks, 7).sum(2)

        return replace(self, units=blocks(self.units), revenue=blocks(self.revenue), period_days=7)


def daily(dataset: Dataset, *, begin: int | None = None, end: int | None = None) -> Panel:
    """Units and revenue of every item of the dataset in each day [begin, end), UTC; the days of its sales if None."""
    events = dataset.events.where(dataset.events.type == PURCHASE)
    if not len(events):
        raise InvalidInput("transactions", "no sale", "at least one sale of a product")
    day = events.time_s // DAY_S
    begin = int(day.min()) if begin is None else begin
    end = int(day.max()) + 1 if end is None else end
    inside = (day >= begin) & (day < end)
    items, days = len(dataset.items), end - begin
    cell = events.item[inside].astype(np.int64) * days + day[inside] - begin
    pieces = events.quantity[inside].astype(np.float64)
    units = np.bincount(cell, pieces, items * days).reshape(items, days)
    revenue = np.bincount(cell, pieces * events.price[inside], items * days).reshape(items, days)
    return Panel(tuple(item.item_id for item in dataset.items), units, revenue, end)
