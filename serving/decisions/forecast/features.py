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
    out = np.empty((n * h, len(FEATURES)), np.float32)
    demand_rows(items, week, about_days, weekdays(days), about_pairs, 0, n, out)
    return out


def pairs(n: int, h: int, price_ratio: npt.NDArray[np.float32] | None, promo: npt.NDArray[np.bool_] | None) -> F32:
    """(n, h, len(PAIR_COLUMNS)). price_ratio: (n,) or (n, h) log, None = the usual one; promo: (n, h), None = none."""
    out = np.zeros((n, h, len(PAIR_COLUMNS)), np.float32)
    if price_ratio is not None:
        out[:, :, 0] = price_ratio if price_ratio.ndim == 2 else price_ratio[:, None]
    if promo is not None:
        out[:, :, 1] = promo
    return out
