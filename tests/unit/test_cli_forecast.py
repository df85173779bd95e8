"""`storegate forecast`: a table or JSON of a few items, a file of all, from the live release or from a gateway."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from forecasters import dumped, opened, weekday_rates
from google.protobuf import json_format

from serving.adapters import forecast_live
from serving.adapters.catalogue_file import dump_items
from serving.adapters.releases import Release
from serving.adapters.versions import PARTS, promote, write_version
from serving.cli.forecast import forecast
from serving.cli.forecast_tables import BARS, PERIODS_SHOWN_MAX, forecast_table, sparkline
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput, NotReady
from storegate.v1 import forecast_pb2 as pb


@pytest.fixture(autouse=True)
def _weekday_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast_live, "read_forecaster", opened)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with a forecast, and a price for one item; nobody changes it."""
    home = tmp_path_factory.mktemp("home")
    for part in PARTS:
        items = dump_items([Item("i1", price=400, currency="GBP")])
        write_version(home, part, "1", {"items.parquet": items})
    write_version(home, "forecast", "f1", dumped(weekday_rates(6, ("north", "south"))))
    promote(home, Release("r1", {**dict.fromkeys(PARTS, "1"), "forecast": "f1"}))
    return home


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(forecast, [*arguments, "--home", str(home)])


def test_a_few_items_as_a_table(home: Path) -> None:
    """Units, lines and where they come from; what is not known is named."""
    done = run(home, "i1", "gone", "i3", "--horizon", "7", "--quantile", "0.5", "--quantile", "0.95")
    assert done.exit_code == 0, done.output
    words = done.output.split()
    assert "2011-12-10" in done.output
    assert "69.3" in words, "(7 * 3 + 2.1) * 3"
    assert "13.6" in words, "at twice its last price half of (7 * 1 + 2.1) * 3"
    assert "gone" in done.output.splitlines()[-1]
    assert any(char in BARS for char in done.output)


def test_a_few_items_as_json(home: Path) -> None:
    """The contract's answer, by week and location."""
    done = run(home, "i1", "--location", "south", "--week", "--horizon", "14", "--first-day", "2011-12-12", "--json")
    answer = json_format.Parse(done.output, pb.ForecastDemandResponse())
    assert answer.first_day == "2011-12-12"
    assert answer.period == pb.FORECAST_PERIOD_WEEK
    assert [(one.location_id, len(one.mean)) for one in answer.forecasts] == [("south", 2)]
    assert answer.forecasts[0].mean[0] == pytest.approx(0.5 * 2 * (7 + 2.1))
    assert json.loads(done.output)["modelVersion"] == "f1"


def test_all_items_into_a_file(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "all.parquet"
    done = run(home, "--out", str(path), "--horizon", "7")
    assert done.exit_code == 0, done.output
    assert "6 items, 42 rows" in done.output
    assert len(pq.read_table(path)) == 42
    some = run(home, "i5", "i5", "gone", "--out", str(path))
    assert "1 items, 28 rows" in some.output
    assert "1 items are not known" in some.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--out FILE"),
        (("i1", "--out", "x.csv", "--json"), "--out"),
        (("--out", "x.csv", "--target", "127.0.0.1:1"), "--out"),
    ],
)
def test_options_that_contradict_each_other(home: Path, arguments: tuple[str, ...], says: str) -> None:
    done = run(home, *arguments)
    assert done.exit_code == 2
    assert says in done.output


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("i1", "--horizon", "0"), "horizon_days"),
        (("i1", "--horizon", "85"), "horizon_days"),
        (("i1", "--quantile", "0.9", "--quantile", "0.1"), "quantiles"),
        (("--out", "x.doc"), "--out"),
        (("--out", "x.csv", "--horizon", "85"), "horizon_days"),
        (("a\nb",), "item_ids"),
        (("i1", "a\nb"), "ITEM"),
    ],
)
def test_what_cannot_be_answered_names_its_field(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], field: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(home, *arguments)
    assert isinstance(done.exception, InvalidInput)
    assert done.exception.field.startswith(field)
    assert not list(tmp_path.iterdir())


def test_a_release_without_a_forecast_says_what_to_do(home: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(home, tmp_path / "home")
    promote(mine, Release("r2", dict.fromkeys(PARTS, "1")))
    done = run(mine, "i1")
    assert isinstance(done.exception, NotReady)
    assert "storegate train" in done.exception.message


def test_a_line_shares_its_scale() -> None:
    """From 0 up; long ones are averaged; nothing is a line at the bottom."""
    assert sparkline([0, 1, 2, 4], 4) == "▁▃▅█"
    assert sparkline([0, 0], 0) == "▁▁"
    assert len(sparkline([1.0] * 182, 1)) <= PERIODS_SHOWN_MAX


def test_a_table_of_what_fell_back() -> None:
    answer = pb.ForecastDemandResponse(model_version="f1", first_day="2011-12-10")
    answer.degraded.add(stage="model", cause="onnx: no")
    one = answer.forecasts.add(item_id="a", mean=[0.0], method="tsb", confidence="FORECAST_CONFIDENCE_LOW")
    one.quantiles.add(quantile=0.9, units=[0.0])
    table = forecast_table(answer)
    assert "degraded: model (onnx: no)" in str(table.caption)
    assert table.row_count == 1
