"""What is known beside the sales: read, laid out by day, learnt from, and used for days to come."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import demand
import numpy as np
import pytest

from model_repo.datasets.outside import read_outside
from model_repo.datasets.tables import Outside
from model_repo.forecast.build import build
from model_repo.forecast.outside import laid_out
from model_repo.forecast.panel import panel_of
from serving.adapters.forecast_files import read_forecaster
from serving.core.errors import DataError

LEVELS = np.array([0.5])


def day(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=demand.MONDAY + number)).isoformat()


def written(tmp_path, text):
    file = tmp_path / "outside.csv"
    file.write_text(text)
    return file


def test_rows_are_read_with_their_flags(tmp_path):
    items = demand.dataset(np.ones((2, 3), int)).items
    text = f"Date,SKU,Rain,Out of stock\n{day(0)},,2.5,\n{day(1)},i1,,1\n{day(1)},gone,1,0\n"
    found = read_outside(written(tmp_path, text), items)
    assert found.names == ("Rain", "out_of_stock")
    assert (found.day - demand.MONDAY).tolist() == [0, 1]
    assert found.item.tolist() == [-1, 1]
    np.testing.assert_array_equal(found.values, [[2.5, np.nan], [np.nan, 1]])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("when,rain\n2026-01-01,1\n", "no column is called 'day'"),
        ("day,rain\n2026-13-01,1\n", "line 2, column 'day': got '2026-13-01'"),
        ("day,rain\n2026-01-01,wet\n", "line 2, column 'rain': got 'wet', expected a number"),
        ("day,rain\n2026-01-01,nan\n", "expected a number"),
        ("day,rain\n2026-01-01,inf\n", "expected a number"),
        ("day,promo\n2026-01-01,2\n", "expected 0 or 1"),
        ("day,rain\n2026-01-01,1\n2026-01-01,2\n", "line 3, column 'day': the same day as in line 2"),
        ("day,item,rain\n2026-01-01,a,1\n2026-01-01,a,2\n", "the same day of 'a' as in line 2"),
        ("day\n2026-01-01\n", "0 columns of numbers"),
    ],
)
def test_what_cannot_be_read_names_line_and_column(tmp_path, text, problem):
    with pytest.raises(DataError) as error:
        read_outside(written(tmp_path, text), ())
    assert problem in str(error.value)


def test_days_that_nothing_is_said_of_are_usual_and_events_are_over():
    """A temperature is its mean, an event is 0; what is said of an item holds until something else is said."""
    said = np.array([[10, 1, np.nan], [20, np.nan, np.nan], [np.nan, np.nan, 5], [np.nan, np.nan, 7]])
    outside = Outside(
        ("warm", "event", "rival"), demand.MONDAY + np.array([0, 1, 1, 3]), np.array([-1, -1, 0, 0], np.int32), said
    )
    found = laid_out(outside, demand.MONDAY, 5, 2)
    assert found is not None
    np.testing.assert_array_equal(found.by_day[:2, :4], [[10, 20, 15, 15], [1, 0, 0, 0]])
    np.testing.assert_array_equal(found.by_item[2], [[6, 5, 5, 7, 7], [6, 6, 6, 6, 6]])
    np.testing.assert_array_equal(found.items_at(3, 2), [[0, 0, 5], [0, 0, 6]])


def test_closed_and_out_of_stock_days_are_not_seen():
    names = ("closed", "out_of_stock")
    rows = np.array([[1, np.nan], [np.nan, 1]])
    outside = Outside(names, demand.MONDAY + np.array([2, 4]), np.array([-1, 1], np.int32), rows)
    panel = panel_of(dataclasses.replace(demand.dataset(np.ones((2, 7), int)), outside=outside))
    assert np.flatnonzero(~panel.seen[0]).tolist() == [2]
    assert np.flatnonzero(~panel.seen[1]).tolist() == [2, 4]


def test_an_event_to_come_is_expected_and_a_day_to_come_may_be_closed(tmp_path):
    """On every fifth day or so an event triples the sales; the table tells of the next one, and of a holiday."""
    rng = np.random.default_rng(0)
    days = 160
    event = rng.random(days + 30) < 0.2
    event[days : days + 7] = [False, True, False, False, False, False, False]
    units = rng.poisson(6 * np.where(event[:days], 3, 1) * np.ones((30, 1)))
    values = np.stack([event.astype(float), np.zeros(days + 30)], axis=1)
    values[days + 4, 1] = 1
    every = np.full(days + 30, -1, np.int32)
    outside = Outside(("event", "closed"), demand.MONDAY + np.arange(days + 30), every, values)
    found = build(dataclasses.replace(demand.dataset(units), outside=outside), plan=demand.SMALL)
    for name, content in found.files.items():
        (tmp_path / name).write_bytes(content)
    asked = read_forecaster(tmp_path, "v1")
    assert asked.model.outside == ("event",)
    mean = asked.forecast(np.arange(30, dtype=np.int32), 7, LEVELS).mean.mean(axis=0)
    assert mean[4] == 0
    assert mean[1] > 1.7 * np.median(mean[[0, 2, 3, 5, 6]])  # thirty small trees go two thirds of the way
