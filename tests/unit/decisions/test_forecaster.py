"""What every answer of the Forecaster keeps, whoever asks for what."""

from __future__ import annotations

import dataclasses

import demand
import numpy as np
import pytest

from serving.adapters.forecast_files import read_forecaster
from serving.core.errors import InvalidInput, ModelDamaged, ModelFailed
from serving.decisions.forecast.forecaster import CONFIDENCE, HORIZON_MAX, METHODS, Forecaster
from serving.kernels.demand_counts import quantiles as count_quantiles

NINE = np.array([0.005, 0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.995])
LEVEL = 0.2 * 1.12 ** np.arange(40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("forecast")
    for name, content in demand.built().files.items():
        (place / name).write_bytes(content)
    return place


@pytest.fixture(scope="module")
def forecaster(folder):
    return read_forecaster(folder, "v1")


ALL = np.arange(40, dtype=np.int32)


def test_the_shop_is_found_again(forecaster):
    """Means near the truth, nothing on Sundays, and twice as much on Saturdays."""
    found = forecaster.forecast(ALL, 28, NINE)
    weekday = (forecaster.first_day + 3 + np.arange(28)) % 7
    assert (found.mean[:, weekday == 6] == 0).all()
    assert (found.quantiles[:, weekday == 6] == 0).all()
    usual, busy = found.mean[:, weekday < 5].mean(axis=1), found.mean[:, weekday == 5].mean(axis=1)
    np.testing.assert_allclose(usual[20:], LEVEL[20:], rtol=0.3)
    assert 1.6 < (busy / usual)[20:].mean() < 2.4
    assert {METHODS[code] for code in found.method} == {"global-model"}
    assert CONFIDENCE[found.confidence[39]] == "high"


def test_intervals_hold_what_they_say(forecaster):
    """The truth is Poisson: of draws from it 80 % lie between the quantiles of 10 and 90 %, ends in proportion."""
    found = forecaster.forecast(ALL, 28, np.arange(1, 200) / 200)
    weekday = (forecaster.first_day + 3 + np.arange(28)) % 7
    rate = LEVEL[:, None] * np.array([1, 1, 1, 1, 1, 2, 0])[weekday]
    drawn = np.random.default_rng(1).poisson(rate)[:, weekday != 6]
    q = found.quantiles[:, weekday != 6]
    low = (q < drawn[..., None]).sum(axis=2) / 200
    high = ((q <= drawn[..., None]).sum(axis=2) + 1) / 200
    for share in (0.5, 0.8, 0.95):
        inside = np.minimum(high, (1 + share) / 2) - np.maximum(low, (1 - share) / 2)
        assert np.clip(inside / (high - low), 0, 1).mean() == pytest.approx(share, abs=0.06)


def test_quantiles_are_whole_and_never_fall(forecaster):
    found = forecaster.forecast(ALL, 60, NINE, lead=5)
    assert found.quantiles.shape == (40, 60, 9)
    assert (np.diff(found.quantiles, axis=2) >= 0).all()
    assert (found.quantiles == np.rint(found.quantiles)).all()
    assert (found.mean >= 0).all()


@pytest.mark.parametrize("block", [1, 7])
def test_a_batch_answers_as_its_members_do(forecaster, block):
    rows = np.array([39, 3, 17, 41], np.int32)
    price = np.array([1000, 0, 900, 0], np.int64)
    promo = np.zeros((4, 28), np.bool_)
    promo[2, 5:9] = True
    whole = forecaster.forecast(rows, 28, NINE, price=price, promo=promo, block_days=block)
    for k in range(4):
        part = slice(k, k + 1)
        one = forecaster.forecast(rows[part], 28, NINE, price=price[part], promo=promo[part], block_days=block)
        np.testing.assert_array_equal(one.mean[0], whole.mean[k])
        np.testing.assert_array_equal(one.quantiles[0], whole.quantiles[k])
        assert (one.method[0], one.confidence[0]) == (whole.method[k], whole.confidence[k])


def test_asking_later_is_asking_with_a_lead(forecaster):
    whole, later = forecaster.forecast(ALL, 28, NINE), forecaster.forecast(ALL, 18, NINE, lead=10)
    np.testing.assert_array_equal(whole.mean[:, 10:], later.mean)
    np.testing.assert_array_equal(whole.quantiles[:, 10:], later.quantiles)


def test_items_add_up_to_categories_and_these_to_the_shop(forecaster):
    n = len(forecaster.item_ids)
    assert forecaster.groups == ("cups", "tea", "")
    items = forecaster.forecast(ALL, 56, NINE).mean
    groups = forecaster.forecast(np.arange(n, n + 3, dtype=np.int32), 56, NINE).mean
    np.testing.assert_allclose(items[0::2].sum(axis=0), groups[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(items[1::2].sum(axis=0), groups[1], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(items.sum(axis=0), groups[2], rtol=1e-4, atol=1e-4)


def test_weeks_are_the_sums_of_their_days(forecaster):
    days, weeks = forecaster.forecast(ALL, 28, NINE), forecaster.forecast(ALL, 28, NINE, block_days=7)
    assert weeks.quantiles.shape == (40, 4, 9)
    np.testing.assert_allclose(days.mean.reshape(40, 4, 7).sum(axis=2), weeks.mean, rtol=1e-5)


def test_counts_are_the_distributions_behind_the_quantiles(forecaster):
    """Without the last step of the calibration, which moves levels only: about the same medians."""
    counts, found = forecaster.counts(ALL, 14), forecaster.forecast(ALL, 14, np.array([0.5]))
    np.testing.assert_array_equal(counts.mu, found.mean)
    medians = count_quantiles(counts.mu.ravel(), counts.dispersion.ravel(), counts.zero_share.ravel(), [0.5])
    assert np.abs(medians - found.quantiles.reshape(-1, 1)).max() <= 2


def test_the_bank_alone_answers_without_the_model(forecaster):
    found = forecaster.forecast(ALL, 28, NINE, statistical=True)
    assert {METHODS[code] for code in found.method} <= {"ses", "tsb", "sba", "theta"}
    assert found.confidence.max() == 1
    np.testing.assert_allclose(found.mean[30:].mean(axis=1), LEVEL[30:], rtol=0.35)


def test_no_item_is_no_answer(forecaster):
    found = forecaster.forecast(np.zeros(0, np.int32), 7, NINE)
    assert found.mean.shape == (0, 7)
    assert found.quantiles.shape == (0, 7, 9)


def test_a_model_that_cannot_be_run_says_so(forecaster, folder):
    """And the same question to the bank is answered."""

    class Broken:
        def score(self, features):
            raise ModelFailed("forecast", "no memory")

    broken = Forecaster(dataclasses.replace(forecaster.model, mean=Broken()), "v1")
    with pytest.raises(ModelFailed):
        broken.forecast(ALL, 7, NINE)
    assert broken.forecast(ALL, 7, NINE, statistical=True).mean.shape == (40, 7)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"horizon": 0}, "horizon"),
        ({"horizon": HORIZON_MAX + 1}, "horizon"),
        ({"horizon": HORIZON_MAX, "lead": 1}, "horizon"),
        ({"lead": -1}, "lead"),
        ({"quantiles": [0.0, 0.5]}, "quantiles"),
        ({"quantiles": [0.5, 1.0]}, "quantiles"),
        ({"quantiles": [0.5, 0.1]}, "quantiles"),
        ({"quantiles": [0.5, 0.5]}, "quantiles"),
        ({"quantiles": [0.5, np.nan]}, "quantiles"),
        ({"quantiles": []}, "quantiles"),
        ({"rows": [0, 43]}, "rows"),
        ({"rows": [-1]}, "rows"),
        ({"location": 0}, "location"),
        ({"location": -2}, "location"),
        ({"block_days": 3}, "block_days"),
        ({"block_days": 7, "horizon": 10}, "horizon"),
        ({"price": [-1]}, "price"),
        ({"price": [1, 2]}, "price"),
        ({"promo": np.zeros((1, 3), bool)}, "promo"),
    ],
)
def test_what_cannot_be_answered_is_named(forecaster, changed, field):
    asked = {"rows": [0], "horizon": 7, "quantiles": [0.5]} | changed
    rows, horizon = np.array(asked.pop("rows"), np.int32), asked.pop("horizon")
    price = np.array(asked.pop("price")) if "price" in asked else None
    with pytest.raises(InvalidInput) as error:
        forecaster.forecast(rows, horizon, np.array(asked.pop("quantiles")), price=price, **asked)
    assert error.value.field == field


def test_a_part_that_lacks_one_of_the_two_models_is_damaged(folder, tmp_path):
    for name, content in demand.built().files.items():
        if name != "spread.onnx":
            (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelDamaged, match=r"spread\.onnx"):
        read_forecaster(tmp_path, "v1")
