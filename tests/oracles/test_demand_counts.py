"""The kernels of daily counts against scipy's distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import digamma

from serving.kernels.demand_counts import count_cdf, count_loss, quantiles, size_gradient

LEVELS = np.array([0.005, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])


def cdf_twin(mu, dispersion, zero_share, k):
    """P(Y <= k), by scipy."""
    mean = mu / (1 - zero_share)
    size = 1 / dispersion
    return zero_share + (1 - zero_share) * stats.nbinom.cdf(k, size, size / (size + mean))


def cases(n=400, seed=0):
    rng = np.random.default_rng(seed)
    mu = np.exp(rng.uniform(-6, 8, n)).astype(np.float32)
    dispersion = np.exp(rng.uniform(-6, 3, n)).astype(np.float32)
    zero_share = np.where(rng.random(n) < 0.5, 0, rng.uniform(0, 0.8, n)).astype(np.float32)
    return mu, dispersion, zero_share


def test_quantiles_are_the_smallest_counts_that_reach_the_level():
    mu, dispersion, zero_share = cases()
    found = quantiles(mu, dispersion, zero_share, LEVELS).astype(np.float64)
    wide = [x.astype(np.float64)[:, None] for x in (mu, dispersion, zero_share)]
    assert (cdf_twin(*wide, found) >= LEVELS - 1e-9).all()
    below = np.where(found > 0, cdf_twin(*wide, found - 1), 0.0)
    assert (below < LEVELS + 1e-9).all()
    assert (np.diff(found) >= 0).all()


def test_a_large_mean_with_little_spread_starts_from_nothing():
    """The probability of 0 is below the smallest float, so nothing can be summed up from there."""
    found = quantiles(np.float32([5000.0]), np.float32([1e-4]), np.float32([0.0]), LEVELS)
    expected = stats.nbinom.ppf(LEVELS, 1e4, 1e4 / 15000.0)
    np.testing.assert_allclose(found[0], expected, atol=2)


@pytest.mark.parametrize("y", [0, 1, 7, 64, 65, 900])
def test_probabilities_below_and_up_to_a_count(y):
    mu, dispersion, zero_share = cases()
    below, upto = np.empty(len(mu)), np.empty(len(mu))
    count_cdf(mu, dispersion, zero_share, np.full(len(mu), y, np.float32), below, upto)
    wide = [x.astype(np.float64) for x in (mu, dispersion, zero_share)]
    np.testing.assert_allclose(upto, cdf_twin(*wide, y), atol=1e-9)
    np.testing.assert_allclose(below, cdf_twin(*wide, y - 1) if y else 0.0, atol=1e-9)


def test_the_loss_is_minus_the_log_of_the_probabilities():
    mu, dispersion, zero_share = cases(200)
    y = np.random.default_rng(1).poisson(np.minimum(mu, 50)).astype(np.float32)
    wide = [x.astype(np.float64) for x in (mu, dispersion, zero_share)]
    mean, size = wide[0] / (1 - wide[2]), 1 / wide[1]
    log_p = np.log1p(-wide[2]) + stats.nbinom.logpmf(y, size, size / (size + mean))
    expected = -np.where(y == 0, np.log(wide[2] + np.exp(log_p)), log_p).sum()
    assert count_loss(mu, dispersion, zero_share, y) == pytest.approx(expected, rel=1e-9)


def test_the_gradient_is_the_slope_of_the_loss():
    rng = np.random.default_rng(2)
    log_size = rng.uniform(-3, 3, 100)
    mu = np.exp(rng.uniform(-3, 4, 100)).astype(np.float32)
    y = rng.poisson(mu * rng.gamma(0.5, 2, 100)).astype(np.float32)
    gradient, hessian = np.empty(100), np.empty(100)
    size_gradient(log_size, mu, y, gradient, hessian)
    r, m = np.exp(log_size), mu.astype(np.float64)
    slope = -r * (digamma(y + r) - digamma(r) + np.log(r / (r + m)) + 1 - (y + r) / (m + r))
    np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-8)
    step = 1e-5
    after, before = np.empty(100), np.empty(100)
    size_gradient(log_size + step, mu, y, after, np.empty(100))
    size_gradient(log_size - step, mu, y, before, np.empty(100))
    np.testing.assert_allclose(hessian, np.maximum((after - before) / (2 * step), 0.02), rtol=1e-4, atol=1e-5)


def test_no_demand_is_a_row_of_zeros():
    nothing = np.float32([0.0, -1.0, np.nan])
    assert (quantiles(nothing, np.ones(3, np.float32), np.zeros(3, np.float32), LEVELS) == 0).all()
