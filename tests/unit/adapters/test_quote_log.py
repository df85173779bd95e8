"""Quotes are logged once, as they change, with the chance each had; replicas tell the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from pricing_worlds import Model

from serving.adapters.quote_log import CHANGES_S, FOLDER, SCHEMA, QuoteLog, read_quotes
from serving.cli import cli
from serving.core.catalogue import Catalogue, Item
from serving.core.errors import DataError
from serving.decisions.price.rules import Params
from serving.decisions.price.table import PriceTable, Pricing

WALL_S = 1_800_000_000.0
PRICING = Pricing(Params(explore_share=0.5))
KNOWS = Model(tuple(f"i{k}" for k in range(30)))
DAY = datetime.fromtimestamp(WALL_S, UTC).date()


def item(item_id: str, price: int, **values: Any) -> Item:
    return replace(Item(item_id, currency="GBP", price=price, cost=600), **values)


CATALOGUE = Catalogue.build(
    [item(f"i{k}", 1000 + 10 * k) for k in range(30)] + [item("loss", 1000, cost=1300, list_price=1200)], version=5
)
TABLE = PRICING.table(CATALOGUE, KNOWS, WALL_S)


def files(home: Path) -> list[Path]:
    return sorted((home / FOLDER).rglob("*.parquet"))


def brought(table: PriceTable, *items: Item, wall_s: float = WALL_S) -> PriceTable:
    """The table after a change of the catalogue."""
    now = table.catalogue.updated(items, table.catalogue.version + 1) if items else table.catalogue
    return PRICING.table(now, KNOWS, wall_s, table)


def rows(home: Path) -> Iterator[dict[str, Any]]:
    yield from read_quotes(home).to_pylist()


def test_every_quote_is_there_with_its_chance(tmp_path: Path) -> None:
    """What an off-policy estimate needs: price, propensity, explored, and of which model, rules and period it is."""
    log = QuoteLog(tmp_path, 30)
    assert log.note(TABLE, "r1", WALL_S)
    told = {row["item_id"]: row for row in rows(tmp_path)}
    assert len(told) == len(CATALOGUE)
    decided = TABLE.decided
    for row, one in enumerate(CATALOGUE.items[:-1]):
        found = told[one.item_id]
        assert found["price"] == decided.price[row]
        assert found["propensity"] == pytest.approx(float(decided.propensity[row]))
        assert found["explored"] == decided.explored[row]
        assert found["current_price"] == one.price
    assert 0 < sum(row["explored"] for row in told.values()) < len(told)
    assert all(row["propensity"] < 1 for row in told.values() if row["explored"])
    assert (told["loss"]["price"], told["loss"]["propensity"]) == (None, None)
    assert told["loss"]["contradiction"] == ["min_margin", "list_price"]
    info = told["i0"]
    assert (info["release"], info["model_version"], info["catalogue_version"]) == ("r1", TABLE.model_version, 5)
    assert info["rules_version"] == TABLE.rules.version
    assert info["period_start"].timestamp() == TABLE.start_s
    assert info["period_end"].timestamp() == TABLE.end_s
    assert log.written == len(CATALOGUE)


def test_changes_within_a_period_are_told_alone_and_not_too_often(tmp_path: Path) -> None:
    log = QuoteLog(tmp_path, 30)
    log.note(TABLE, "r1", WALL_S)
    now = brought(
        TABLE, item("i3", 2000), item("i7", 1070, stock={"main": (100_000, 0)}), item("i8", 1080, deleted=True)
    )
    assert not log.note(now, "r1", WALL_S + CHANGES_S / 2)
    assert len(files(tmp_path)) == 1
    assert log.note(now, "r1", WALL_S + CHANGES_S)
    assert len(files(tmp_path)) == 2
    told = [row for row in rows(tmp_path) if row["item_id"] == "i3"]
    assert [row["current_price"] for row in told] == [1030, 2000]
    assert (told[1]["since"] - told[0]["since"]).total_seconds() == CHANGES_S
    assert log.written == len(CATALOGUE) + 1, "a quote that stays the same is not told again, nor one of a deleted item"
    log.note(brought(now, item("i4", 3000)), "r1", WALL_S + CHANGES_S + 1, ends=True)
    assert len(files(tmp_path)) == 3, "who leaves waits for nothing"


def test_a_period_a_release_and_rules_begin_with_all_items(tmp_path: Path) -> None:
    log = QuoteLog(tmp_path, 30)
    log.note(TABLE, "r1", WALL_S)
    log.note(PRICING.table(CATALOGUE, KNOWS, float(TABLE.end_s), TABLE), "r1", float(TABLE.end_s))
    log.note(PRICING.table(CATALOGUE, KNOWS, float(TABLE.end_s)), "r2", TABLE.end_s + 1.0)
    others = Pricing(Params(explore_share=0.4))
    log.note(others.table(CATALOGUE, KNOWS, float(TABLE.end_s)), "r2", TABLE.end_s + 2.0)
    assert [pq.read_metadata(path).num_rows for path in files(tmp_path)] == [len(CATALOGUE)] * 4


def test_replicas_tell_each_quote_once(tmp_path: Path) -> None:
    """The same file twice, or another one with the same quotes: one that came later, and knows of more changes."""
    first, second, third = (QuoteLog(tmp_path, 30) for _ in range(3))
    first.note(TABLE, "r1", WALL_S)
    second.note(PRICING.table(CATALOGUE, KNOWS, WALL_S), "r1", WALL_S + 3)
    assert len(files(tmp_path)) == 1
    now = brought(TABLE, item("i3", 2000))
    first.note(now, "r1", WALL_S + CHANGES_S)
    third.note(now, "r1", WALL_S + CHANGES_S + 1)
    assert len(files(tmp_path)) == 3
    told = list(rows(tmp_path))
    assert len(told) == len(CATALOGUE) + 1
    assert [row["since"].timestamp() for row in told if row["item_id"] == "i3"] == [WALL_S, WALL_S + CHANGES_S]


def test_old_days_go_and_nothing_is_written_where_nothing_is_wanted(tmp_path: Path) -> None:
    old, kept = (tmp_path / FOLDER / (DAY - timedelta(days=days)).isoformat() for days in (31, 30))
    for folder in (old, kept, tmp_path / FOLDER / "notes"):
        folder.mkdir(parents=True)
    QuoteLog(tmp_path, 0).note(TABLE, "r1", WALL_S)
    assert (files(tmp_path), old.exists()) == ([], True)
    QuoteLog(tmp_path, 30).note(TABLE, "r1", WALL_S)
    assert (len(files(tmp_path)), old.exists(), kept.exists()) == (1, False, True)
    assert read_quotes(tmp_path, until=DAY - timedelta(days=1)).num_rows == 0
    assert read_quotes(tmp_path / "nowhere", since=date(2000, 1, 1)).schema == SCHEMA


def test_a_disk_that_takes_nothing_stops_no_price(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FOLDER).write_text("not a folder")
    log = QuoteLog(tmp_path, 30)
    assert log.note(TABLE, "r1", WALL_S)
    assert (log.written, log.dropped) == (0, 1)
    assert "could not be logged" in caplog.text


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    QuoteLog(tmp_path, 30).note(TABLE, "r1", WALL_S)
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=path.name):
        read_quotes(tmp_path)


@pytest.mark.parametrize("name", ["quotes.csv", "quotes.parquet"])
def test_the_command_shows_periods_and_writes_all(tmp_path: Path, name: str) -> None:
    QuoteLog(tmp_path, 30).note(TABLE, "r1", WALL_S)
    path = tmp_path / name
    environ = {"STOREGATE_HOME": str(tmp_path)}
    done = CliRunner().invoke(cli, ["price", "log", "--out", str(path)], env=environ, standalone_mode=False)
    assert done.exception is None
    line = next(line for line in done.stdout.splitlines() if f"{DAY:%Y-%m-%d}" in line).split()
    assert line[2:6] == ["31", "31", "1", str(int(TABLE.decided.explored.sum()))]
    written = path.read_text().splitlines() if name.endswith("csv") else pq.read_table(path).to_pylist()
    assert len(written) == len(CATALOGUE) + (1 if name.endswith("csv") else 0)
    assert np.isfinite(float(line[6]))
