"""`storegate retrain` with a file of transactions: read up to the cut, and refused when it teaches nonsense."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from retraining import Shop, shuffled

from model_repo.datasets.tables import Dataset
from serving.adapters.releases import live
from serving.adapters.retrain_files import read_card, status
from serving.cli import cli
from serving.core.errors import Conflict, DataError, SettingError, StoreUnavailable
from serving.events.types import PURCHASE

OPTIONS = ("--moments", "2", "--customers-min", "10", "--holdout-days", "14", "--column", "item=sku")


def write_sales(path: Path, dataset: Dataset) -> Path:
    events = dataset.events.where(dataset.events.type == PURCHASE)
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["invoice", "sku", "quantity", "time", "price", "customer"])
        for user, item, time_s, basket in zip(events.user, events.item, events.time_s, events.basket, strict=True):
            when = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
            who = dataset.users[user] if user >= 0 else ""
            rows.writerow([basket, dataset.items[item].item_id, 1, when, "9.99", who])
    return path


def retrain(home: Path, *arguments: str) -> Result:
    environ = {"STOREGATE_HOME": str(home)}
    return CliRunner().invoke(cli, ["retrain", *OPTIONS, *arguments], env=environ, standalone_mode=False)


def test_a_worse_one_is_refused(shop: Shop, tmp_path: Path) -> None:
    """Exit code 3; the release that is live stays, the other lies beside it with its card; the outcome is counted."""
    home = shop.copy(tmp_path)
    before, path = live(home), write_sales(tmp_path / "garbage.csv", shuffled(shop.past))
    done = retrain(home, "--transactions", str(path), "--json")
    assert (done.exception, done.return_value) == (None, 3)
    card = json.loads(done.stdout)
    assert card["decision"] == "kept"
    assert card["comparison"]["candidate"] < card["comparison"]["live"]
    assert card["data"]["past"]["name"] == "garbage"
    assert card["data"]["past"]["report"]
    assert live(home) == before
    assert "**Kept**" in read_card(home, card["release"])
    assert status(home).counts == {"promoted": 0, "kept": 1, "failed": 0}


def test_the_till_teaches_beside_the_log(shop: Shop, tmp_path: Path) -> None:
    """The same file without the nonsense: promoted, and all of it is learnt from."""
    home = shop.copy(tmp_path)
    done = retrain(home, "--transactions", str(write_sales(tmp_path / "till.csv", shop.past)), "--margin", "60")
    assert (done.exception, done.return_value) == (None, 0)
    assert f"release {live(home).release} is live" in done.stdout
    assert "kept: till" in read_card(home, live(home).release)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("--transactions", "absent.csv"), DataError, "this file does not exist"),
        (("--column", "item"), SettingError, "KEY=NAME"),
        (("--margin", "101"), SettingError, "retrain.margin_percent"),
        (("--days", "0"), SettingError, "retrain.days"),
    ],
)
def test_bad_input_is_refused_and_named(
    shop: Shop, tmp_path: Path, arguments: tuple[str, ...], error: type[Exception], said: str
) -> None:
    home = shop.copy(tmp_path)
    done = retrain(home, *arguments)
    assert isinstance(done.exception, error)
    assert said in str(done.exception)
    assert live(home) == live(shop.home)


def test_a_store_that_is_away_is_said(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the catalogue service has written cannot be read: nothing is trained without it."""
    home = shop.copy(tmp_path)
    monkeypatch.setattr("serving.cli.retrain.WAIT_S", 0.2)
    monkeypatch.setenv("STOREGATE__REDIS__URL", "redis://127.0.0.1:1/0")
    done = retrain(home)
    assert isinstance(done.exception, StoreUnavailable)
    assert status(home).counts["failed"] == 1


def test_a_place_that_cannot_be_written_is_said(shop: Shop, tmp_path: Path) -> None:
    """As a full disk would be: a setting's error with the home, and the live release as it was."""
    home = shop.copy(tmp_path)
    (home / "cards").write_text("not a folder")
    done = retrain(home, "--margin", "60")
    assert isinstance(done.exception, SettingError)
    assert str(home) in str(done.exception)
    assert live(home) == live(shop.home)
    assert status(home).counts["failed"] == 1


def test_another_one_at_work_is_named(shop: Shop, tmp_path: Path) -> None:
    from serving.adapters.retrain_files import alone

    home = shop.copy(tmp_path)
    with alone(home):
        done = retrain(home)
    assert isinstance(done.exception, Conflict)
    assert status(home).last is None
