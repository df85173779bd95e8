"""Demand along a ladder, and what a period of sales says: the kernels equal their twins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln

from serving.decisions.price.price_features import KNOTS
from serving.kernels import demand_curve

N, K = 7, 9


def _g(x: np.ndarray, shape: float) -> np.ndarray:
    return x if shape == 0 else (np.exp(shape * x) - 1) / shape


@pytest.mark.parametrize("shape", [0.0, 0.5, 2.0])
def test_ladder_equals_its_twin(shape: float) -> None:
    rng = np.random.default_rng(3)
    prices = np.sort(rng.integers(1, 4000, (N, K)), axis=1)
    usual, shift = rng.uniform(500, 2000, N), rng.normal(0, 0.2, N)
    state = np.column_stack([rng.normal(1, 1, N), -rng.uniform(0, 5, N)])
    bends = np.sort(rng.normal(0, 0.3, (N, len(KNOTS))), axis=1)[:, ::-1].astype(np.float32).copy()
    on_hand = np.array([-1, 0, 3, -1, 1, -1, 10**6])
    found = np.empty((N, K), np.float32)
    demand_curve.ladder(prices, usual, state, shift, KNOTS, bends, shape, on_hand, found)
    x = np.clip(np.log(prices / usual[:, None]), -demand_curve.REACH, demand_curve.REACH)
    bend = np.array([np.interp(x[i], KNOTS, bends[i].astype(np.float64)) for i in range(N)])
    units = np.exp(np.minimum(state[:, :1] + state[:, 1:] * _g(x, shape) + shift[:, None] + bend, 30.0))
    expected = np.where(on_hand[:, None] >= 0, np.minimum(units, on_hand[:, None]), units)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(("units", "size"), [(0.0, 2.0), (3.0, 0.5), (40.0, 10.0)])
def test_a_period_moves_the_mode_as_a_fine_grid_says(units: float, size: float) -> None:
    """The twin looks for the highest point of prior times likelihood on a grid of levels and slopes."""
    mean, cov = np.array([1.5, -2.0]), np.array([0.6, 0.1, 0.4])
    g, offset = -0.3, 0.2
    level, slope = np.meshgrid(np.linspace(-1.5, 4.5, 1201), np.linspace(-5, 1, 601), indexing="ij")
    inverse = np.linalg.inv(np.array([[cov[0], cov[1]], [cov[1], cov[2]]]))
    a, b = level - mean[0], slope - mean[1]
    prior = -0.5 * (inverse[0, 0] * a * a + 2 * inverse[0, 1] * a * b + inverse[1, 1] * b * b)
    mu = np.exp(level + slope * g + offset)
    told = gammaln(units + size) + size * np.log(size / (size + mu)) + units * np.log(mu / (size + mu))
    at = np.unravel_index((prior + told).argmax(), prior.shape)
    demand_curve.one_period(mean, cov, g, offset, units, False, size)
    np.testing.assert_allclose(mean, [level[at], slope[at]], atol=0.011)
    weight = np.exp(mean[0] + mean[1] * g + offset)
    weight = weight * size / (size + weight)
    x = np.array([1.0, g])
    after = np.linalg.inv(inverse + weight * np.outer(x, x))
    np.testing.assert_allclose(cov, [after[0, 0], after[0, 1], after[1, 1]], rtol=1e-6)


def test_the_past_in_order_is_period_after_period() -> None:
    """run_history ends where `learn` and `forget` called one after the other end."""
    rng = np.random.default_rng(5)
    periods, n = 12, 3
    prices = rng.integers(700, 1300, (n, periods))
    units = rng.poisson(5.0, (n, periods)).astype(np.float64)
    usual, size = np.full(n, 1000.0), np.full(n, 3.0)
    prior, drift = np.array([1.0, 0.5]), np.array([0.01, 0.001])
    first = np.tile([1.5, -2.0], (n, 1))
    mean, cov, before = np.empty((n, 2)), np.empty((n, 3)), np.empty((n * periods, 3))
    demand_curve.run_history(
        np.arange(n + 1) * periods, np.tile(np.arange(periods, dtype=np.int32), n), np.log(prices / 1000.0).ravel(),
        np.zeros(n * periods), np.zeros(n * periods), np.zeros(n * periods), units.ravel(),
        np.zeros(n * periods, np.bool_), size, first, prior, drift, 1, before, mean, cov,
    )  # fmt: skip
    twin, spread = first.copy(), np.tile([prior[0], 0.0, prior[1]], (n, 1))
    rows, flat = np.arange(n, dtype=np.int32), np.zeros((n, len(KNOTS)), np.float32)
    for t in range(periods):
        np.testing.assert_allclose(before.reshape(n, periods, 3)[:, t, :2], twin, rtol=1e-9)
        step = drift if t else np.zeros(2)
        demand_curve.learn(
            rows, units[:, t].astype(np.float32), prices[:, t], np.zeros(n, np.bool_), usual, np.zeros(n), KNOTS, flat,
            0.0, size, step, prior, twin, spread,
        )  # fmt: skip
    np.testing.assert_allclose(mean, twin, rtol=1e-9)
    np.testing.assert_allclose(cov, spread, rtol=1e-9)


def test_draws_have_the_posteriors_moments_and_stay_within_the_bounds() -> None:
    rng = np.random.default_rng(7)
    mean, cov = np.tile([1.0, -3.0], (40_000, 1)), np.tile([0.5, 0.2, 0.3], (40_000, 1))
    drawn = np.empty_like(mean)
    demand_curve.bounded(mean, cov, rng.standard_normal(mean.shape), drawn)
    np.testing.assert_allclose(np.cov(drawn.T), [[0.5, 0.2], [0.2, 0.3]], atol=0.02)
    demand_curve.bounded(np.array([[1.0, 0.7]]), np.array([[0.5, 0.2, 0.3]]), np.zeros((0, 2)), drawn[:1])
    assert drawn[0, 1] == demand_curve.SLOPE_MAX
    assert drawn[0, 0] == pytest.approx(1.0 + 0.2 / 0.3 * (demand_curve.SLOPE_MAX - 0.7))
