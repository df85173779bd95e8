"""Prices as users meet them: quotes on both faces, in the table of the command, and applied to the catalogue."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from e2e.conftest import Shop
from e2e.faces import Face, Refused
from e2e.gateways import Gateway, awaited, command
from google.protobuf.timestamp_pb2 import Timestamp

from storegate.client import Client
from storegate.v1.catalog_pb2 import PriceUpdate
from storegate.v1.common_pb2 import Money


def price_of(client: Client, row: dict[str, str]) -> int:
    return int(client.get_item(row["item_id"]).price.amount_minor)


@contextmanager
def kept(client: Client, rows: list[dict[str, str]]) -> Iterator[None]:
    """What other tests find: at the end the prices are what they were."""
    yield
    client.set_prices(
        PriceUpdate(
            item_id=row["item_id"],
            price=Money(amount_minor=int(row["current_price"]), currency_code=row["currency"]),
            valid_from=Timestamp(seconds=1_700_000_000),
        )
        for row in rows
    )


def test_both_faces_quote_the_same_price(shop: Shop, face: Face) -> None:
    """By the model that was trained with the shop; what is unknown is named, the others are answered."""
    ids = shop.in_stock[:20]
    answer = face.ask("QuotePrices", {"itemIds": [*ids, "nobody"]})
    assert [quote.item_id for quote in answer.quotes] == ids
    assert list(answer.missing_item_ids) == ["nobody"]
    assert answer.info.model_version
    for quote in answer.quotes:
        assert quote.lowest.amount_minor <= quote.price.amount_minor <= quote.highest.amount_minor
        assert quote.HasField("expected_units")
    (curve,) = face.ask("SimulatePrices", {"itemIds": ids[:1]}).curves
    assert curve.quote == answer.quotes[0]
    units = [point.expected_units for point in curve.points]
    assert units == sorted(units, reverse=True)
    with pytest.raises(Refused) as refused:
        face.ask("QuotePrices", {"itemIds": ids, "userId": "17850"} if face.name == "http" else {})
    assert refused.value.status in (400, "INVALID_ARGUMENT")


def test_reprice_says_what_would_change_and_changes_it_when_it_is_told_to(
    local_gateway: Gateway, tmp_path: Path
) -> None:
    """Prices that were just set stand for a day."""
    file = tmp_path / "prices.csv"
    dry = command(local_gateway.home, "price", "reprice", "--out", str(file))
    assert dry.returncode == 0, dry.stderr
    assert "go up" in dry.stdout
    assert "nothing was written" in dry.stderr
    with open(file, newline="") as lines:
        rows = list(csv.DictReader(lines))
    changed = {row["item_id"]: row for row in rows if row["price"] not in ("0", row["current_price"])}
    assert changed
    one = next(iter(changed.values()))
    with local_gateway.client() as client, kept(client, list(changed.values())):
        assert price_of(client, one) == int(one["current_price"])
        done = command(local_gateway.home, "price", "reprice", "--apply")
        assert f"{len(changed):,} prices set" in done.stdout, done.stdout + done.stderr
        assert price_of(client, one) == int(one["price"])

        def stands() -> bool:
            (quote,) = client.quote_prices([one["item_id"]]).quotes
            return (quote.price.amount_minor, quote.bound_by) == (int(one["price"]), "cool_down")

        awaited(stands, "the price that was set stands")
        table = command(local_gateway.home, "price", "quote", one["item_id"], "nobody")
        assert "cool_down" in table.stdout
        assert "nobody" in table.stderr
