"""A shop whose demand is plain to see, and the forecasts made of it; for the tests of forecasts."""

from __future__ import annotations

from functools import cache

import numpy as np

from model_repo.datasets.tables import Dataset, EventTable
from model_repo.forecast.build import Built, Plan, build
from model_repo.forecast.learning import Params
from serving.core.catalogue import Item
from serving.events.types import PURCHASE, TYPE_CODES

MONDAY = 20_458
"""2026-01-05."""
DAY_S = 86_400
STOCKOUT = TYPE_CODES["stockout-seen"]
SMALL = Plan(rows_max=20_000, trees=Params(trees=30, spread_trees=15), calibration_rows=4000)


def dataset(
    units: np.ndarray, *, first_day: int = MONDAY, items: tuple[Item, ...] | None = None,
    stockouts: tuple[tuple[int, int], ...] = (), price: int = 1000,
) -> Dataset:  # fmt: skip
    """A Dataset with units (n, t), one sale a day with any. stockouts: (item, day) of stockout-seen events."""
    item, day = np.nonzero(units)
    rows = [(int(d), int(i), PURCHASE, int(units[i, d])) for i, d in zip(item, day, strict=True)]
    rows += [(d, i, STOCKOUT, 1) for i, d in stockouts]
    rows.sort()
    table = EventTable(
        user=np.full(len(rows), -1, np.int32),
        item=np.array([row[1] for row in rows], np.int32),
        time_s=np.array([(first_day + row[0]) * DAY_S + 36_000 for row in rows], np.int64),
        type=np.array([row[2] for row in rows], np.uint8),
        quantity=np.array([row[3] for row in rows], np.int32),
        price=np.full(len(rows), price, np.int64),
        basket=np.arange(len(rows), dtype=np.int64),
    )
    items = items or tuple(
        Item(f"i{k}", title=f"thing {k}", category_path=("tea" if k % 2 else "cups",), price=price, currency="GBP")
        for k in range(len(units))
    )
    return Dataset("made", "0" * 64, items, (), table, "GBP")


def shop(items: int = 40, days: int = 154, seed: int = 0) -> np.ndarray:
    """(n, t) Poisson counts, item k around 0.2 * 1.12^k a day; closed on Sundays, twice as much on Saturdays."""
    rng = np.random.default_rng(seed)
    level = 0.2 * 1.12 ** np.arange(items)
    week = np.array([1, 1, 1, 1, 1, 2, 0])
    return rng.poisson(level[:, None] * week[np.arange(days) % 7])


@cache
def built() -> Built:
    """Of `shop()`."""
    return build(dataset(shop()), plan=SMALL)
