"""The catalogue's methods: messages to queries, by name where something is wrong, and results back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from serving.catalogue.contract import (
    DeleteItems,
    GetItem,
    Imported,
    ImportItems,
    ItemFound,
    PriceUpdate,
    SetPrices,
    SetStock,
    StockUpdate,
    Written,
)
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput
from serving.core.row_files import LineError
from serving.transport import catalog_codec as codec
from serving.transport.item_codec import encode_found
from storegate.v1 import catalog_pb2 as pb

NOW_S = 1_700_000_000


class Still:
    """A clock that stands."""

    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return float(NOW_S)


MUG = Item(
    item_id="mug",
    title="Red mug",
    category_path=("home", "mugs"),
    brand="Acme",
    currency="GBP",
    price=1250,
    cost=400,
    list_price=1500,
    stock={"main": (40, 5), "shop": (0, 0)},
    weight_grams=300,
    size_mm=(90, 80, 100),
    available_s=NOW_S - 9,
    attributes={"colour": "red", "material": "stoneware"},
)


def upsert(**fields: Any) -> Item:
    """The one item of a request."""
    request = pb.UpsertItemsRequest(items=[pb.Item(**{"item_id": "mug", **fields})])
    return codec.decode_upsert(request.SerializeToString(), Still()).items[0]


def refused(decode: Callable[[], object]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        decode()
    return caught.value


def test_an_item_survives_the_way_out_and_in() -> None:
    message = pb.Item.FromString(encode_found(ItemFound(MUG, in_model=True)))
    assert message.in_model
    request = pb.UpsertItemsRequest(items=[message], validate_only=True)
    decoded = codec.decode_upsert(request.SerializeToString(), Still())
    assert decoded.items == (MUG,)
    assert decoded.validate_only


def test_an_item_may_be_nothing_but_an_id() -> None:
    assert upsert() == Item("mug")
    assert pb.Item.FromString(encode_found(ItemFound(Item("mug"), False))) == pb.Item(item_id="mug")


GBP, EUR = {"amount_minor": 1, "currency_code": "GBP"}, {"amount_minor": 1, "currency_code": "EUR"}
REFUSED = [
    ("items[0].item_id", {"item_id": ""}),
    ("items[0].item_id", {"item_id": "x" * 257}),
    ("items[0].title", {"title": "x" * 1025}),
    ("items[0].title", {"title": "a\nb"}),
    ("items[0].category_path", {"category_path": ["a", ""]}),
    ("items[0].category_path", {"category_path": ["a"] * 17}),
    ("items[0].brand", {"brand": "\x00"}),
    ("items[0].price.currency_code", {"price": {"amount_minor": 5}}),
    ("items[0].price.currency_code", {"price": {"amount_minor": 5, "currency_code": "pounds"}}),
    ("items[0].price.amount_minor", {"price": {"amount_minor": -5, "currency_code": "GBP"}}),
    ("items[0].cost.currency_code", {"price": GBP, "cost": EUR}),
    ("items[0].stock[0].location", {"stock": [{"location": ""}]}),
    ("items[0].stock[1].location", {"stock": [{"location": "a"}, {"location": "a"}]}),
    ("items[0].stock[0].on_hand", {"stock": [{"location": "a", "on_hand": -1}]}),
    ("items[0].stock[0].on_order", {"stock": [{"location": "a", "on_order": -1}]}),
    ("items[0].stock", {"stock": [{"location": str(n)} for n in range(257)]}),
    ("items[0].weight_grams", {"weight_grams": -1}),
    ("items[0].height_mm", {"height_mm": -1}),
    ("items[0].available_time", {"available_time": {"seconds": NOW_S + 400}}),
    ("items[0].attributes", {"attributes": {"two words": "x"}}),
    ("items[0].attributes", {"attributes": {f"a{n}": "1" for n in range(33)}}),
    ("items[0].attributes.colour", {"attributes": {"colour": ""}}),
]


@pytest.mark.parametrize(("field", "fields"), REFUSED, ids=[f"{field}-{n}" for n, (field, _) in enumerate(REFUSED)])
def test_an_item_that_cannot_be_used_is_refused_by_name(field: str, fields: dict[str, Any]) -> None:
    assert refused(lambda: upsert(**fields)).field == field


@pytest.mark.parametrize("count", [0, 1001])
def test_requests_have_one_to_a_thousand_rows(count: int) -> None:
    many = {
        "items": lambda: codec.decode_upsert(
            pb.UpsertItemsRequest(items=[pb.Item(item_id="a")] * count).SerializeToString(), Still()
        ),
        "item_ids": lambda: codec.decode_delete(pb.DeleteItemsRequest(item_ids=["a"] * count).SerializeToString()),
        "updates": lambda: codec.decode_stock(
            pb.SetStockRequest(updates=[pb.StockUpdate(item_id="a", location="l")] * count).SerializeToString()
        ),
    }
    for field, decode in many.items():
        assert refused(decode).field == field


def test_stock_and_prices_arrive() -> None:
    """An amount that is not there is unchanged; 0 is an amount."""
    stock = pb.SetStockRequest(updates=[pb.StockUpdate(item_id="a", location="main", on_hand=3, on_order=2)])
    assert codec.decode_stock(stock.SerializeToString()) == SetStock((StockUpdate("a", "main", 3, 2),))
    nothing = {"amount_minor": 0, "currency_code": "GBP"}
    prices = pb.SetPricesRequest(updates=[pb.PriceUpdate(item_id="a", price=GBP, list_price=nothing)])
    assert codec.decode_prices(prices.SerializeToString(), Still()) == SetPrices((PriceUpdate("a", "GBP", 1, None, 0),))


@pytest.mark.parametrize(
    ("field", "update"),
    [
        ("updates[0]", {"item_id": "a"}),
        ("updates[0].item_id", {"item_id": "", "price": GBP}),
        ("updates[0].price.currency_code", {"item_id": "a", "price": {"amount_minor": 1}}),
        ("updates[0].cost.currency_code", {"item_id": "a", "price": GBP, "cost": EUR}),
    ],
)
def test_a_price_that_cannot_be_used_is_refused_by_name(field: str, update: dict[str, Any]) -> None:
    request = pb.SetPricesRequest(updates=[pb.PriceUpdate(**update)])
    assert refused(lambda: codec.decode_prices(request.SerializeToString(), Still())).field == field


def test_imports_have_one_source() -> None:
    def decode(**fields: Any) -> ImportItems:
        return codec.decode_import(pb.ImportItemsRequest(**fields).SerializeToString())

    assert decode(inline_json_lines="{}", validate_only=True) == ImportItems(inline="{}", validate_only=True)
    assert decode(file="new.csv") == ImportItems(file="new.csv")
    assert refused(decode).field == "source"
    assert refused(lambda: decode(file="")).field == "file"
    assert refused(lambda: decode(file="a\x00b")).field == "file"


def test_get_and_delete_need_ids() -> None:
    assert codec.decode_get(pb.GetItemRequest(item_id="a").SerializeToString()) == GetItem("a")
    assert codec.decode_delete(pb.DeleteItemsRequest(item_ids=["a"]).SerializeToString()) == DeleteItems(("a",))
    assert refused(lambda: codec.decode_get(b"")).field == "item_id"


def test_results_are_told() -> None:
    written = Written(count=2, missing=("x",), version=9)
    upserted = pb.UpsertItemsResponse.FromString(codec.encode_upserted(written))
    assert (upserted.upserted, upserted.catalogue_version) == (2, 9)
    deleted = pb.DeleteItemsResponse.FromString(codec.encode_deleted(written))
    assert (deleted.deleted, list(deleted.missing_item_ids), deleted.catalogue_version) == (2, ["x"], 9)
    for message, encode in (
        (pb.SetStockResponse, codec.encode_stock_set),
        (pb.SetPricesResponse, codec.encode_prices_set),
    ):
        told = message.FromString(encode(written))
        assert (told.updated, list(told.missing_item_ids), told.catalogue_version) == (2, ["x"], 9)
    done = Imported(3, 1, (LineError(4, "price", "must be a number"),), 10)
    imported = pb.ImportItemsResponse.FromString(codec.encode_imported(done))
    assert (imported.imported, imported.refused, imported.catalogue_version) == (3, 1, 10)
    assert [(one.line, one.field, one.message) for one in imported.errors] == [(4, "price", "must be a number")]
