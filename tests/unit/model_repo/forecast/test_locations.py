"""Where things are sold: read from the file, shrunk, and asked for."""

from __future__ import annotations

import dataclasses

import demand
import numpy as np

from model_repo.datasets.tables import EventTable
from model_repo.datasets.transactions import read_transactions
from model_repo.forecast.build import build
from model_repo.forecast.locations import location_shares
from model_repo.forecast.panel import panel_of
from model_repo.forecast.states import with_groups
from serving.adapters.forecast_files import read_forecaster


def placed(units, place_of):
    data = demand.dataset(units)
    place = np.array([place_of(item, k) for k, item in enumerate(data.events.item)], np.int32)
    return dataclasses.replace(data, events=dataclasses.replace(data.events, place=place), places=("north", "south"))


def test_an_item_with_many_sales_keeps_its_own_share_and_one_with_few_takes_its_categorys():
    units = np.zeros((4, 200), int)
    units[0], units[2, :150], units[1, 0], units[3, 0] = 1, 1, 1, 1
    data = placed(units, lambda item, k: 0 if item in (0, 3) else 1)
    names, share = location_shares(data, with_groups(panel_of(data)))
    assert names == ("north", "south")
    np.testing.assert_allclose(share.sum(axis=1), 1, rtol=1e-6)
    assert share[0, 0] > 0.9
    assert share[2, 1] > 0.85
    assert 0.3 < share[1, 0] < 0.8


def test_a_location_is_a_part_of_the_whole(tmp_path):
    units = np.full((6, 40), 5)
    found = build(placed(units, lambda item, k: int(k % 7 == 0)))
    for name, content in found.files.items():
        (tmp_path / name).write_bytes(content)
    asked = read_forecaster(tmp_path, "v1")
    assert asked.locations == ("north", "south")
    rows, level = np.arange(6, dtype=np.int32), np.array([0.5])
    whole, north, south = (asked.forecast(rows, 7, level, location=place).mean for place in (-1, 0, 1))
    np.testing.assert_allclose(north + south, whole, rtol=1e-5)
    np.testing.assert_allclose(north / whole, 6 / 7, atol=0.05)


def test_the_reader_knows_a_column_of_locations(tmp_path):
    file = tmp_path / "sales.csv"
    file.write_text(
        "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "1,10001,2,2026-01-05 10:00,1.50,7,United Kingdom\n"
        "2,10001,1,2026-01-06 10:00,1.50,8,\n"
        "3,10002,1,2026-01-06 11:00,2.50,8,France\n"
    )
    found = read_transactions(file)
    assert found.places == ("France", "United Kingdom")
    assert found.events.place is not None
    assert found.events.place.tolist() == [1, -1, 0]


def test_tables_with_and_without_places_are_joined():
    data = demand.dataset(np.array([[1, 1]])).events
    joined = EventTable.joined([dataclasses.replace(data, place=np.array([0, 1], np.int32)), data])
    assert joined.place is not None
    assert joined.place.tolist() == [0, 1, -1, -1]
    assert EventTable.joined([data, data]).place is None
    assert joined.take(np.array([1, 3])).place.tolist() == [1, -1]
