"""Forecasts of bare series of counts, most of them zero: one model over all series, zero-inflated negative binomial.

A model of its own for files of series (storegate evaluate forecast --series). The mean is one LightGBM (Tweedie) over
all series, direct with the horizon as a feature; spread and extra zeros follow the mean by a law that is fitted on the
newest periods of the history, which the mean for it has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from serving.core.errors import InvalidInput
from serving.core.ranges import check_ranges
from serving.kernels import demand_bank
from serving.kernels.demand_counts import count_loss, count_quantiles

WINDOWS = (1, 2, 3, 6, 12, 24)
"""Newest periods whose mean and share of periods with demand are features; and the whole history's."""
MEAN_MIN = 1e-3
LOG_SPREAD = (-6.0, 4.0)
ZERO_MAX = 0.95


@dataclass(frozen=True, slots=True)
class Params:
    """trees: 1..5000; leaves: 2..512 each; rate: 0.001..1 of learning; leaf_rows: 1..1e6 examples a leaf; power:
    1.01..1.99 of Tweedie; rows_max: 1000..1e8 examples."""

    trees: int = 120
    leaves: int = 15
    rate: float = 0.05
    leaf_rows: int = 100
    power: float = 1.3
    rows_max: int = 300_000

    def __post_init__(self) -> None:
        check_ranges(
            self, "series", ("trees", 1, 5000), ("leaves", 2, 512), ("rate", 0.001, 1), ("leaf_rows", 1, 1e6),
            ("power", 1.01, 1.99), ("rows_max", 1000, 1e8),
        )  # fmt: skip


def forecast(
    lines: Sequence[np.ndarray], season: int, horizon: int, levels: np.ndarray, *, seed: int = 0,
    params: Params | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Means (n, horizon) and quantiles (n, horizon, q) float32 in whole units. lines: n series of counts.

    Raises InvalidInput when no series reaches back four horizons: there is nothing to learn from.
    """
    params = params or Params()
    units, age = padded(lines)
    end = units.shape[1]
    if end < 4 * horizon:
        raise InvalidInput("series", end, f"at least {4 * horizon} periods for a horizon of {horizon}")
    before = _learn(units, age, season, horizon, end - horizon, seed, params)
    old = age > horizon
    mu = _means(before, units, age, season, end - horizon, horizon)[old]
    law = _law(mu.ravel(), units[old, end - horizon :].ravel())
    model = _learn(units, age, season, horizon, end, seed, params)
    mean = _means(model, units, age, season, end, horizon)
    spread, zeros = _spread(law, mean.ravel())
    out = np.empty((mean.size, len(levels)), np.float32)
    count_quantiles(mean.ravel().astype(np.float32), spread, zeros, levels[None, :], np.zeros(mean.size, np.int32), out)
    return mean, out.reshape(*mean.shape, len(levels))


def padded(lines: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(n, t) with zeros before the shorter ones, and (n,) how many periods each has."""
    age = np.array([len(line) for line in lines])
    units = np.zeros((len(lines), int(age.max())))
    for row, line in enumerate(lines):
        units[row, units.shape[1] - len(line) :] = line
    return units, age


def _known(units: np.ndarray, age: np.ndarray, end: int) -> np.ndarray:
    """(n, f) of what was known after `end` periods."""
    past = units[:, :end]
    sold = past > 0
    known = np.maximum(age - (units.shape[1] - end), 1)
    columns = []
    for window in (*WINDOWS, end):
        columns += [past[:, -window:].mean(1), sold[:, -window:].mean(1)]
    columns += [past[:, -12:].std(1), past[:, -24:].max(1), past.sum(1) / np.maximum(sold.sum(1), 1)]
    columns += [np.where(sold.any(1), sold[:, ::-1].argmax(1), end), known]
    values, ptr = past.ravel(), np.arange(len(past) + 1) * end
    columns += [demand_bank.forecast(name, values, ptr, 1)[:, 0] for name in ("ses", "sba", "tsb")]
    return np.stack(columns, axis=1)


def _ahead(known: np.ndarray, units: np.ndarray, season: int, end: int, step: int) -> np.ndarray:
    """(n, f + 3): the same for the period `step` (0 = the next), its phase, and what was sold a season before it."""
    ago = end + step - season
    before = units[:, ago] if season > step and ago >= 0 else np.zeros(len(units))
    return np.column_stack([known, np.full(len(units), step), np.full(len(units), (end + step) % season), before])


def _learn(
    units: np.ndarray, age: np.ndarray, season: int, horizon: int, end: int, seed: int, params: Params
) -> lgb.Booster:
    """From all that happened before `end`: origins evenly over the later three quarters of the history."""
    origins = np.arange(max(horizon, end // 4), end - horizon + 1)
    most = max(1, params.rows_max // (len(units) * horizon))
    origins = origins[np.unique(np.linspace(0, len(origins) - 1, min(most, len(origins))).astype(int))]
    rows, targets = [], []
    for origin in origins.tolist():
        there = age > units.shape[1] - origin
        known = _known(units, age, origin)
        for step in range(horizon):
            rows.append(_ahead(known, units, season, origin, step)[there])
            targets.append(units[there, origin + step])
    return lgb.train(
        {
            "objective": "tweedie", "tweedie_variance_power": params.power, "num_leaves": params.leaves,
            "learning_rate": params.rate, "min_data_in_leaf": params.leaf_rows, "lambda_l2": 5.0,
            "feature_fraction": 0.7, "bagging_fraction": 0.7, "bagging_freq": 1, "seed": seed, "num_threads": 1,
            "deterministic": True, "verbose": -1,
        },
        lgb.Dataset(np.concatenate(rows), np.concatenate(targets)),
        params.trees,
    )  # fmt: skip


def _means(model: lgb.Booster, units: np.ndarray, age: np.ndarray, season: int, end: int, horizon: int) -> np.ndarray:
    """(n, horizon) after `end` periods."""
    known = _known(units, age, end)
    found = [model.predict(_ahead(known, units, season, end, step), num_threads=1) for step in range(horizon)]
    return np.maximum(np.stack(found, axis=1), MEAN_MIN)


def _law(mean: np.ndarray, units: np.ndarray) -> np.ndarray:
    """(4,) of the likeliest law: log of the dispersion and logit of the extra zeros, linear in the log of the mean."""
    counts, mu = units.astype(np.float32), mean.astype(np.float32)

    def loss(law: np.ndarray) -> float:
        return float(count_loss(mu, *_spread(law, mean), counts)) / len(mu) + 1e-4 * float(law @ law)

    return minimize(loss, np.array([0.0, 0.0, -3.0, 0.0]), method="Nelder-Mead", options={"maxiter": 300}).x


def _spread(law: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dispersion and share of extra zeros, (m,) float32 each."""
    log = np.log(mean)
    spread = np.exp(np.clip(law[0] + law[1] * log, *LOG_SPREAD))
    return spread.astype(np.float32), (ZERO_MAX * expit(law[2] + law[3] * log)).astype(np.float32)
