"""`storegate price reprice`: what would change, as a report and as a file."""

from __future__ import annotations

import csv
import io
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from google.protobuf.timestamp_pb2 import Timestamp
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


def replaced(one: pb.PriceQuote, item_id: str) -> pb.PriceQuote:
    made = pb.PriceQuote()
    made.CopyFrom(one)
    made.item_id = item_id
    return made


class Shop:
    """A gateway's client; a page of items for each of `pages`, what it was made of beside rules r1."""

    def __init__(self, degraded: str, *pages: pb.PricingInfo) -> None:
        self.pages = pages or (pb.PricingInfo(rules_version="r1", degraded=degraded),)
        self.changed = {"down": quote("down", 1900, 1710)}
        """Meanwhile one of them has got another price."""
        self.written: list[tuple[str, int]] = []

    def batch_quote_prices(self, request: batch_pb2.BatchQuotePricesRequest) -> batch_pb2.BatchQuotePricesResponse:
        at = int(request.page_token or 0)
        token = str(at + 1) if at + 1 < len(self.pages) else ""
        quotes = QUOTES if at == 0 else [replaced(one, f"{one.item_id}{at}") for one in QUOTES]
        return batch_pb2.BatchQuotePricesResponse(quotes=quotes, info=self.pages[at], next_page_token=token)

    def quote_prices(self, item_ids: list[str], *, timeout_s: float) -> pb.QuotePricesResponse:
        return pb.QuotePricesResponse(
            quotes=[self.changed.get(one.item_id, one) for one in QUOTES if one.item_id in item_ids]
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


@pytest.mark.parametrize(
    "quoted",
    [
        quote("up", 1000, 1080, "map"),
        replaced(QUOTES[3], "up"),
        pb.PriceQuote(item_id="up", current_price=gbp(1000), price=Money(amount_minor=1100, currency_code="EUR")),
    ],
)
def test_what_is_quoted_otherwise_meanwhile_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quoted: pb.PriceQuote
) -> None:
    """It costs more since, or has another bound, at the price it had."""
    shop = Shop("")
    shop.changed = {"up": quoted}
    done = reprice(monkeypatch, tmp_path, shop, "--apply")
    assert done.exit_code == 0, done.output
    assert shop.written == [("down", 1500)]
    assert "1 prices set, 1 items left alone" in done.output


def test_one_page_without_a_model_is_enough_to_ask_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shop = Shop("", pb.PricingInfo(rules_version="r1", degraded="it failed"), pb.PricingInfo(rules_version="r1"))
    refused = reprice(monkeypatch, tmp_path, shop, "--apply")
    assert refused.exit_code != 0
    assert "(it failed)" in refused.output
    assert shop.written == []


@pytest.mark.parametrize(
    "then",
    [
        {"rules_version": "r2"},
        {"model_version": "m8"},
        {"model_version": ""},
        {"period_start": Timestamp(seconds=86_400)},
    ],
)
def test_pages_that_were_made_of_different_things_are_not_put_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, then: dict[str, Any]
) -> None:
    first = {"rules_version": "r1", "model_version": "m7", "period_start": Timestamp(seconds=0)}
    shop = Shop("", pb.PricingInfo(**first), pb.PricingInfo(**(first | then)))
    refused = reprice(monkeypatch, tmp_path, shop, "--apply", "--degraded")
    assert refused.exit_code != 0
    assert next(iter(then)) in refused.output
    assert "begin again" in refused.output
    assert shop.written == []
