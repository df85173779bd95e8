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
WEEK_DAYS = 56
"""Newest days that tell the shop's week."""
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
    return replace(
        panel,
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
    """(7,) float64 mean of each weekday over the mean of all open days, 0 = closed on that weekday."""
    total = panel.units[-1].astype(np.float64)
    columns = np.arange(max(int(panel.start[-1]), end - WEEK_DAYS), end)
    out = np.ones(7)
    open_days = columns[panel.open[columns]]
    mean = total[open_days].mean() if len(open_days) else 0.0
    if mean <= 0:
        return out
    for w in range(7):
        here = columns[columns % 7 == w]
        some = here[panel.open[here]]
        if len(here) and len(some) < CLOSED_SHARE * len(here):
            out[w] = 0.0
        elif len(some):
            # a single order may make a day: two average days stand beside the weekday's own
            out[w] = (total[some].sum() + 2 * mean) / (len(some) + 2) / mean
    return out
