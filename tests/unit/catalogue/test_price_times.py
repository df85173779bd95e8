"""Since when a price holds: what steps and cool-downs of quotes are measured from."""

from __future__ import annotations

import io
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from serving.adapters.catalogue_file import dump_items, load_items
from serving.catalogue.changes import upserted, with_price
from serving.catalogue.contract import PriceUpdate
from serving.catalogue.import_rows import item_from_flat, item_from_json
from serving.catalogue.item_json import from_json, to_json
from serving.catalogue.state import State
from serving.catalogue.store import News, Stored
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput

MUG = Item("mug", currency="GBP", price=1000, cost=400, map_price=900, competitor_price=1100, price_set_s=50)
NOW_S = 1_800_000_000


def test_another_price_holds_since_now_and_the_same_one_since_then() -> None:
    assert with_price(MUG, PriceUpdate("mug", "GBP", price=1200), now_s=NOW_S).price_set_s == NOW_S
    assert with_price(MUG, PriceUpdate("mug", "GBP", price=1000), now_s=NOW_S).price_set_s == 50
    assert with_price(MUG, PriceUpdate("mug", "GBP", cost=500, competitor_price=0), now_s=NOW_S).price_set_s == 50
    assert with_price(MUG, PriceUpdate("mug", "GBP", price=1200, valid_from_s=77), now_s=NOW_S).price_set_s == 77


def test_an_item_written_anew_keeps_the_time_of_a_price_that_is_the_same() -> None:
    again = replace(MUG, price_set_s=0)
    assert upserted(again, MUG, NOW_S).price_set_s == 50
    assert upserted(replace(again, price=1), MUG, NOW_S).price_set_s == NOW_S
    assert upserted(again, None, NOW_S).price_set_s == NOW_S
    assert upserted(Item("cup"), None, NOW_S).price_set_s == 0
    assert upserted(replace(again, price=1, price_set_s=60), MUG, NOW_S).price_set_s == 60


def test_all_amounts_of_an_item_have_one_currency() -> None:
    """A competitor's price in euros says nothing of an item in pounds."""
    with pytest.raises(InvalidInput, match="currency of the item's price"):
        with_price(MUG, PriceUpdate("mug", "EUR", competitor_price=1100))


def test_what_prices_are_compared_with_is_stored(tmp_path: object) -> None:
    """In the store's form, in the snapshot file, and read by State as news when only the time differs."""
    assert from_json(to_json(MUG)) == MUG
    assert from_json(to_json(MUG)).price_set_s == 50
    file = io.BytesIO(dump_items([MUG, Item("cup")]))
    assert pq.read_table(file).to_pydict()["competitor_price"] == [1100, 0]
    state = State([MUG])
    later = replace(MUG, price_set_s=99)
    state.replace(News({"mug": Stored(1, later)}, 1, ""))
    assert state.snapshot.items[0].price_set_s == 99


def test_a_snapshot_file_from_before_there_were_such_prices_still_loads(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "items.parquet"
    table = pq.read_table(io.BytesIO(dump_items([MUG])))
    pq.write_table(table.drop_columns(["map_price", "competitor_price", "price_set_s"]), path)
    (item,) = load_items(path)
    assert item == replace(MUG, map_price=0, competitor_price=0)


def test_files_of_items_bring_them() -> None:
    gbp = {"currencyCode": "GBP"}
    row = {"itemId": "a", "mapPrice": {"amountMinor": "900", **gbp}, "priceTime": "2026-01-31T08:00:00Z"}
    found = item_from_json(row)
    assert (found.map_price, found.price_set_s) == (900, 1_769_846_400)
    flat = item_from_flat({"itemId": "a", "competitorPrice": "1100", "currencyCode": "GBP"})
    assert flat.competitor_price == 1100
    with pytest.raises(InvalidInput, match="mapPrice"):
        item_from_flat({"itemId": "a", "mapPrice": "cheap", "currencyCode": "GBP"})
