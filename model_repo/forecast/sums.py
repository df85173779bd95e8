"""Items that add up: to their categories, and these to the whole shop.

A group's forecast is the mean of two: what its items add up to, and the theta method on the group's own series. Sums
of many items see which of them come and go; the group's own series sees what all have in common. On Online Retail the
mean of both was better than either, and better than the global trees on the group's series. Items are then scaled in
proportion to their forecasts (top-down reconciliation; Gross and Sohl 1990).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.forecast.panel import Panel
from model_repo.forecast.states import States
from serving.decisions.forecast.features import weekdays
from serving.decisions.forecast.forecaster import Forecaster
from serving.decisions.forecast.models import HORIZON_KEPT, ForecastModel
from serving.kernels.demand_bank import forecast

ROWS: Final = 4096
DAYS_MIN: Final = 56
"""With fewer seen days a group is what its items add up to."""
LEVEL_DAYS: Final = 28
"""Days over which the level is compared where the items know more of single days."""
RATIO_MAX: Final = 2.0
"""A group's own series moves its items by at most so much, up or down."""

F64 = npt.NDArray[np.float64]


def coherent(model: ForecastModel, own: F64 | None) -> ForecastModel:
    """The model with its factors and the sums after them. own: (g, HORIZON_KEPT) of own_series, nan = none."""
    sums = _sums(model)
    wanted = sums
    if own is not None:
        if model.outside or model.year_known:
            own = _level(own, sums)
        wanted = np.where(np.isfinite(own), 0.5 * (sums + own), sums)
        wanted = np.clip(wanted, sums / RATIO_MAX, sums * RATIO_MAX)
        if len(wanted) > 1:
            below = wanted[:-1].sum(axis=0)
            wanted[:-1] *= np.where(below > 0, wanted[-1] / np.maximum(below, 1e-9), 1.0)
    factor = np.where(sums > 0, wanted / np.maximum(sums, 1e-9), 1.0).astype(np.float32)
    return replace(model, factor=factor, group_mean=(sums * factor).astype(np.float32))


def _level(own: F64, sums: F64) -> F64:
    """(g, HORIZON_KEPT) the sums at the level of `own`: of single days the items know more (events, the year)."""
    out = np.empty_like(own)
    for at in range(0, HORIZON_KEPT, LEVEL_DAYS):
        days = slice(at, at + LEVEL_DAYS)
        total = sums[:, days].sum(axis=1)
        ratio = np.where(total > 0, own[:, days].sum(axis=1) / np.maximum(total, 1e-9), np.nan)
        out[:, days] = sums[:, days] * ratio[:, None]
    return out


def own_series(panel: Panel, states: States, end: int, groups: int) -> F64:
    """(g, HORIZON_KEPT) theta of each group's seen days without their week, the week put back; nan = too few days."""
    out = np.full((groups, HORIZON_KEPT), np.nan)
    rows = np.arange(len(panel) - groups, len(panel))
    week = states.shop_week * np.exp(states.week[rows])
    known = [np.flatnonzero(panel.seen[row, :end] & (week[k][np.arange(end) % 7] > 0)) for k, row in enumerate(rows)]
    long = [k for k in range(groups) if len(known[k]) >= DAYS_MIN]
    if not long:
        return out
    lines = [panel.units[rows[k], known[k]] / week[k][known[k] % 7] for k in long]
    ptr = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
    level = forecast("theta", np.concatenate(lines).astype(np.float64), ptr, HORIZON_KEPT)
    weekday = weekdays(panel.first_day + end + np.arange(HORIZON_KEPT, dtype=np.int64))
    opened = states.shop_week[weekday] > 0
    step = np.maximum(np.cumsum(opened) - 1, 0)
    out[long] = level[:, step] * week[long][:, weekday]
    return out


def _sums(model: ForecastModel) -> F64:
    """(g, HORIZON_KEPT) what the items of each group add up to."""
    n, g = len(model.item_ids), len(model.groups)
    sums = np.zeros((g, HORIZON_KEPT))
    asked = Forecaster(replace(model, factor=np.ones((g, HORIZON_KEPT), np.float32)), "")
    for at in range(0, n, ROWS):
        rows = np.arange(at, min(n, at + ROWS), dtype=np.int32)
        mu, _ = asked.daily(rows, HORIZON_KEPT, 0, None, None, False)
        np.add.at(sums, model.group[rows], mu)
    if g > 1:
        sums[-1] = sums[:-1].sum(axis=0)
    return sums
