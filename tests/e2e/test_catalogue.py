"""Catalogue writes are live on every replica a moment later: what is new is shown, what is sold out is not.

Each test waits for the condition, with a deadline far above the second that is promised.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import pytest
from e2e.conftest import Shop
from e2e.faces import Face, Refused
from e2e.gateways import Gateway, awaited

from storegate.client import Client, reason
from storegate.v1.catalog_pb2 import Item, LocationStock, PriceUpdate, StockUpdate
from storegate.v1.common_pb2 import Money

GBP = "GBP"


def new_item(item_id: str, **fields: object) -> Item:
    price = Money(amount_minor=1299, currency_code=GBP)
    stock = [LocationStock(location="north", on_hand=5)]
    return Item(item_id=item_id, title=f"Brand new {item_id}", price=price, stock=stock, **fields)


def knows(client: Client, item_id: str) -> bool:
    try:
        return bool(client.get_item(item_id).item_id == item_id)
    except grpc.RpcError as error:
        if reason(error) != "NOT_FOUND":
            raise
        return False


def page(client: Client, **asked: object) -> list[str]:
    return [result.item_id for result in client.recommend(page_size=100, **asked).results]


def everywhere(clients: list[Client], holds: Callable[[Client], bool], what: str) -> None:
    """Waits until `holds` is true of every replica at once."""
    awaited(lambda: all(holds(client) for client in clients), f"every replica {what}")


@contextmanager
def sold_out(clients: list[Client], item: Item) -> Iterator[None]:
    """No stock of the item anywhere; put back at the end, for the tests that follow."""
    clients[0].set_stock(StockUpdate(item_id=item.item_id, location=at.location, on_hand=0) for at in item.stock)
    yield
    clients[0].upsert_items([item])


def test_a_new_item_is_shown_and_can_be_recommended(replica_clients: list[Client]) -> None:
    """The models never saw it: GetItem says so, a page keeps a place for it, and Rerank orders it."""
    assert replica_clients[0].upsert_items([new_item("N-1")]).upserted == 1
    everywhere(replica_clients, lambda client: knows(client, "N-1"), "knows the new item")
    for client in replica_clients:
        assert not client.get_item("N-1").in_model
        shown = [result for result in client.recommend(page_size=100).results if result.item_id == "N-1"]
        assert [(result.title, result.source) for result in shown] == [("Brand new N-1", "fresh")]
        assert "N-1" in {result.item_id for result in client.recommend(page_size=10).results}
        assert [result.item_id for result in client.rerank(["N-1"]).results] == ["N-1"]
    replica_clients[0].delete_items(["N-1"])


def test_a_sold_out_item_is_never_shown(replica_clients: list[Client], shop: Shop) -> None:
    """Not to strangers, not to those who like it, not on a page about its neighbours, not when it is given."""
    first, *_ = replica_clients
    best = page(first, user_id=shop.user)[0]
    item = first.get_item(best)
    asked = [
        {},
        {"user_id": shop.user},
        {"visitor_id": "fan", "session_events": [{"event_type": "detail-page-view", "item_id": best}]},
        {"placement": "others-you-may-like", "item_ids": [shop.item if shop.item != best else shop.in_stock[0]]},
    ]
    with sold_out(replica_clients, item):
        everywhere(
            replica_clients, lambda client: best not in page(client, user_id=shop.user), "has taken it off the page"
        )
        for client in replica_clients:
            assert not any(best in page(client, **question) for question in asked)
            assert not client.rerank([best]).results
            assert all(at.on_hand == 0 for at in client.get_item(best).stock)
    everywhere(replica_clients, lambda client: best in page(client, user_id=shop.user), "shows it again")


def test_a_new_price_is_in_the_answer(replica_clients: list[Client], shop: Shop) -> None:
    """The next page shows it, whoever asks."""
    first, *_ = replica_clients
    shown = first.recommend(shop.user).results[0]
    price = Money(amount_minor=shown.price.amount_minor + 111, currency_code=GBP)
    assert first.set_prices([PriceUpdate(item_id=shown.item_id, price=price)]).updated == 1

    def has_it(client: Client) -> bool:
        prices = {result.item_id: result.price for result in client.recommend(shop.user, page_size=50).results}
        return prices.get(shown.item_id) == price

    everywhere(replica_clients, has_it, "shows the new price")
    assert all(client.get_item(shown.item_id).price == price for client in replica_clients)


def test_a_deleted_item_is_gone_everywhere(replica_clients: list[Client]) -> None:
    """Unknown to GetItem, never shown; deleting it twice is told, not refused."""
    first, *_ = replica_clients
    first.upsert_items([new_item("D-1")])
    everywhere(replica_clients, lambda client: knows(client, "D-1"), "knows it")
    assert first.delete_items(["D-1"]).deleted == 1
    everywhere(replica_clients, lambda client: not knows(client, "D-1"), "has forgotten it")
    for client in replica_clients:
        assert "D-1" not in page(client)
        assert list(client.recommend(item_ids=["D-1"]).missing_item_ids) == ["D-1"]
    again = first.delete_items(["D-1"])
    assert (again.deleted, list(again.missing_item_ids)) == (0, ["D-1"])


def test_an_import_takes_the_good_lines_and_names_the_bad_one(face: Face, replica_clients: list[Client]) -> None:
    """Line 2 is no item: the others are live, and the answer says which line, which field and why."""
    good = {"title": "Imported", "price": {"amountMinor": "250", "currencyCode": GBP}}
    ids = [f"I-{face.name}-1", f"I-{face.name}-2"]
    bad = {"itemId": "bad", "price": {"amountMinor": "-1", "currencyCode": GBP}}
    rows = [{"itemId": ids[0]} | good, bad, {"itemId": ids[1]} | good]
    answer = face.ask("ImportItems", {"inlineJsonLines": "\n".join(map(json.dumps, rows))})
    assert (answer.imported, answer.refused) == (2, 1)
    (error,) = answer.errors
    assert (error.line, error.field.partition(".")[0]) == (2, "price")
    assert "-1" in error.message
    everywhere(replica_clients, lambda client: all(knows(client, each) for each in ids), "knows both items")
    assert not knows(replica_clients[0], "bad")
    replica_clients[0].delete_items(ids)


def test_an_import_that_only_checks_writes_nothing(face: Face, client: Client) -> None:
    row = json.dumps({"itemId": "V-1", "title": "Only checked"})
    answer = face.ask("ImportItems", {"inlineJsonLines": row, "validateOnly": True})
    assert (answer.imported, answer.refused) == (1, 0)
    assert not knows(client, "V-1")


def test_an_import_reads_no_file_outside_its_folder(face: Face) -> None:
    with pytest.raises(Refused) as caught:
        face.ask("ImportItems", {"file": "../live.json.jsonl"})
    assert caught.value.reason == "INVALID_FIELD"
    assert caught.value.facts["field"] == "file"


def test_an_import_reads_a_file_of_its_folder(face: Face, client: Client, served: Gateway) -> None:
    """A CSV below the import folder."""
    folder = served.home / "imports"
    folder.mkdir(exist_ok=True)
    (folder / "items.csv").write_text("itemId,title,price,currencyCode,stock\nF-1,From a file,250,GBP,north=3\n")
    assert face.ask("ImportItems", {"file": "items.csv"}).imported == 1
    awaited(lambda: knows(client, "F-1"), "the item of the file is known")
    assert client.get_item("F-1").title == "From a file"
    client.delete_items(["F-1"])
