"""`storegate replenish`: a table or JSON of a few items, a file of all, from the live release."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from demand_models import PoissonDemand
from google.protobuf import json_format

from serving.adapters import inventory_live
from serving.adapters.catalogue_file import dump_items
from serving.adapters.releases import Release
from serving.adapters.versions import PARTS, promote, write_version
from serving.cli.replenish import replenish
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput, NotReady
from storegate.v1 import inventory_pb2 as pb


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release whose forecast knows i0 to i3; i1 and i3 are in the catalogue, and i9, which the forecast lacks."""
    monkeypatch.setattr(inventory_live, "read_forecaster", lambda folder, version: PoissonDemand(version=version))
    items = [Item("i1", cost=400, currency="GBP", stock={"main": (4, 3)}), Item("i3", cost=90), Item("i9")]
    for part in PARTS:
        write_version(tmp_path, part, "1", {"items.parquet": dump_items(items)})
    write_version(tmp_path, "forecast", "f1", {"x": b"x"})
    promote(tmp_path, Release("r1", {**dict.fromkeys(PARTS, "1"), "forecast": "f1"}))
    return tmp_path


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(replenish, [*arguments, "--home", str(home)])


def test_a_few_items_as_a_table(home: Path) -> None:
    """What there is, what comes, what is not known, and where nobody tracks the stock."""
    done = run(home, "i1", "i3", "gone", "--pack", "6", "--review", "7")
    assert done.exit_code == 0, done.output
    one, three = (
        next(line for line in done.output.splitlines() if line.strip().startswith(item)) for item in ("i1", "i3")
    )
    assert one.split()[2] == "7"
    assert "packs" in one
    assert "£" not in one
    assert "GBP" in one
    assert three.split()[2] == "?"
    assert "gone" in done.output.splitlines()[-1]
    assert "forecast f1, from 2011-12-10 on" in done.output


def test_a_few_items_as_json(home: Path) -> None:
    done = run(home, "i3", "--on-hand", "10", "--service-level", "0.9", "--order-cost", "5", "--json")
    answer = json_format.Parse(done.output, pb.PlanReplenishmentResponse())
    (plan,) = answer.plans
    assert (plan.inventory_position, plan.policy) == (10, pb.REPLENISHMENT_POLICY_S_S)
    assert plan.order_quantity == plan.order_up_to - 10
    assert json.loads(done.output)["modelVersion"] == "f1"
    assert json.loads(done.output)["firstDay"] == "2011-12-10"


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz"])
def test_all_items_into_a_file(home: Path, suffix: str) -> None:
    """Those of the catalogue; what the forecast does not know is counted. Twice the same bytes."""
    path = home / f"orders{suffix}"
    done = run(home, "--out", str(path))
    assert done.exit_code == 0, done.output
    assert "2 items, 2 to be ordered" in done.output
    assert "1 items are not known" in done.output
    table = pq.read_table(path) if suffix == ".parquet" else csv.read_csv(path)
    assert table["item_id"].to_pylist() == ["i1", "i3"]
    assert table["order_quantity"].to_pylist()[1] == table["order_up_to"].to_pylist()[1] > 0
    assert table["bound"].to_pylist() == ["none", "none"]
    before = path.read_bytes()
    assert run(home, "--out", str(path)).exit_code == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--out FILE"),
        (("i1", "--out", "x.csv", "--json"), "--out"),
        (("i1", "--fill-rate", "0.9", "--service-level", "0.9"), "one of --fill-rate"),
    ],
)
def test_what_does_not_fit_together_is_said(home: Path, arguments: tuple[str, ...], says: str) -> None:
    done = run(home, *arguments)
    assert done.exit_code == 2
    assert says in done.output


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("i1", "--lead-time", "0"), "items[0].lead_time_days"),
        (("i1", "--fill-rate", "1"), "items[0].fill_rate"),
        (("--out", "orders.xlsx"), "--out"),
        (("i1", "--order-cost", "5", "--currency", "EUR"), "items[0].currency_code"),
    ],
)
def test_bad_input_names_the_field(home: Path, arguments: tuple[str, ...], field: str) -> None:
    done = run(home, *arguments)
    assert isinstance(done.exception, InvalidInput)
    assert done.exception.field == field


def test_before_any_training_it_says_what_to_do(tmp_path: Path) -> None:
    assert isinstance(run(tmp_path, "i1").exception, NotReady)
