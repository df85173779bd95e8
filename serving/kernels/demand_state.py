"""What is known of an item's demand at one moment: the same code for a moment of the past and for now.

Days before the moment count where the shop was open and the item was on sale and in stock ("seen" days): on the others
nothing could be sold, so they say nothing about demand.
"""

from __future__ import annotations

import numpy as np
from numba import njit

STATE = (
    "log_base",
    "mean_7", "mean_14", "mean_28", "mean_56", "mean_112", "mean_all",
    "fast",
    "q50", "q80", "q95",
    "max_28",
    "zeros_28", "zeros_91",
    "sale_size",
    "spread",
    "recency",
    "gap",
    "age",
    "trend",
    "orders_7", "orders_28", "order_rate", "order_size",
)  # fmt: skip
"""Columns of the state. `mean_k`: log of the mean of the newest k seen days over the base, shrunk to it; `fast`: the
same of a mean that forgets half in 7 days; `q*`, `max_28`: log1p of values over the base; `zeros_k`: share of days
without a sale; `sale_size`: log units of a day with sales over the base; `spread`: log1p of std over mean;
`recency`, `gap`, `age`: log1p of days; `trend`: log of newest over earlier 28 days; `orders_k`: as mean_k, of order
lines over their mean of 91 days; `order_rate`: log1p of order lines a day; `order_size`: log1p of units a line."""

HALF_LIFE_DAYS = 28.0
PRIOR_DAYS = 1.0
"""So many days of the prior stand before an item's own."""
SHRINK_DAYS = 2.0
_BASE_MIN = 1e-4
_WINDOWS = (7, 14, 28, 56, 112)


