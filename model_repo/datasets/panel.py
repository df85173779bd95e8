"""Units sold by item, place and period, with the price that was asked: the one tidy form of pricing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset
from serving.core.errors import InvalidInput
from serving.events.types import PURCHASE

DAY_S: Final = 86_400
WEEK_DAYS: Final = 7
GROUP_LEVELS: Final = 2
"""Levels of the category path that make a group."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Panel:
    """One row = one series (an item, or an item in a place) in one period. Sorted by series, then period; no twins."""

    name: str
    sha256: str
    series: npt.NDArray[np.int32]
    """(N,) number of the series."""
    period: npt.NDArray[np.int32]
    """(N,) number of the period; day 0 of period 0 is `first_day`."""
    units: npt.NDArray[np.float64]
    """(N,) pieces sold, >= 0."""
    price: Ints
    """(N,) minor units asked, > 0."""
    promo: npt.NDArray[np.float64]
    """(N,) 0..1, how far it was promoted."""
    competitor: Ints
    """(N,) minor units, 0 = unknown."""
    sold_out: npt.NDArray[np.bool_]
    """(N,) whether more would have been sold."""
    ids: tuple[str, ...]
    """(n,) of the series."""
    group: npt.NDArray[np.int32]
    """(n,) number of the series' category."""
    groups: tuple[str, ...]
    first_day: int
    """Days since 1970-01-01."""
    period_days: int
    currency: str
    covariates: npt.NDArray[np.float64] | None = None
    """(N, c) what else a regression may use, None = only what stands above; the served model uses none of it."""

    def __len__(self) -> int:
        return len(self.series)

    @property
    def day(self) -> Ints:
        """(N,) days since 1970-01-01 on which the period begins."""
        return self.first_day + self.period.astype(np.int64) * self.period_days

    @property
    def end_day(self) -> int:
        """The day after the last period."""
        last = int(self.period.max()) + 1 if len(self) else 0
        return self.first_day + last * self.period_days

    def starts(self) -> Ints:
        """(n + 1,) where each series' rows begin."""
        return np.searchsorted(self.series, np.arange(len(self.ids) + 1)).astype(np.int64)

    def where(self, mask: npt.NDArray[np.bool_]) -> Panel:
        """The rows where `mask` holds; the series stay numbered as they are."""
        columns = ("series", "period", "units", "price", "promo", "competitor", "sold_out")
        covariates = None if self.covariates is None else self.covariates[mask]
        return replace(self, covariates=covariates, **{name: getattr(self, name)[mask] for name in columns})


def panel_of(dataset: Dataset, *, period_days: int = WEEK_DAYS) -> Panel:
    """Purchases of a shop's history by item and period, quiet periods too, from an item's first sale on.

    The price is what was paid a piece in that period, else what was last paid. Periods end with the history's last day;
    an older rest that fills no period is left out. Items without a price are series without rows.
    Raises InvalidInput when nothing was sold at a price.
    """
    events = dataset.events
    sold = (events.type == PURCHASE) & (events.price > 0) & (events.quantity > 0)
    if not sold.any():
        raise InvalidInput("history", "no sale at a price", "at least one")
    item, day = events.item[sold].astype(np.int64), events.time_s[sold] // DAY_S
    periods = int(day.max() - day.min()) // period_days + 1
    first_day = int(day.max()) + 1 - periods * period_days
    if periods > 1 and first_day < day.min():  # the oldest one is not whole
        periods, first_day = periods - 1, first_day + period_days
    period = (day - first_day) // period_days
    whole = period >= 0
    item, period = item[whole], period[whole]
    pieces = events.quantity[sold][whole].astype(np.float64)
    paid = pieces * events.price[sold][whole]
    n = len(dataset.items)
    key = item * periods + period
    units = np.bincount(key, pieces, n * periods).reshape(n, periods)
    value = np.bincount(key, paid, n * periods).reshape(n, periods)
    last = np.maximum.accumulate(np.where(units > 0, np.arange(periods), -1), axis=1)
    series, column = np.nonzero(last >= 0)
    seen = last[series, column]
    paths = [" > ".join(item.category_path[:GROUP_LEVELS]) for item in dataset.items]
    groups, group = np.unique(np.array(paths, np.str_), return_inverse=True)
    return Panel(
        name=dataset.name,
        sha256=dataset.sha256,
        series=series.astype(np.int32),
        period=column.astype(np.int32),
        units=units[series, column],
        price=np.maximum(np.rint(value[series, seen] / units[series, seen]), 1).astype(np.int64),
        promo=np.zeros(len(series)),
        competitor=np.zeros(len(series), np.int64),
        sold_out=np.zeros(len(series), np.bool_),
        ids=tuple(item.item_id for item in dataset.items),
        group=group.astype(np.int32),
        groups=tuple(groups.tolist()),
        first_day=first_day,
        period_days=period_days,
        currency=dataset.currency,
    )


def joined(panels: Sequence[Panel]) -> Panel:
    """The rows of panels of the same series and periods in one, sorted; no row may stand in two of them."""
    columns = ("series", "period", "units", "price", "promo", "competitor", "sold_out")
    whole = {name: np.concatenate([getattr(panel, name) for panel in panels]) for name in columns}
    order = np.lexsort((whole["period"], whole["series"]))
    return replace(panels[0], covariates=None, **{name: column[order] for name, column in whole.items()})
