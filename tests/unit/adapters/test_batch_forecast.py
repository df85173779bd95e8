"""Forecasts in blocks: a row an item, the answers those of ForecastDemand; rows without an answer say why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from forecasters import dumped, opened, weekday_rates

from serving.adapters import batch_forecast
from serving.adapters.batch_forecast import FORECAST, ForecastBlocks
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_store import Request
from serving.adapters.catalogue_file import dump_items
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.releases import Release
from serving.adapters.versions import PARTS, promote, write_version
from serving.core.batch import BatchSpec
from serving.core.catalogue import Catalogue, Item
from serving.core.clock import NEVER
from serving.core.errors import InvalidInput, NotReady, StoregateError
from serving.core.turn import Turn
from serving.decisions.forecast.batch import options_of
from serving.decisions.forecast.contract import Answer, Query
from serving.decisions.forecast.pipeline import ForecastPipeline
from serving.decisions.recommend.params import Params

MODEL = weekday_rates(6, ("north", "south"))
ROWS = pa.table(
    {
        "line": range(7),
        "item_id": ["i3", "i1", "gone", "i3", None, "i5", "a\nb"],
        "location_id": ["", "south", None, "north", "", "moon", ""],
    }
)


def nowhere() -> None:
    raise AssertionError("no profile is read here")


@pytest.fixture(autouse=True)
def _weekday_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_forecast, "read_forecaster", opened)


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Surroundings:
    """A home whose release r1 has the forecast, and r0 has not."""
    home = tmp_path_factory.mktemp("home")
    for part in PARTS:
        files = {"items.parquet": dump_items([Item("i1", price=400, currency="GBP")])} if part == "catalogue" else {}
        write_version(home, part, "1", files or {"x": b"x"})
    promote(home, Release("r0", dict.fromkeys(PARTS, "1")))
    write_version(home, "forecast", "f1", dumped(MODEL))
    promote(home, Release("r1", {**dict.fromkeys(PARTS, "1"), "forecast": "f1"}))
    return Surroundings(home, Params(), nowhere, 100, 1000)  # type: ignore[arg-type]


def spec(query: Query, release: str = "") -> BatchSpec:
    return BatchSpec("forecast", "in", "out", options_of(query, release))


def test_rows_are_answered_as_online(around: Surroundings, tmp_path: Path) -> None:
    """With the catalogue's price as it was when the batch was made; all columns are passed on."""
    query = Query((), horizon_days=14, quantiles=(0.5, 0.9))
    asked = spec(query)
    pinned = FORECAST.pin(around, asked, ROWS.schema, MemoryCatalogue())
    for name, content in pinned.files.items():
        (tmp_path / name).write_bytes(content)
    blocks = ForecastBlocks.open(around, Request("b", asked, pinned.pins, 7, 1, 0), tmp_path)
    found = blocks.run(ROWS, 0)
    blocks.close()
    table = found.table
    assert table.column_names == [
        "line", "item_id", "location_id", "first_day", "mean", "q0.5", "q0.9", "method", "confidence", "error",
    ]  # fmt: skip
    assert (found.refused, found.degraded) == (4, 0)
    assert [bool(error) for error in table["error"].to_pylist()] == [False, False, True, False, True, True, True]
    catalogue = Catalogue.build([Item("i1", price=400, currency="GBP")])
    online = ForecastPipeline(MODEL, lambda: catalogue)
    for line, item, place in ((0, "i3", ()), (1, "i1", ("south",)), (3, "i3", ("north",))):
        (alone,) = online.run([Query((item,), place, 14, (0.5, 0.9))], Turn(0.0, 0.0, NEVER))
        assert isinstance(alone, Answer)
        row = table.slice(line, 1).to_pylist()[0]
        assert np.array_equal(np.float32(row["mean"]), alone.mean[0])
        assert np.array_equal(np.float32(row["q0.9"]), alone.units[0, 1])
        assert (str(row["first_day"]), row["method"]) == ("2011-12-10", "global-model")
    nothing = table.slice(2, 1).to_pylist()[0]
    assert [nothing[name] for name in ("mean", "q0.5", "first_day", "method")] == [None] * 4
    assert "gone" in nothing["error"]
    assert "moon" in table["error"][5].as_py()


def test_a_block_without_an_answer(around: Surroundings) -> None:
    blocks = ForecastBlocks(ForecastPipeline(MODEL, lambda: Catalogue.build([])), Query(()))
    table = blocks.run(pa.table({"item_id": ["gone", "lost"]}), 0).table
    assert table["mean"].to_pylist() == [None, None]
    assert table["q0.1"].type == pa.list_(pa.float32())


WRONG = {
    "no item": ({"item": ["a"]}, Query(()), "input_uri"),
    "numbers for items": ({"item_id": [1]}, Query(()), "input_uri.item_id"),
    "numbers for places": ({"item_id": ["a"], "location_id": [1]}, Query(()), "input_uri.location_id"),
    "a name that is taken": ({"item_id": ["a"], "q0.9": [1]}, Query(()), "input_uri.q0.9"),
    "a horizon beyond the model": ({"item_id": ["a"]}, Query((), horizon_days=85), "horizon_days"),
    "too many numbers": (
        {"item_id": ["a"]}, Query((), horizon_days=84, quantiles=tuple(np.arange(1, 20) / 20)), "quantiles",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_can_be_known_before_is_refused_before(around: Surroundings, case: str) -> None:
    columns, query, field = WRONG[case]
    around = Surroundings(around.home, around.params, around.open_profiles, 1_000_000, 1000)
    with pytest.raises(InvalidInput) as caught:
        FORECAST.pin(around, spec(query), pa.table(columns).schema, MemoryCatalogue())
    assert caught.value.field == field


def test_a_release_without_a_forecast_is_not_ready(around: Surroundings) -> None:
    with pytest.raises(NotReady, match="r0"):
        FORECAST.pin(around, spec(Query(()), "r0"), ROWS.schema, MemoryCatalogue())


def test_a_release_that_is_not_there(around: Surroundings) -> None:
    with pytest.raises(StoregateError, match="r9"):
        FORECAST.pin(around, spec(Query(()), "r9"), ROWS.schema, MemoryCatalogue())