@njit(cache=True, nogil=True)
def demand_state(units, orders, seen, start, end, prior, shop_week, lo, hi, state, base, week):
    """Writes rows lo..hi of state (n, len(STATE)) float32, base (n,) float32 and week (n, 7) float32.

    units, orders: (n, t) float32, pieces and order lines a day; seen: (n, t) bool; start: (n,) int32, first column on
    sale; end: columns before it are known; prior: (n,) float32, units a day expected of an item nobody knows yet.
    Column 0 is a Monday. shop_week: (7,) float64, the whole shop's mean of each weekday over its mean of all open days.
    base: units a seen day, forgetting half in HALF_LIFE_DAYS, shrunk to the prior. week: log of the item's mean of each
    weekday over what the shop's week makes of its mean, shrunk to 0: the fewer sales, the more.
    """
    decay = 0.5 ** (1.0 / HALF_LIFE_DAYS)
    quick = 0.5 ** (1.0 / 7.0)
    window = np.empty(56, np.float64)
    for i in range(lo, hi):
        total, weight, fast, fast_weight = 0.0, 0.0, 0.0, 0.0
        w_slow, w_fast = 1.0, 1.0
        days, sales, last, first = 0, 0, -1, -1
        sums = np.zeros(6)
        counts = np.zeros(6)
        order_sums = np.zeros(2)
        order_91, units_91, squares_91, zeros_28, zeros_91, days_91, sale_days_91 = 0.0, 0.0, 0.0, 0, 0, 0, 0
        largest, in_window, earlier, earlier_days = 0.0, 0, 0.0, 0
        by_day = np.zeros(7)
        by_day_count = np.zeros(7)
        for t in range(end - 1, start[i] - 1, -1):
            if not seen[i, t]:
                continue
            y = float(units[i, t])
            o = float(orders[i, t])
            total += w_slow * y
            weight += w_slow
            fast += w_fast * y
            fast_weight += w_fast
            w_slow *= decay
            w_fast *= quick
            for k in range(5):
                if days < _WINDOWS[k]:
                    sums[k] += y
                    counts[k] += 1
            sums[5] += y
            counts[5] += 1
            if days < 7:
                order_sums[0] += o
            if days < 28:
                order_sums[1] += o
                largest = max(largest, y)
                zeros_28 += y == 0
            elif days < 56:
                earlier += y
                earlier_days += 1
            if days < 56:
                window[days] = y
                in_window += 1
            if days < 156:  # half a year of six days a week
                by_day[t % 7] += y
                by_day_count[t % 7] += 1
            if days < 91:
                units_91 += y
                squares_91 += y * y
                order_91 += o
                zeros_91 += y == 0
                days_91 += 1
                sale_days_91 += y > 0
            if y > 0:
                if last < 0:
                    last = days
                first = days
                sales += 1
            days += 1
        level = max((total + PRIOR_DAYS * prior[i]) / (weight + PRIOR_DAYS), _BASE_MIN)
        base[i] = level
        row = state[i]
        row[0] = np.log(level)
        for k in range(6):
            row[1 + k] = _over(sums[k], counts[k], level)
        row[7] = np.log((fast + SHRINK_DAYS * level) / (fast_weight + SHRINK_DAYS) / level)
        ordered = np.sort(window[:in_window])
        for k, q in ((8, 0.5), (9, 0.8), (10, 0.95)):
            row[k] = np.log1p(ordered[int(q * (in_window - 1))] / level) if in_window else 0.0
        row[11] = np.log1p(largest / level)
        row[12] = zeros_28 / min(days, 28) if days else 1.0
        row[13] = zeros_91 / days_91 if days_91 else 1.0
        row[14] = np.log(units_91 / sale_days_91 / level) if sale_days_91 else 0.0
        mean = units_91 / days_91 if days_91 else 0.0
        row[15] = np.log1p(np.sqrt(max(squares_91 / days_91 - mean * mean, 0.0)) / mean) if mean > 0 else 0.0
        row[16] = np.log1p(last if last >= 0 else days)
        row[17] = np.log1p((first - last) / (sales - 1)) if sales > 1 else np.log1p(days)
        row[18] = np.log1p(end - start[i]) if end > start[i] else 0.0
        newest = (sums[2] + SHRINK_DAYS * level) / (counts[2] + SHRINK_DAYS)
        before = (earlier + SHRINK_DAYS * level) / (earlier_days + SHRINK_DAYS)
        row[19] = np.log(newest / before)
        rate = max(order_91 / days_91 if days_91 else 0.0, _BASE_MIN)
        row[20] = _over(order_sums[0], min(days, 7), rate)
        row[21] = _over(order_sums[1], min(days, 28), rate)
        row[22] = np.log1p(rate)
        row[23] = np.log1p(units_91 / order_91) if order_91 > 0 else 0.0
        all_days, all_units = by_day_count.sum(), by_day.sum()
        for w in range(7):
            usual = all_units / all_days if all_days else 0.0
            steady = 28.0 * (1.0 + zeros_91) / (1.0 + days_91)  # the fewer days with sales, the less a weekday says
            expected = usual * shop_week[w]
            weighed = (by_day[w] + (steady + 4.0) * expected) / (by_day_count[w] + steady + 4.0)
            week[i, w] = np.log(weighed / expected) if expected > 0 else 0.0


@njit(inline="always")
def _over(total, count, level):
    return np.log((total + SHRINK_DAYS * level) / (count + SHRINK_DAYS) / level)


@njit(cache=True, nogil=True)
def demand_rows(state, week, day_features, day_week, item_day, lo, hi, out):
    """Writes the features of rows lo..hi of the state on each of h days, out ((hi - lo) * h, f) float32.

    state: (n, s) float32; week: (n, 7) float32; day_features: (h, d) float32, of the day alone; day_week: (h,) int32,
    column of `week`; item_day: (n, h, k) float32, of item and day. Columns: state, week, day_features, item_day.
    """
    width, days, extra = state.shape[1], day_features.shape[1], item_day.shape[2]
    h = len(day_week)
    for i in range(lo, hi):
        for j in range(h):
            row = out[(i - lo) * h + j]
            row[:width] = state[i]
            row[width] = week[i, day_week[j]]
            row[width + 1 : width + 1 + days] = day_features[j]
            row[width + 1 + days : width + 1 + days + extra] = item_day[i, j]
