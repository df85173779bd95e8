"""What the forecasting model reads, column by column; training and serving put the rows together here."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32, I32, I64
from serving.kernels.demand_state import STATE, demand_rows

GROUP: Final = ("mean_7", "mean_28", "mean_112", "fast", "trend")
"""Columns of the state that an item also reads of its category and of the whole shop."""
LEVELS: Final = ("item", "category", "total")
"""Series that are forecast; the position is the feature `level`."""
ITEM_COLUMNS: Final = (*STATE, *(f"category_{name}" for name in GROUP), *(f"shop_{name}" for name in GROUP), "level")
DAY_COLUMNS: Final = ("horizon", "weekday", "month", "week_of_year", "days_to_christmas")
PAIR_COLUMNS: Final = ("price_ratio", "promo")
"""Of item and day. price_ratio: log of the day's price over the item's usual one; promo: 1 = on promotion."""
FEATURES: Final = (*ITEM_COLUMNS, "week", *DAY_COLUMNS, *PAIR_COLUMNS)
HORIZON_TRAINED: Final = 56
"""The horizon feature stops here: nothing was learnt about later days."""
CHRISTMAS_DAYS: Final = 60
PRICE_RATIO: Final = 0.7
"""Log of a price over the usual one: of larger changes nothing is learnt."""
PROMO: Final = 0.9
"""A price below this share of the usual one is a promotion."""
YEAR_DAYS_MIN: Final = 400
"""With a shorter history the time of the year is hidden from the model: it has not seen any of it twice."""
_EPOCH: Final = date(1970, 1, 1)


def weekdays(days: I64) -> I32:
    """(h,) 0 = Monday. days: (h,) days since 1970-01-01, a Thursday."""
    return ((days + 3) % 7).astype(np.int32)


def day_features(days: I64, last_day: int, year_known: bool) -> F32:
    """(h, len(DAY_COLUMNS)). days: (h,) days since 1970-01-01, all after last_day, the last one of the history."""
    out = np.zeros((len(days), len(DAY_COLUMNS)), np.float32)
    out[:, 0] = np.minimum(days - last_day, HORIZON_TRAINED)
    out[:, 1] = weekdays(days)
    if year_known:
        for j, number in enumerate(days.tolist()):
            day = _EPOCH + timedelta(days=number)
            christmas = date(day.year + (day.month == 12 and day.day > 25), 12, 25)
            out[j, 2:] = day.month, day.isocalendar().week, min((christmas - day).days, CHRISTMAS_DAYS)
    return out


def rows(items: F32, week: F32, days: I64, about_days: F32, about_pairs: F32) -> F32:
    """(n * h, len(FEATURES)) of n items on h days, days of an item together.

    items: (n, len(ITEM_COLUMNS)); week: (n, 7), Monday first; days: (h,) days since 1970-01-01; about_days: of
    day_features; about_pairs: of pairs.
    """
    n, h = len(items), len(days)
    out = np.empty((n * h, len(FEATURES) + about_pairs.shape[2] - len(PAIR_COLUMNS)), np.float32)
    demand_rows(items, week, about_days, weekdays(days), about_pairs, 0, n, out)
    return out


def pairs(ratio: F32, promo: npt.NDArray[np.bool_], outside: F32) -> F32:
    """(n, h, len(PAIR_COLUMNS) + k). ratio: (n,) of price_ratio; promo: (n, h); outside: (n, h, k)."""
    out = np.empty((*promo.shape, len(PAIR_COLUMNS) + outside.shape[2]), np.float32)
    out[:, :, 0] = ratio[:, None]
    out[:, :, 1] = promo
    out[:, :, len(PAIR_COLUMNS) :] = outside
    return out


def price_ratio(price: npt.NDArray[np.floating] | I64, usual: F32) -> F32:
    """(n,) log of the price over the usual one, 0 where one is not known; within PRICE_RATIO."""
    known = (price > 0) & (usual > 0)
    ratio = np.log(np.where(known, price, 1.0) / np.where(known, usual, 1.0))
    return np.clip(ratio, -PRICE_RATIO, PRICE_RATIO).astype(np.float32)


def is_cut(ratio: F32) -> npt.NDArray[np.bool_]:
    """(n,) a price so far below the usual one is a promotion, unless it is said otherwise."""
    found: npt.NDArray[np.bool_] = ratio < np.log(PROMO)
    return found
