"""Panels whose answer is obvious: the elasticity is put in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model_repo.datasets.panel import Panel


def panel_with(
    elasticity: float = -3.0, *, series: int = 40, periods: int = 60, units: float = 20.0, spread: float = 0.2,
    groups: int = 4, seed: int = 0, size: float = 50.0,
) -> Panel:  # fmt: skip
    """Items sell `units` a week at 1000 and answer log-log, with this elasticity, to others; spread 0 = one price."""
    rng = np.random.default_rng(seed)
    n = series * periods
    price = np.rint(1000 * np.exp(rng.uniform(-spread, spread, n))).astype(np.int64)
    mu = units * (price / 1000.0) ** elasticity
    return Panel(
        name="made up", sha256="", series=np.repeat(np.arange(series, dtype=np.int32), periods),
        period=np.tile(np.arange(periods, dtype=np.int32), series),
        units=rng.poisson(mu * rng.gamma(size, 1 / size, n)).astype(np.float64), price=price, promo=np.zeros(n),
        competitor=np.zeros(n, np.int64), sold_out=np.zeros(n, np.bool_),
        ids=tuple(f"item {at}" for at in range(series)), group=(np.arange(series) % groups).astype(np.int32),
        groups=tuple(f"group {at}" for at in range(groups)), first_day=20_000, period_days=7, currency="GBP",
    )  # fmt: skip


def flat(panel: Panel, which: np.ndarray) -> Panel:
    """The same with one price alone for the series `which`."""
    return replace(panel, price=np.where(np.isin(panel.series, which), 1000, panel.price))
