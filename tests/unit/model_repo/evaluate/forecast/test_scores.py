"""The scores against their definitions, and the coverage of counts against the distribution that made them."""

from __future__ import annotations

import numpy as np
import pytest

from model_repo.evaluate.forecast import scores
from model_repo.evaluate.forecast.panel import Panel
from model_repo.evaluate.forecast.tally import Tally, Task
from model_repo.forecast.classes import NAMES


def test_scales_begin_at_the_first_sale():
    """Zeros before an item was on sale are no steady demand; a flat history has no scale."""
    units = np.array([[0.0, 0.0, 2.0, 4.0, 1.0], [3.0, 3.0, 3.0, 3.0, 3.0]])
    squared, absolute = scores.scales(units, np.array([2, 0]))
    assert squared[0] == (4 + 9) / 2
    assert absolute[0] == (2 + 3) / 2
    assert np.isnan([squared[1], absolute[1]]).all()


def test_rmsse_is_one_for_errors_as_large_as_the_steps_of_the_history():
    found = scores.rmsse(np.array([[1.0, 5.0]]), np.array([[3.0, 3.0]]), np.array([4.0]))
    np.testing.assert_allclose(found, [1.0])


def test_pinball_equals_its_definition():
    rng = np.random.default_rng(0)
    actual, quantiles = rng.integers(0, 9, (2, 3)).astype(float), np.sort(rng.random((2, 3, 199)) * 8, axis=2)
    expected = np.zeros(2)
    for n in range(2):
        for h in range(3):
            for level in scores.SCORED:
                gap = actual[n, h] - quantiles[n, h, round(level * 200) - 1]
                expected[n] += (level if gap >= 0 else level - 1) * gap
    np.testing.assert_allclose(scores.pinball(actual, quantiles), expected / (3 * len(scores.SCORED)))


@pytest.mark.parametrize("mean", [0.15, 2.0, 30.0])
def test_counts_of_the_forecast_distribution_are_covered_as_it_says(mean):
    """Poisson, from nine zeros in ten to dozens: 50, 80 and 95 % within a point, though no interval of whole numbers
    could hold them; the plain share of lows and highs holds too many."""
    rng = np.random.default_rng(1)
    draws = np.sort(rng.poisson(mean, 400_000))
    quantiles = draws[(scores.LEVELS * len(draws)).astype(int)].astype(float)
    actual = rng.poisson(mean, (1, 20_000)).astype(float)
    spread = np.broadcast_to(quantiles, (1, 20_000, 199))
    for interval in scores.INTERVALS:
        assert scores.covered(*scores.owned(actual, spread), interval).mean() == pytest.approx(interval / 100, abs=0.01)
    if mean < 1:
        assert scores.inside(actual, spread, 50).mean() > 0.8


def test_forecasts_too_narrow_and_too_wide_are_told():
    actual = np.random.default_rng(2).normal(100, 10, (1, 4000)).round()
    for width, low, high in ((5.0, 0.4, 0.6), (20.0, 0.97, 1.0)):
        quantiles = np.quantile(np.random.default_rng(3).normal(100, width, 20_000), scores.LEVELS).round()
        owned = scores.owned(actual, np.broadcast_to(quantiles, (1, 4000, 199)))
        assert low < scores.covered(*owned, 80).mean() < high


def task(actual, history, classes=None):
    panel = Panel(tuple("ab"), np.array(history, float), np.array(history, float), 100)
    return Task("daily", "item", 7, panel, np.array(actual, float), classes, np.array([3.0, 1.0]))


def test_a_tally_weighs_by_sales_and_keeps_classes_apart():
    """Two origins of two items: means over all, weighted means, coverage of a class with enough periods alone."""
    horizon = 120
    actual, mean = np.tile([[1.0], [4.0]], horizon), np.tile([[1.0], [2.0]], horizon)
    right = np.repeat(np.tile([[1.0], [4.0]], horizon)[:, :, None], 199, axis=2)
    classes = np.array([NAMES.index("AX"), NAMES.index("CZ")])
    tally = Tally()
    for _ in range(2):
        tally.add(task(actual, [[0, 1, 0], [1, 2, 1]], classes), mean, right)
    found = tally.metrics()
    assert found["rmsse"] == pytest.approx(1.0)  # 0 and 2
    assert found["wrmsse"] == pytest.approx(0.5)
    assert found["bias"] == pytest.approx(3 / 5 - 1)
    assert found["pinball"] == 0.0
    assert found["coverage@80_AX"] == pytest.approx(found["coverage@80"], abs=0.02)
    assert "coverage@80_BX" not in found
    short = Tally()
    short.add(task(actual[:, :5], [[0, 1, 0], [1, 2, 1]], classes), mean[:, :5], right[:, :5])
    assert "coverage@80_AX" not in short.metrics()


def test_a_row_without_quantiles_has_point_errors_alone():
    tally = Tally()
    tally.add(task([[1.0], [2.0]], [[0, 1, 0], [1, 2, 1]]), np.zeros((2, 1)), None)
    assert set(tally.metrics()) == {"rmsse", "wrmsse", "bias"}
    assert tally.loss == np.inf
