"""Forecasts of bare series: seasonal autoregressions beside Theta, weighted by what each would have said before.

A model of its own for files of series (storegate evaluate forecast --series); the shop's model reads items, prices and
calendars, which such files have not. Every series is learnt alone; the weights are a series' own, drawn towards those
of all (Bates, Granger 1969, "The combination of forecasts"; Montero-Manso et al. 2020, "FFORMA", learns such weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_repo.forecast.line_errors import mase, smape
from model_repo.work import one_blas_thread
from serving.core.ranges import check_ranges
from serving.kernels import demand_bank
from serving.kernels.demand_season import MULTIPLICATIVE

Lines = Sequence[np.ndarray]

NEAR = (1, 2, 3, 4, 5, 6, 8, 10, 13)
"""Lags of the differences, in periods; those of the season and its neighbours come on top."""
SEASONS_SEEN = (4, 6, 10, 20)
"""Each autoregression looks at so many newest seasons ..."""
RIDGES = (5.0, 20.0, 80.0)
"""... and is drawn so strongly towards a random walk."""
SINGULAR = 1e-9
"""Of the trace: steps that repeat exactly have a solution too."""
PERIODS_SEEN = 52
"""A season for this purpose where there is none."""


@dataclass(frozen=True, slots=True)
class Params:
    """origins: 1..12 inside the history, on which the members are weighed; sharpness: 0..100 of the weights;
    shared: 0..1 of a member's error that is that of all series."""

    origins: int = 4
    sharpness: float = 10.0
    shared: float = 0.5

    def __post_init__(self) -> None:
        check_ranges(self, "series", ("origins", 1, 12), ("sharpness", 0, 100), ("shared", 0, 1))


def forecast(lines: Lines, season: int, horizon: int, params: Params | None = None) -> np.ndarray:
    """(n, horizon) means of n series, each of at least one finite value."""
    params = params or Params()
    with one_blas_thread():  # the systems are small
        return np.einsum("mn,mnh->nh", weights(lines, season, horizon, params), members(lines, season, horizon))


def weights(lines: Lines, season: int, horizon: int, params: Params) -> np.ndarray:
    """(m, n) that sum to 1 over the members: small errors at origins inside the history weigh most."""
    judged = [_errors(lines, season, horizon, back) for back in range(1, params.origins + 1)]
    errors = np.stack(judged)
    known = np.isfinite(errors)
    if not known.any():
        return np.full(errors.shape[1:], 1.0 / errors.shape[1])
    own = np.where(known, errors, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    common = np.nanmean(errors, axis=(0, 2))[:, None]
    own = np.where(known.any(0), own, common)
    relative = params.shared * common / max(float(common.mean()), 1e-12) + (1.0 - params.shared) * own / np.maximum(
        own.mean(0), 1e-12
    )
    powers = np.exp(-params.sharpness * (relative - relative.min(0)))
    return powers / powers.sum(0)


def _errors(lines: Lines, season: int, horizon: int, back: int) -> np.ndarray:
    """(m, n) mean of sMAPE and MASE, each over the naive forecast's, `back` horizons ago; NaN where too short."""
    long = np.flatnonzero([len(line) >= (back + 3) * horizon for line in lines])
    out = np.full((len(members([np.ones(1)], season, horizon)), len(lines)), np.nan)
    if not len(long):
        return out
    past = [lines[at][: -back * horizon] for at in long]
    actual = np.stack([lines[at][len(lines[at]) - back * horizon :][:horizon] for at in long])
    found = members(past, season, horizon)
    percent = np.stack([smape(actual, one) for one in found])
    scaled = np.stack([mase(actual, one, past) for one in found])
    percent /= max(float(percent[0].mean()), 1e-12)
    moving = np.isfinite(scaled[0])  # a history that never moved has no MASE
    if moving.any():
        scaled /= max(float(scaled[0, moving].mean()), 1e-12)
    out[:, long] = np.where(moving, 0.5 * (percent + np.where(moving, scaled, 0.0)), percent)
    return out


def members(lines: Lines, season: int, horizon: int) -> np.ndarray:
    """(m, n, horizon): the last value, Theta without and with season, then the autoregressions."""
    values, ptr = np.concatenate(lines), np.cumsum([0, *map(len, lines)])
    found = [
        demand_bank.seasonal_naive(values, ptr, horizon, 1),
        demand_bank.theta(values, ptr, horizon, 1, MULTIPLICATIVE, demand_bank.ALPHAS),
        demand_bank.theta(values, ptr, horizon, season, MULTIPLICATIVE, demand_bank.ALPHAS),
    ]
    for logs in (True, False):
        for seasons in SEASONS_SEEN:
            newest = seasons * (season if season > 1 else PERIODS_SEEN)
            found += [
                np.stack([autoregression(line[-newest:], season, horizon, ridge, logs) for line in lines])
                for ridge in RIDGES
            ]
    return np.stack(found).astype(np.float64)


def autoregression(line: np.ndarray, season: int, horizon: int, ridge: float, logs: bool) -> np.ndarray:
    """(horizon,) of one series (t,): its differences on earlier ones by ridge regression, step by step ahead.

    logs: of the logarithms, where all values are positive. A series too short for two lags goes on as it ended.
    """
    logs = logs and bool(line.min() > 0)
    level = np.log(line) if logs else line
    steps = np.diff(level)
    lags = _lags(len(steps), season)
    if not lags or not steps[:-1].any():
        return np.full(horizon, line[-1])
    past = np.stack([steps[max(lags) - lag : len(steps) - lag] for lag in lags], axis=1)
    target = steps[max(lags) :]
    gram = past.T @ past
    pull = ridge * float(target.var()) + SINGULAR * float(np.trace(gram))
    found = np.linalg.solve(gram + pull * np.eye(len(lags)), past.T @ target)
    ahead = list(steps)
    for _ in range(horizon):
        ahead.append(float(sum(weight * ahead[-lag] for weight, lag in zip(found, lags, strict=True))))
    path = level[-1] + np.cumsum(ahead[len(steps) :])
    return np.exp(np.clip(path, -700, 700)) if logs else path


def _lags(count: int, season: int) -> list[int]:
    """The lags that `count` differences can tell something about, ascending."""
    near = [lag for lag in NEAR if count >= 4 * lag + 4]
    seasonal = {season - 1, season, season + 1, 2 * season} if season > 1 else set()
    far = [lag for lag in seasonal if lag > 0 and count > 2 * lag + 20]
    return sorted({*near, *far})
