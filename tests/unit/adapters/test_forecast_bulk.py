"""All items into one file: the same bytes whatever the threads, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from forecasters import WeekdayRates, weekday_rates

from serving.adapters.forecast_bulk import check_path, write_forecasts
from serving.core.catalogue import Catalogue
from serving.core.errors import DataError, InvalidInput
from serving.decisions.forecast.contract import Period, Query
from serving.decisions.forecast.pipeline import ForecastPipeline

ITEMS = 1050
ALL = Query(())


def pipeline(model: WeekdayRates | None = None) -> ForecastPipeline:
    model = model or weekday_rates(ITEMS, ("north", "south"))
    return ForecastPipeline(model, lambda: Catalogue.build([]))


def nothing(done: int, of: int) -> None:
    """Nobody watches."""


def test_all_items_in_order_day_by_day(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    done = write_forecasts(tmp_path / "all.parquet", pipeline(), ALL, lambda done, of: told.append((done, of)))
    table = pq.read_table(tmp_path / "all.parquet")
    assert (done.items, done.rows, done.missing) == (ITEMS, ITEMS * 28, 0)
    assert done.bytes == (tmp_path / "all.parquet").stat().st_size
    assert table.column_names == [
        "item_id", "location_id", "first_day", "mean", "q0.1", "q0.5", "q0.9", "method", "confidence",
    ]  # fmt: skip
    assert table["item_id"].to_pylist() == [f"i{i}" for i in range(ITEMS) for _ in range(28)]
    assert [str(day) for day in table["first_day"][26:30].to_pylist()] == [
        "2012-01-05", "2012-01-06", "2011-12-10", "2011-12-11",
    ]  # fmt: skip
    (alone,) = pipeline().run([Query(("i1020",))], None)  # type: ignore[arg-type]
    at = slice(1020 * 28, 1021 * 28)
    assert np.array_equal(table["mean"].to_numpy()[at], alone.mean[0])  # type: ignore[union-attr]
    assert np.array_equal(table["q0.9"].to_numpy()[at], alone.units[0, 2])  # type: ignore[union-attr]
    assert table.schema.metadata[b"model_version"] == b"v1"
    assert told == [(1000, ITEMS), (ITEMS, ITEMS)]


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.csv.gz"])
def test_threads_change_no_byte(tmp_path: Path, name: str) -> None:
    """By week and location, in every format; what is there before is replaced."""
    query = replace(ALL, location_ids=("south",), period=Period.WEEK, quantiles=(0.025, 0.5))
    bytes_of = []
    for threads in (1, 3):
        write_forecasts(tmp_path / name, pipeline(), query, nothing, threads)
        bytes_of.append((tmp_path / name).read_bytes())
    assert bytes_of[0] == bytes_of[1]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    read = pq.read_table if name == "x.parquet" else pa.csv.read_csv
    table = read(tmp_path / name)
    assert table.column_names[4:6] == ["q0.025", "q0.5"]
    assert len(table) == ITEMS * 4
    assert set(table["location_id"].to_pylist()) == {"south"}


def test_unknown_items_are_counted(tmp_path: Path) -> None:
    done = write_forecasts(tmp_path / "x.csv", pipeline(), replace(ALL, item_ids=("i1", "gone")), nothing)
    assert (done.items, done.missing, done.rows) == (1, 1, 28)


def test_what_the_model_cannot_say_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("before")
    with pytest.raises(InvalidInput, match="horizon_days"):
        write_forecasts(tmp_path / "x.csv", pipeline(), replace(ALL, horizon_days=85), nothing, 2)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_a_file_that_the_disk_does_not_take_is_told(tmp_path: Path) -> None:
    """Its name leaves no room for the draft's."""
    with pytest.raises(DataError, match="cannot be written"):
        write_forecasts(tmp_path / f"{'x' * 245}.csv", pipeline(weekday_rates(2)), ALL, nothing)
    assert not list(tmp_path.iterdir())


def test_a_model_that_cannot_run_is_told(tmp_path: Path) -> None:
    done = write_forecasts(tmp_path / "x.csv", pipeline(weekday_rates(5, broken="no")), ALL, nothing)
    assert (done.items, done.degraded) == (5, 5)


@pytest.mark.parametrize("name", ["x", "x.xlsx", "x.csv.zip", "nowhere/x.csv", "folder.csv"])
def test_a_file_that_could_not_be_written_is_refused_before_anything_is_computed(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InvalidInput, match="--out"):
        check_path("--out", tmp_path / name)
