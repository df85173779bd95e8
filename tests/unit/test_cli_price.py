"""`storegate price reprice`: what would change, as a report and as a file."""

from __future__ import annotations

import csv
import io
from contextlib import nullcontext
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from serving.cli.price import curve_table, price, quotes_table
from serving.cli.reprice import Repriced, rows_of, table_of, write
from storegate.v1 import batch_pb2
from storegate.v1 import pricing_pb2 as pb
from storegate.v1.catalog_pb2 import PriceUpdate, SetPricesResponse
from storegate.v1.common_pb2 import Money

INFO = pb.PricingInfo(model_version="m7", rules_version="r1", units_days=7, degraded="its model is damaged")


def gbp(minor: int) -> Money:
    return Money(amount_minor=minor, currency_code="GBP")


def quote(item_id: str, now: int, price: int, rule: str = "", **known: float) -> pb.PriceQuote:
    return pb.PriceQuote(
        item_id=item_id, current_price=gbp(now), price=gbp(price), lowest=gbp(now - 100), highest=gbp(now + 100),
        bound_by=rule, propensity=1.0, **known,
    )  # fmt: skip


QUOTES = [
    quote("up", 1000, 1100, "step", current_margin_minor=5000, expected_margin_minor=5500, expected_units=10),
    quote("down", 2000, 1500, "competitor", current_margin_minor=100, expected_margin_minor=300, expected_units=1),
    quote("same", 500, 500, "cool_down"),
    pb.PriceQuote(item_id="none", current_price=gbp(700), contradiction=["min_margin", "list_price"]),
]


@pytest.fixture
def found() -> Repriced:
    made = Repriced()
    made.add(rows_of(QUOTES[:2]))
    made.add(rows_of(QUOTES[2:]))
    return made


def text_of(*shown: object) -> list[str]:
    told = io.StringIO()
    Console(width=200, file=told).print(*shown)
    return [" ".join(line.split()) for line in told.getvalue().splitlines() if line.strip()]


def test_the_report_counts_by_direction_and_rule_and_adds_up_margins(found: Repriced) -> None:
    lines = text_of(table_of(found, INFO))
    assert "go up 1 step 1 50.00 GBP 55.00 GBP" in lines
    assert "go down 1 competitor 1 1.00 GBP 3.00 GBP" in lines
    assert "stay 1 cool_down 1" in lines
    assert "have no price by the rules 1 min_margin and list_price 1" in lines
    largest = lines.index("largest changes")
    assert lines[largest + 3].startswith("down 20.00 GBP 15.00 GBP -25.0 % competitor")
    assert any("degraded: its model is damaged" in line for line in lines)
    assert [row.item_id for row in found.changed] == ["up", "down"]


@pytest.mark.parametrize("name", ["prices.csv", "prices.parquet"])
def test_the_file_has_every_item(found: Repriced, tmp_path: Path, name: str) -> None:
    """Nothing else is left in the folder."""
    path = tmp_path / name
    write(path, found.rows)
    assert list(tmp_path.iterdir()) == [path]
    if path.suffix == ".csv":
        with open(path, newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert [(row["item_id"], row["price"], row["contradiction"]) for row in rows][::3] == [
            ("up", "1100", ""),
            ("none", "0", "min_margin list_price"),
        ]
        return
    table = pq.read_table(path)
    assert table.column("item_id").to_pylist() == ["up", "down", "same", "none"]
    assert table.column("expected_margin").to_pylist() == [5500, 300, None, None]


def test_quotes_and_curves_as_tables() -> None:
    """What is not known is left out; where there is no price the rules are named."""
    lines = text_of(quotes_table(QUOTES, INFO))
    assert any(line.startswith("up 11.00 GBP 10.00 GBP 9.00 GBP 11.00 GBP step 10.00 55.00 GBP 1") for line in lines)
    assert any("no price: min_margin and list_price" in line for line in lines)
    points = [pb.PricePoint(price=gbp(1100), relative_units=0.8, allowed=True)]
    points.append(pb.PricePoint(price=gbp(1200), relative_units=0.7, forbidden_by="step"))
    lines = text_of(curve_table(pb.PriceCurve(quote=QUOTES[0], points=points, elasticity=-2.5), INFO))
    assert "11.00 GBP 80 % (the quote)" in lines
    assert "12.00 GBP 70 % step" in lines
    assert any("elasticity -2.50" in line for line in lines)


class Shop:
    """A gateway's client with one page of items."""

    def __init__(self, degraded: str) -> None:
        self.info = pb.PricingInfo(rules_version="r1", degraded=degraded)
        self.written: list[tuple[str, int]] = []

    def batch_quote_prices(self, request: batch_pb2.BatchQuotePricesRequest) -> batch_pb2.BatchQuotePricesResponse:
        return batch_pb2.BatchQuotePricesResponse(quotes=QUOTES, info=self.info)

    def quote_prices(self, item_ids: list[str], *, timeout_s: float) -> pb.QuotePricesResponse:
        """Meanwhile one of them has got another price."""
        changed = {"down": quote("down", 1900, 1710)}
        return pb.QuotePricesResponse(
            quotes=[changed.get(one.item_id, one) for one in QUOTES if one.item_id in item_ids]
        )

    def set_prices(self, updates: list[PriceUpdate], *, timeout_s: float) -> SetPricesResponse:
        self.written += [(update.item_id, update.price.amount_minor) for update in updates]
        return SetPricesResponse(updated=len(updates))


def reprice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shop: Shop, *options: str) -> Result:
    monkeypatch.setattr("serving.cli.price.client_of", lambda settings, target: nullcontext(shop))
    return CliRunner().invoke(price, ["reprice", "--home", str(tmp_path), *options])


def test_only_what_has_not_changed_meanwhile_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shop = Shop("")
    assert reprice(monkeypatch, tmp_path, shop).exit_code == 0
    assert shop.written == [], "a dry run"
    done = reprice(monkeypatch, tmp_path, shop, "--apply")
    assert done.exit_code == 0, done.output
    assert shop.written == [("up", 1100)]
    assert "1 prices set, 1 items left alone" in done.output


def test_prices_without_a_model_are_set_only_when_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop = Shop("no model")
    refused = reprice(monkeypatch, tmp_path, shop, "--apply")
    assert refused.exit_code != 0
    assert "--degraded" in refused.output
    assert shop.written == []
    assert reprice(monkeypatch, tmp_path, shop, "--apply", "--degraded").exit_code == 0
    assert shop.written == [("up", 1100)]
