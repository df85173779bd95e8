"""The trees: the same in ONNX as in LightGBM, and finding what was put into the examples."""

from __future__ import annotations

import numpy as np
import pytest

from model_repo.forecast.calibration import Calibration, Outcomes, calibrate
from model_repo.forecast.examples import Examples
from model_repo.forecast.learning import Params, learn
from model_repo.ranker.onnx_file import to_onnx
from serving.adapters.onnx_scorer import OnnxScorer
from serving.core.errors import InvalidInput
from serving.decisions.forecast.models import BUCKETS, CLASSES, GRID
from serving.kernels.demand_counts import quantiles

NAMES = ("doubles", "wild", "nothing")


def examples(rows: int = 6000, seed: int = 0) -> Examples:
    """Twice as much where column 0 is above a half, size 0.3 instead of 5 where column 1 is."""
    rng = np.random.default_rng(seed)
    features = rng.random((rows, 3)).astype(np.float32)
    expected = np.exp(rng.normal(1, 0.5, rows)).astype(np.float32)
    mean = expected * np.where(features[:, 0] > 0.5, 2.0, 1.0)
    size = np.where(features[:, 1] > 0.5, 0.3, 5.0)
    units = rng.poisson(mean * rng.gamma(size, 1 / size)).astype(np.float32)
    nothing = np.zeros(rows, np.int32)
    return Examples(features, units, expected, nothing, nothing + 1, nothing.astype(np.float32))


@pytest.fixture(scope="module")
def learnt():
    return learn(examples(), Params(trees=60, spread_trees=60, columns=1.0), seed=0)


def test_onnx_says_what_lightgbm_says(learnt):
    features = np.random.default_rng(1).random((500, 3)).astype(np.float32)
    for trees in (learnt.mean, learnt.spread):
        found = OnnxScorer(to_onnx(trees, NAMES), NAMES).score(features)
        np.testing.assert_allclose(found, trees.score(features), atol=1e-5)


def test_both_heads_find_what_was_put_in(learnt):
    corners = np.float32([[0.2, 0.2, 0.5], [0.8, 0.2, 0.5], [0.2, 0.8, 0.5]])
    low, high, _ = learnt.mean.score(corners)
    assert high - low == pytest.approx(np.log(2), abs=0.15)
    steady, _, wild = learnt.spread.score(corners) + learnt.spread_at
    assert steady == pytest.approx(np.log(5), abs=0.5)
    assert wild == pytest.approx(np.log(0.3), abs=0.25)


def test_the_same_examples_and_seed_give_the_same_trees(learnt):
    assert learn(examples(), Params(trees=60, spread_trees=60, columns=1.0), seed=0) == learnt


def test_a_parameter_outside_its_range_is_named():
    with pytest.raises(InvalidInput, match=r"forecast\.power"):
        Params(power=2.5)


def test_calibration_repairs_a_spread_that_is_wrong():
    """Forecasts say Poisson (nearly), the truth spreads widely and has extra zeros: in the class and bucket asked, the
    quantiles of 10 and 90 % hold what they say afterwards; of a class that is not there nothing is changed."""
    rng = np.random.default_rng(0)
    mu = np.exp(rng.normal(1.5, 0.5, 4000)).astype(np.float32)
    drawn = rng.poisson(mu / 0.7 * rng.gamma(0.8, 1 / 0.8, 4000)) * (rng.random(4000) < 0.7)
    zeros = np.zeros(4000, np.int32)
    given = Outcomes(mu, np.full(4000, 3.0, np.float32), drawn.astype(np.float32), zeros.astype(np.uint8) + 4, zeros)
    found = calibrate([given, given])
    shift, zero, levels = found.size_shift[0, 4, 0], found.zero_share[0, 4, 0], found.level_map[0, 4, 0]
    read = np.interp([0.1, 0.9], GRID, levels)
    size = np.full(4000, np.exp(-(3.0 + shift)), np.float32)
    q = quantiles(mu, size, np.full(4000, zero, np.float32), read)
    assert (drawn <= q[:, 1]).mean() == pytest.approx(0.9, abs=0.02)
    assert (drawn < q[:, 0]).mean() <= 0.1
    assert 0.1 < zero < 0.5
    none = Calibration.none()
    np.testing.assert_array_equal(found.level_map[0, CLASSES - 1], none.level_map[0, CLASSES - 1])
    assert found.size_shift.shape == (2, CLASSES, len(BUCKETS) + 1)


def test_what_items_missed_above_counts_below_as_well():
    """All sold a fifth more than was forecast on the days to check on: items' levels widen to both sides and keep their
    middle, those of categories and the whole shop move up; between the ends for 80 % lies what they say, either way."""
    rng = np.random.default_rng(1)
    mu = np.exp(rng.normal(4.0, 0.5, 8000)).astype(np.float32)
    drawn = rng.poisson(1.2 * mu * rng.gamma(12.0, 1 / 12.0, 8000)).astype(np.float32)
    zeros, read = np.zeros(8000, np.int32), {}
    for kind in (4, CLASSES - 1):
        given = Outcomes(mu, np.full(8000, 2.5, np.float32), drawn, (zeros + kind).astype(np.uint8), zeros)
        found = calibrate([given, given])
        read[kind] = np.interp([0.1, 0.5, 0.9], GRID, found.level_map[0, kind, 0])
        spread = np.full(8000, np.exp(-(2.5 + found.size_shift[0, kind, 0])), np.float32)
        extra = np.full(8000, found.zero_share[0, kind, 0], np.float32)
        low, _, high = quantiles(mu, spread, extra, read[kind]).T
        assert ((drawn >= low) & (drawn <= high)).mean() == pytest.approx(0.8, abs=0.03)
    low, middle, high = read[4]
    assert middle == pytest.approx(0.5, abs=0.01)
    assert low == pytest.approx(1 - high, abs=0.01)
    assert read[CLASSES - 1][1] > 0.6
