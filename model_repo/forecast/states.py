"""Every series at one moment of the past: items, their categories and the whole shop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from model_repo.forecast.panel import Panel
from model_repo.work import over_rows
from serving.core.ports import F32
from serving.decisions.forecast.features import GROUP, ITEM_COLUMNS
from serving.kernels.demand_state import STATE, demand_state

PRIOR_DAYS = 91
"""Newest days from which is told what an item nobody knows yet may sell."""
WEEK_DAYS = 364
"""Newest days that tell the shop's week: it changes slowly, and a single order may make a day."""
AROUND_DAYS = 10
RATIO_MAX = 2.5
"""A day counts as so many of the days around it at most."""
PRIOR_WEEKS = 2.0
"""So many average days stand beside a weekday's own."""
CLOSED_DAYS = 56
"""Newest days that tell on which weekdays the shop is closed."""
CLOSED_SHARE = 0.3
"""A weekday on which the shop was open less often than this is a day on which it is closed."""


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """n series at one moment."""

    items: F32
    """(n, len(ITEM_COLUMNS))"""
    base: F32
    """(n,) units a day on which the shop is open."""
    week: F32
    """(n, 7) log of the series' own weekdays over the shop's."""
    shop_week: F32
    """(7,) of Monday to Sunday over an average open day, 0 = closed."""
    usual_price: F32
    """(n,) minor units, 0 = not known."""


def with_groups(panel: Panel) -> Panel:
    """The panel with a row for each category, where there is more than one, and one for the whole shop at the end."""
    c = len(panel.categories) if len(panel.categories) > 1 else 0
    n = len(panel)
    label = np.concatenate([panel.category, np.arange(c), [-1]]).astype(np.int32)

    def sums(x: F32) -> F32:
        out = np.zeros((n + c + 1, x.shape[1]), np.float32)
        out[:n] = x
        if c:
            np.add.at(out[n : n + c], panel.category, x)
        out[-1] = x.sum(axis=0)
        return out

    t = panel.days
    begin = int(panel.start.min())
    first = np.full(c + 1, begin, np.int32)
    for k in range(c):
        first[k] = panel.start[panel.category == k].min(initial=t)
    start = np.concatenate([panel.start, first]).astype(np.int32)
    seen = np.concatenate([panel.seen, panel.open & (np.arange(t) >= first[:, None])])
    members = [*(np.flatnonzero(panel.category == k) for k in range(c)), np.arange(n)]
    return replace(
        panel,
        around=None if panel.around is None else panel.around.with_groups(members),
        item_ids=(*panel.item_ids, *(f"category {name}" for name in panel.categories[:c]), "total"),
        units=sums(panel.units),
        orders=sums(panel.orders),
        seen=seen,
        start=start,
        price=np.concatenate([panel.price, np.zeros((c + 1, t), np.float32)]),
        category=label,
    )


def levels(panel: Panel) -> F32:
    """(n,) position in LEVELS of the rows of a panel with groups."""
    c = len(panel.categories) if len(panel.categories) > 1 else 0
    out = np.zeros(len(panel), np.float32)
    out[len(panel) - 1 - c :] = 1
    out[-1] = 2
    return out


def states_at(panel: Panel, end: int, prior: F32 | None = None) -> States:
    """What the first `end` columns of a panel with groups tell. prior: (n,) units a day, None = of the category."""
    n, level = len(panel), levels(panel)
    shop_week = _shop_week(panel, end)
    prior = category_prior(panel, end) if prior is None else prior
    state = np.zeros((n, len(STATE)), np.float32)
    base, week = np.zeros(n, np.float32), np.zeros((n, 7), np.float32)
    over_rows(
        lambda lo, hi: demand_state(
            panel.units, panel.orders, panel.seen, panel.start, end, prior, shop_week, lo, hi, state, base, week
        ),
        n,
    )
    take = [STATE.index(name) for name in GROUP]
    shop = np.broadcast_to(state[-1, take], (n, len(take)))
    c = len(panel.categories)
    group = shop if c == 1 else state[np.where(panel.category >= 0, n - 1 - c + panel.category, n - 1)][:, take]
    items = np.concatenate([state, group, shop, level[:, None]], axis=1).astype(np.float32)
    assert items.shape[1] == len(ITEM_COLUMNS)
    return States(items, base, week, shop_week.astype(np.float32), usual_price(panel, end))


def category_prior(panel: Panel, end: int) -> F32:
    """(n,) mean units a seen day of the items of the same category in PRIOR_DAYS."""
    low = max(0, end - PRIOR_DAYS)
    units = np.where(panel.seen[:, low:end], panel.units[:, low:end], 0.0).sum(axis=1)
    days = panel.seen[:, low:end].sum(axis=1)
    item = levels(panel) == 0
    group = np.maximum(panel.category, 0)
    c = int(group.max()) + 1
    total = np.bincount(group[item], units[item], c), np.bincount(group[item], days[item], c)
    all_rate = units[item].sum() / max(days[item].sum(), 1)
    rate = (total[0] + 91 * all_rate) / (total[1] + 91)
    out = np.where(item, rate[group], units / np.maximum(days, 1)).astype(np.float32)
    return np.asarray(out, np.float32)


def usual_price(panel: Panel, end: int) -> F32:
    """(n,) mean over the newest 91 days."""
    low = max(0, end - 91)
    return panel.price[:, low:end].mean(axis=1) if end > low else np.zeros(len(panel), np.float32)


def _shop_week(panel: Panel, end: int) -> np.ndarray:
    """(7,) float64 mean of each weekday over the days around it, their mean 1; 0 = closed on that weekday."""
    total = panel.units[-1, :end].astype(np.float64)
    first = int(panel.start[-1])
    out = np.ones(7)
    is_open = panel.open[:end] & (np.arange(end) >= first)
    columns = np.arange(max(first, end - WEEK_DAYS), end)
    columns = columns[is_open[columns]]
    if not len(columns) or total[columns].sum() <= 0:
        return out
    sums = np.concatenate([[0.0], np.cumsum(np.where(is_open, total, 0.0))])
    days = np.concatenate([[0], np.cumsum(is_open)])
    low, high = np.maximum(columns - AROUND_DAYS, 0), np.minimum(columns + AROUND_DAYS + 1, end)
    around = (sums[high] - sums[low]) / np.maximum(days[high] - days[low], 1)
    ratio = np.minimum(total[columns] / np.maximum(around, 1e-9), RATIO_MAX)
    recent = np.arange(max(first, end - CLOSED_DAYS), end)
    for w in range(7):
        lately = recent[recent % 7 == w]
        if len(lately) and is_open[lately].sum() < CLOSED_SHARE * len(lately):
            out[w] = 0.0
            continue
        here = ratio[columns % 7 == w]
        out[w] = (here.sum() + PRIOR_WEEKS) / (len(here) + PRIOR_WEEKS)
    return out / out[out > 0].mean() if (out > 0).any() else np.ones(7)
