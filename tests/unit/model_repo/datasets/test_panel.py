"""Panels: what a shop's history becomes, what a file may say, and what is refused."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from model_repo.datasets.orange_juice import COLUMNS, is_orange_juice, read_orange_juice
from model_repo.datasets.panel import panel_of
from model_repo.datasets.panel_files import read_panel
from model_repo.datasets.tables import Dataset, EventTable
from serving.core.catalogue import Item
from serving.core.errors import DataError, InvalidInput
from serving.events.types import PURCHASE, VIEW

DATA = Path(os.environ.get("STOREGATE_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
ORANGE_JUICE = DATA / "prices" / "oj_yx.csv.gz"
HEADER = "item,location,period,units,price,promo"
GOOD = [
    HEADER, "a,x,2026-01-05,3,1.50,0", "a,x,2026-01-12,0,1.50,1", "a,y,2026-01-05,2,1.40,0", "b,x,2026-01-19,9,12,0.5",
]  # fmt: skip


def _written(folder: Path, lines: list[str]) -> Path:
    path = folder / "panel.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_tidy_panel_is_read(tmp_path: Path) -> None:
    panel = read_panel(_written(tmp_path, GOOD))
    assert panel.ids == ("a @ x", "a @ y", "b @ x")
    assert panel.groups == ("a", "b")
    assert panel.group.tolist() == [0, 0, 1]
    assert panel.period_days == 7
    assert panel.period.tolist() == [0, 1, 0, 2]
    assert panel.units.tolist() == [3, 0, 2, 9]
    assert panel.price.tolist() == [150, 150, 140, 1200]
    assert panel.promo.tolist() == [0, 1, 0, 0.5]
    assert panel.day[1] - panel.day[0] == 7


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    rows = [line.split(",") for line in GOOD[1:]]
    columns = {name: [row[at] for row in rows] for at, name in enumerate(HEADER.split(","))}
    columns["units"] = [float(units) for units in columns["units"]]
    pa.parquet.write_table(pa.table(columns), tmp_path / "panel.parquet")
    found, expected = read_panel(tmp_path / "panel.parquet"), read_panel(_written(tmp_path, GOOD))
    for name in ("series", "period", "units", "price", "promo"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize(
    ("line", "column", "problem"),
    [
        ("a,x,2026-01-05,4,1.50,0", "period", "twice"),
        ("c,x,2026-01-05,NaN,1.50,0", "units", "number"),
        ("c,x,2026-01-05,inf,1.50,0", "units", "number"),
        ("c,x,2026-01-05,-1,1.50,0", "units", "from 0"),
        ("c,x,2026-01-05,1,0,0", "price", "above 0"),
        ("c,x,2026-01-05,1,,0", "price", "number"),
        ("c,x,2026-01-05,1,nan,0", "price", "number"),
        ("c,x,2026-01-05,1,1.50,maybe", "promo", "0 to 1"),
        ("c,x,2026-01-05,1,1.50,2", "promo", "0 to 1"),
        ("c,x,soon,1,1.50,0", "period", "date"),
        (",x,2026-01-05,1,1.50,0", "item", "id"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, column: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as error:
        read_panel(_written(tmp_path, [*GOOD, line]))
    assert (error.value.line, error.value.column) == (6, column)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([HEADER], "no rows"),
        ([HEADER, "a,x,2026-01-05,0,1.5,0", "a,x,2026-01-12,0,1.5,0"], "all units are 0"),
        (["item,period,units", "a,1,2"], "price"),
        ([HEADER + ",currency", "a,x,1,2,3,0,GBP", "a,x,2,2,3,0,EUR"], "one currency"),
    ],
)
def test_a_panel_that_cannot_be_learnt_from_is_refused(tmp_path: Path, lines: list[str], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_panel(_written(tmp_path, lines))


def test_numbers_are_periods_of_the_length_that_is_said(tmp_path: Path) -> None:
    panel = read_panel(_written(tmp_path, ["item,period,units,price", "a,7,1,2", "a,9,1,2"]), period_days=1)
    assert (panel.period.tolist(), panel.period_days, panel.ids, panel.groups) == ([0, 2], 1, ("a",), ("",))
    with pytest.raises(InvalidInput, match="currency"):
        read_panel(tmp_path / "panel.csv", currency="pounds")


def _dataset(rows: list[tuple[int, int, int, int, int]]) -> Dataset:
    """rows: item, day, type, quantity, price."""
    item, day, kind, quantity, price = (np.array(column) for column in zip(*rows, strict=True))
    events = EventTable(
        np.zeros(len(rows), np.int32), item.astype(np.int32), day * 86_400, kind.astype(np.uint8),
        quantity.astype(np.int32), price, np.arange(len(rows)),
    )  # fmt: skip
    items = (Item("a", category_path=("Food", "Tea", "Green")), Item("b", category_path=("Food", "Tea")), Item("c"))
    return Dataset("made up", "", items, ("u",), events, "GBP")


def test_a_history_becomes_weeks_from_an_items_first_sale_on() -> None:
    """Item 0 sells in weeks 0 and 2 of three, item 1 in the last alone; views are not sales; c never sells."""
    panel = panel_of(
        _dataset(
            [(0, 0, PURCHASE, 2, 100), (0, 3, PURCHASE, 2, 200), (1, 4, VIEW, 1, 50),
             (0, 15, PURCHASE, 1, 90), (1, 20, PURCHASE, 5, 50)]
        )
    )  # fmt: skip
    assert panel.series.tolist() == [0, 0, 0, 1]
    assert panel.period.tolist() == [0, 1, 2, 2]
    assert panel.units.tolist() == [4, 0, 1, 5]
    assert panel.price.tolist() == [150, 150, 90, 50]  # what was paid a piece; in a quiet week what was paid last
    assert (panel.first_day, panel.end_day) == (0, 21)
    assert panel.groups == ("", "Food > Tea")
    assert panel.group.tolist() == [1, 1, 0]
    assert panel.starts().tolist() == [0, 3, 4, 4]


def test_a_history_without_a_sale_at_a_price_has_no_panel() -> None:
    with pytest.raises(InvalidInput, match="no sale at a price"):
        panel_of(_dataset([(0, 0, VIEW, 1, 100), (1, 1, PURCHASE, 1, 0)]))


def _orange_line(**other: object) -> str:
    cells: dict[str, object] = dict.fromkeys(COLUMNS, 0.03) | {"store": 2, "brand": 1, "week": 40, "logmove": 9.0}
    cells |= {"deal": 1, "feat": 0.0, **other}
    return ",".join(str(cells[name]) for name in COLUMNS)


def test_orange_juice_is_told_by_its_header_and_read_in_packs(tmp_path: Path) -> None:
    path = _written(
        tmp_path, [",".join(COLUMNS), _orange_line(price1=0.06), _orange_line(week=41, price1=0.05, feat=1)]
    )
    assert is_orange_juice(path)
    panel = read_orange_juice(path)
    assert panel.price.tolist() == [384, 320]  # 64 ounces, in cents
    assert panel.competitor.tolist() == [192, 192]
    np.testing.assert_allclose(panel.units, np.exp(9.0) / 64)
    np.testing.assert_allclose(panel.promo, [1 / 3, 1.0])
    assert not is_orange_juice(_written(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("change", "problem"),
    [({"logmove": "x"}, "not a number"), ({"price3": 0}, "price3"), ({"brand": 12}, "brand"), ({"week": 40}, "twice")],
)
def test_bad_orange_juice_is_named(tmp_path: Path, change: dict, problem: str) -> None:
    lines = [",".join(COLUMNS), _orange_line(), _orange_line(**({"week": 41} | change))]
    with pytest.raises(DataError, match=problem):
        read_orange_juice(_written(tmp_path, lines))


@pytest.mark.skipif(not ORANGE_JUICE.exists(), reason=f"{ORANGE_JUICE} is absent (bayesm's orangeJuice, from CRAN)")
def test_the_real_orange_juice_has_its_stores_brands_and_weeks() -> None:
    panel = read_orange_juice(ORANGE_JUICE)
    assert (len(panel), len(panel.groups), int(panel.period.max())) == (106_139, 11, 120)
    assert len({name.split(" @ ")[1] for name in panel.ids}) == 83
    assert np.median(np.abs(panel.units - np.rint(panel.units))) < 1e-6  # whole packs
    assert replace(panel).currency == "USD"
