"""Seasonal autoregressions: processes whose answer is known, short and flat series, weights that follow the errors."""

from __future__ import annotations

import numpy as np
import pytest

from model_repo.forecast import pooled_counts, seasonal_ar
from serving.core.errors import InvalidInput


@pytest.mark.parametrize("logs", [True, False])
def test_a_season_on_a_trend_goes_on(logs):
    time = np.arange(120)
    whole = (200 + time) * (1 + 0.2 * np.sin(time * np.pi / 6))
    found = seasonal_ar.autoregression(whole[:108], 12, 12, 0.01, logs)
    np.testing.assert_allclose(found, whole[108:], rtol=0.02)


@pytest.mark.parametrize("line", [[5.0], [5.0, 6.0], [3.0] * 30, [0.0] * 9, [-1.0, 2.0, -3.0, 4.0] * 9])
def test_short_flat_and_negative_series_have_forecasts(line):
    found = seasonal_ar.forecast([np.array(line)], 12, 6)
    assert found.shape == (1, 6)
    assert np.isfinite(found).all()
    if len(set(line)) == 1:
        np.testing.assert_allclose(found, line[0])


def test_the_member_that_was_right_before_weighs_most():
    """An exact season: the last value was always wrong, the seasonal ones never."""
    line = 50 + 20 * np.sin(np.arange(144) * np.pi / 6)
    weights = seasonal_ar.weights([line], 12, 6, seasonal_ar.Params())
    np.testing.assert_allclose(weights.sum(0), 1.0)
    assert weights[0, 0] < 0.001
    even = seasonal_ar.weights([line], 12, 6, seasonal_ar.Params(sharpness=0))
    np.testing.assert_allclose(even, 1 / len(even))


def test_counts_have_the_spread_that_they_had(tmp_path):
    """Two kinds of series, one with large orders: whole quantiles in order, wider where orders are large, the same
    twice."""
    rng = np.random.default_rng(0)
    lines = [rng.poisson(0.5, 30) * size for size in (1, 8) for _ in range(40)]
    levels = np.array([0.1, 0.5, 0.9, 0.99])
    params = pooled_counts.Params(trees=30, leaf_rows=20)
    mean, quantiles = pooled_counts.forecast(lines, 12, 3, levels, params=params)
    assert mean.shape == (80, 3)
    assert mean[40:].mean() > 4 * mean[:40].mean()
    assert quantiles[40:, :, 3].mean() > 4 * quantiles[:40, :, 3].mean()
    assert (np.diff(quantiles, axis=2) >= 0).all()
    np.testing.assert_array_equal(quantiles, np.rint(quantiles))
    again = pooled_counts.forecast(lines, 12, 3, levels, params=params)
    np.testing.assert_array_equal(again[1], quantiles)


def test_too_little_to_learn_counts_from_says_how_much():
    with pytest.raises(InvalidInput, match="at least 12 periods"):
        pooled_counts.forecast([np.zeros(11)], 12, 3, np.array([0.5]))
