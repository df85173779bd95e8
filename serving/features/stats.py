"""Statistics of the items at one moment, from the purchases before it. Training computes them; serving only reads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from serving.features.columns import (
    I_AGE,
    I_BUYERS,
    I_INTERVAL,
    I_PRICE,
    I_REPURCHASE,
    ITEM_STATS,
    POPULARITY_HALF_LIVES_DAYS,
)
from serving.kernels.history import DAY_S

REPURCHASE_PRIOR = 20.0
"""Buyers' worth of the overall mean that an item's repurchase rate and interval are shrunk with."""


def item_stats(
    user: npt.NDArray[np.int32],
    item: npt.NDArray[np.int32],
    time_s: npt.NDArray[np.int64],
    price: npt.NDArray[np.int64],
    n_items: int,
    now_s: float,
) -> npt.NDArray[np.float32]:
    """(n_items, len(ITEM_STATS)) float32 from purchase lines (n,) that all lie before `now_s`.

    user: -1 = unknown (counts for popularity, not for repurchase). price: (n_items,) minor units.
    """
    out = np.zeros((n_items, len(ITEM_STATS)), np.float32)
    age = (now_s - time_s) / DAY_S
    for column, half_life in enumerate(POPULARITY_HALF_LIVES_DAYS):
        decayed = np.bincount(item, weights=2.0 ** (-age / half_life), minlength=n_items)
        out[:, column] = np.log(0.5 + decayed)
    out[:, I_PRICE] = np.log1p(np.maximum(price, 0))
    oldest = np.zeros(n_items)
    np.maximum.at(oldest, item, age)
    out[:, I_AGE] = np.log1p(oldest)
    buyers, again, gap_days, gaps = _repurchases(user, item, time_s, n_items)
    out[:, I_BUYERS] = np.log1p(np.maximum(buyers, 0) + np.bincount(item[user < 0], minlength=n_items))
    rate = again.sum() / max(buyers.sum(), 1)
    out[:, I_REPURCHASE] = (again + rate * REPURCHASE_PRIOR) / (buyers + REPURCHASE_PRIOR)
    usual = gap_days.sum() / max(gaps.sum(), 1) if gaps.sum() else 30.0
    out[:, I_INTERVAL] = (gap_days + usual * REPURCHASE_PRIOR) / (gaps + REPURCHASE_PRIOR)
    return out


def _repurchases(
    user: npt.NDArray[np.int32], item: npt.NDArray[np.int32], time_s: npt.NDArray[np.int64], n_items: int
) -> tuple[npt.NDArray[np.float64], ...]:
    """Per item: buyers, buyers who bought again, sum of days between repeat purchases, number of such gaps."""
    known = user >= 0
    user, item, time_s = user[known], item[known], time_s[known]
    order = np.lexsort((time_s, item, user))
    user, item, time_s = user[order], item[order], time_s[order]
    same = (user[1:] == user[:-1]) & (item[1:] == item[:-1])
    gap = np.diff(time_s) / DAY_S
    repeat = same & (gap > 0.5)  # half a day: one visit split over two invoices is no repeat
    first = np.ones(len(user), bool)
    first[1:] = ~same
    group = np.cumsum(first) - 1
    has_again = np.zeros(int(group[-1]) + 1 if len(group) else 0, bool)
    has_again[group[1:][repeat]] = True
    return (
        np.bincount(item[first], minlength=n_items).astype(float),
        np.bincount(item[first], weights=has_again, minlength=n_items),
        np.bincount(item[1:][repeat], weights=gap[repeat], minlength=n_items),
        np.bincount(item[1:][repeat], minlength=n_items).astype(float),
    )


def stats_of_new(
    stats: npt.NDArray[np.float32], category: npt.NDArray[np.int32], brand: npt.NDArray[np.int32], n: int
) -> npt.NDArray[np.float32]:
    """Any per-item table (m, k) extended to n rows: a new item starts as the mean of its category, else of all items.

    category, brand: (n,) numbers, 0 = none. Used for statistics and for factors alike (cold start by attributes).
    """
    known = len(stats)
    out = np.empty((n, stats.shape[1]), np.float32)
    out[:known] = stats
    out[known:] = means_of_kin(stats, category, brand, np.arange(known, n))
    return out


def means_of_kin(
    stats: npt.NDArray[np.float32],
    category: npt.NDArray[np.int32],
    brand: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """(len(rows), k): what the new items at `rows` start with, see `stats_of_new`. O(m) for each kind among them."""
    known = len(stats)
    out = np.empty((len(rows), stats.shape[1]), np.float32)
    if not len(rows):
        return out
    overall = stats.mean(axis=0) if known else np.zeros(stats.shape[1], np.float32)
    means: dict[tuple[int, int], npt.NDArray[np.float32]] = {}
    for place, kind in enumerate(zip(category[rows].tolist(), brand[rows].tolist(), strict=True)):
        if kind not in means:
            kin = np.flatnonzero((category[:known] == kind[0]) & (kind[0] > 0))
            close = kin[brand[kin] == kind[1]] if kind[1] > 0 else kin
            kin = close if len(close) >= 3 else kin
            means[kind] = stats[kin].mean(axis=0) if len(kin) else overall
        out[place] = means[kind]
    return out
