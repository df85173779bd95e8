"""The measurement of the forecaster: its rows are those of a shop, and broken promises are told."""

from __future__ import annotations

import demand
import numpy as np

from loadtests.forecasts import LEVELS, Found, all_items, broken, made_shop, repeated
from serving.adapters.forecast_files import read_forecaster
from serving.decisions.forecast.forecaster import Forecaster

KEPT = Found(p50_ms=0.2, p99_ms=0.5, busy_p99_ms=0.4, load_s=1.0, bulk_s=20.0, peak_mib=900.0)


def test_repeated_rows_answer_as_the_first_ones(tmp_path):
    for name, content in demand.built().files.items():
        (tmp_path / name).write_bytes(content)
    one = read_forecaster(tmp_path, "v1")
    many = Forecaster(repeated(one.model, 100), "v1")
    first, again = one.forecast(np.int32([3, 39]), 28, LEVELS), many.forecast(np.int32([83, 79]), 28, LEVELS)
    np.testing.assert_array_equal(first.quantiles, again.quantiles)
    shop = np.int32([len(one.item_ids) + 2]), np.int32([102])
    np.testing.assert_array_equal(one.forecast(shop[0], 7, LEVELS).mean, many.forecast(shop[1], 7, LEVELS).mean)
    assert all_items(many, threads=2) > 0


def test_broken_promises_are_named():
    assert broken(KEPT, 100_000) == []
    slow = Found(p50_ms=1.0, p99_ms=2.5, busy_p99_ms=2.0, load_s=1.0, bulk_s=61.0, peak_mib=4097.0)
    assert [note.split(" ")[0] for note in broken(slow, 100_000)] == ["one", "100000", "4097"]
    assert len(broken(slow, 200_000)) == 1


def test_the_made_shop_is_the_same_twice():
    one, two = made_shop(20, 30, 1), made_shop(20, 30, 1)
    np.testing.assert_array_equal(one.events.quantity, two.events.quantity)
    assert len(one.items) == 20
