"""The kernels of the forecast's features against slow twins."""

from __future__ import annotations

import numpy as np
import pytest

from serving.kernels.demand_state import (
    HALF_LIFE_DAYS,
    PRIOR_DAYS,
    SHRINK_DAYS,
    STATE,
    demand_rows,
    demand_state,
)


def state_twin(units, orders, seen, start, end, prior):
    """One item: the columns by name, and the base; newest seen day first."""
    days = [t for t in range(end - 1, start - 1, -1) if seen[t]]
    y, o = units[days].astype(float), orders[days].astype(float)
    w = 0.5 ** (np.arange(len(y)) / HALF_LIFE_DAYS)
    q = 0.5 ** (np.arange(len(y)) / 7)
    base = max((w @ y + PRIOR_DAYS * prior) / (w.sum() + PRIOR_DAYS), 1e-4)
    shrunk = lambda v, level: (v.sum() + SHRINK_DAYS * level) / (len(v) + SHRINK_DAYS)  # noqa: E731
    out = {f"mean_{k}": np.log(shrunk(y[:k], base) / base) for k in (7, 14, 28, 56, 112)}
    out["mean_all"] = np.log(shrunk(y, base) / base)
    out["log_base"], out["fast"] = np.log(base), np.log((q @ y + 2 * base) / (q.sum() + 2) / base)
    recent = np.sort(y[:56])
    for name, level in (("q50", 0.5), ("q80", 0.8), ("q95", 0.95)):
        out[name] = np.log1p(recent[int(level * (len(recent) - 1))] / base) if len(recent) else 0.0
    out["max_28"] = np.log1p(y[:28].max(initial=0) / base)
    out["zeros_28"] = (y[:28] == 0).mean() if len(y) else 1.0
    out["zeros_91"] = (y[:91] == 0).mean() if len(y) else 1.0
    some, sales = y[:91], np.flatnonzero(y > 0)
    out["sale_size"] = np.log(some.sum() / (some > 0).sum() / base) if (some > 0).any() else 0.0
    out["spread"] = np.log1p(some.std() / some.mean()) if some.sum() else 0.0
    out["recency"] = np.log1p(sales[0] if len(sales) else len(y))
    out["gap"] = np.log1p((sales[-1] - sales[0]) / (len(sales) - 1) if len(sales) > 1 else len(y))
    out["age"] = np.log1p(max(end - start, 0))
    out["trend"] = np.log(shrunk(y[:28], base) / shrunk(y[28:56], base))
    rate = max(o[:91].mean() if len(o) else 0.0, 1e-4)
    out["orders_7"], out["orders_28"] = np.log(shrunk(o[:7], rate) / rate), np.log(shrunk(o[:28], rate) / rate)
    out["order_rate"] = np.log1p(rate)
    out["order_size"] = np.log1p(some.sum() / o[:91].sum()) if o[:91].sum() else 0.0
    return out, base


def week_twin(units, seen, start, end, shop_week):
    """One item: log of each weekday over what the shop's week makes of its mean, shrunk."""
    days = [t for t in range(end - 1, start - 1, -1) if seen[t]]
    quiet = (units[days[:91]] == 0).sum()
    days, weight = days[:156], 28 * (1 + quiet) / (1 + len(days[:91])) + 4
    usual = units[days].mean() if days else 0.0
    out = np.zeros(7)
    for w in range(7):
        here = [t for t in days if t % 7 == w]
        if usual * shop_week[w] > 0:
            out[w] = np.log((units[here].sum() / (usual * shop_week[w]) + weight) / (len(here) + weight))
    return out


@pytest.mark.parametrize("seed", range(4))
def test_states_and_weeks(seed):
    rng = np.random.default_rng(seed)
    n, t, end = 30, 200, 180
    units = (rng.poisson(rng.gamma(0.5, 2, (n, 1)), (n, t)) * (rng.random((n, t)) < 0.5)).astype(np.float32)
    orders = np.minimum(units, 3).astype(np.float32)
    seen = rng.random((n, t)) < 0.9
    start = rng.integers(0, t, n).astype(np.int32)
    start[:2] = 0, t
    units[2], seen[3] = 0, False
    prior = rng.random(n).astype(np.float32)
    shop_week = np.array([1.0, 1.1, 0.9, 1.2, 1.0, 0.8, 0.0])
    state, base, week = np.zeros((n, len(STATE)), np.float32), np.zeros(n, np.float32), np.zeros((n, 7), np.float32)
    demand_state(units, orders, seen, start, end, prior, shop_week, 0, n, state, base, week)
    for i in range(n):
        expected, level = state_twin(units[i], orders[i], seen[i], start[i], end, prior[i])
        assert base[i] == pytest.approx(level, rel=1e-5)
        np.testing.assert_allclose(state[i], [expected[name] for name in STATE], atol=2e-4, err_msg=str(i))
        np.testing.assert_allclose(week[i], week_twin(units[i], seen[i], start[i], end, shop_week), atol=1e-4)


def test_rows_are_the_parts_side_by_side():
    rng = np.random.default_rng(0)
    n, h = 3, 5
    state, week, days = rng.random((n, 4)), rng.random((n, 7)), rng.random((h, 2))
    weekday, pair = np.array([5, 6, 0, 1, 2], np.int32), rng.random((n, h, 3))
    parts = [np.asarray(part, np.float32) for part in (state, week, days, pair)]
    out = np.empty((n * h, 10), np.float32)
    demand_rows(parts[0], parts[1], parts[2], weekday, parts[3], 0, n, out)
    for i in range(n):
        for j in range(h):
            row = [*parts[0][i], parts[1][i, weekday[j]], *parts[2][j], *parts[3][i, j]]
            np.testing.assert_array_equal(out[i * h + j], np.float32(row))
