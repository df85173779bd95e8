"""PricingService on the wire: nothing tells who asks, bad requests are refused by name, absent figures are absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from pricing_worlds import Model

from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput
from serving.decisions.price import contract, quoting
from serving.decisions.price.contract import AllQuery, QuoteQuery, SimulateQuery
from serving.decisions.price.rules import Params
from serving.decisions.price.table import PriceTable, Pricing
from serving.transport import batch_codec
from serving.transport import pricing_codec as codec
from serving.transport.contract import methods
from storegate.v1 import batch_pb2
from storegate.v1 import pricing_pb2 as pb

ITEM = Item("mug", currency="GBP", price=1000, cost=600, list_price=1050, stock={"main": (2, 0)})
ITEMS = [ITEM, replace(ITEM, item_id="cup", currency="EUR"), replace(ITEM, item_id="tub", cost=2000), Item("new")]
KNOWN_FIELDS = {
    "QuotePricesRequest": {"item_ids", "currency_code"},
    "SimulatePricesRequest": {"item_ids", "prices_minor", "currency_code"},
    "BatchQuotePricesRequest": {
        "item_ids", "all_items", "page_size", "page_token", "currency_code", "input_uri", "output_uri",
    },
}  # fmt: skip
"""Every field of every request of prices: none says anything of the caller."""
PERSONAL = (
    "user",
    "visitor",
    "customer",
    "session",
    "segment",
    "device",
    "address",
    "agent",
    "person",
    "experiment",
    "arm",
)


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return Pricing(Params()).table(Catalogue.build(ITEMS, version=7), Model(("mug",), usual=1000.0), 1.8e9)


def fields_of(message: Descriptor) -> Iterator[str]:
    for field in message.fields:
        yield field.name
        if field.message_type is not None:
            yield from fields_of(field.message_type)


def test_no_request_of_prices_has_a_field_for_who_asks() -> None:
    asked = {
        method.request.DESCRIPTOR.name: method.request.DESCRIPTOR for method in methods() if "Price" in method.name
    }
    asked.pop("SetPricesRequest")
    assert {name: {field.name for field in message.fields} for name, message in asked.items()} == KNOWN_FIELDS
    for message in asked.values():
        assert not [name for name in fields_of(message) if any(word in name for word in PERSONAL)]
    for query in (QuoteQuery, AllQuery, SimulateQuery):
        assert set(query.__dataclass_fields__) <= {"item_ids", "currency", "prices", "first", "count", "order"}


def refused(run: Callable[[], object]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        run()
    return caught.value


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.QuotePricesRequest(), "item_ids"),
        (pb.QuotePricesRequest(item_ids=["a"] * (contract.ITEMS_MAX + 1)), "item_ids"),
        (pb.QuotePricesRequest(item_ids=["a", ""]), "item_ids[1]"),
        (pb.QuotePricesRequest(item_ids=["a"], currency_code="POUND"), "currency_code"),
        (pb.SimulatePricesRequest(), "item_ids"),
        (pb.SimulatePricesRequest(item_ids=["a"] * 21), "item_ids"),
        (pb.SimulatePricesRequest(item_ids=["a"], prices_minor=[5, 0]), "prices_minor[1]"),
        (pb.SimulatePricesRequest(item_ids=["a"], prices_minor=[10**13]), "prices_minor[0]"),
        (pb.SimulatePricesRequest(item_ids=["a"], prices_minor=range(1, 65)), "prices_minor"),
        (batch_pb2.BatchQuotePricesRequest(), "item_ids"),
        (batch_pb2.BatchQuotePricesRequest(item_ids=["a"], all_items=True), "item_ids"),
        (batch_pb2.BatchQuotePricesRequest(item_ids=["a"], page_size=5), "page_size"),
        (batch_pb2.BatchQuotePricesRequest(all_items=True, page_size=-1), "page_size"),
        (batch_pb2.BatchQuotePricesRequest(all_items=True, page_size=10_001), "page_size"),
        (batch_pb2.BatchQuotePricesRequest(all_items=True, page_token="p5"), "page_token"),
        (batch_pb2.BatchQuotePricesRequest(item_ids=["a"], input_uri="a", output_uri="b"), "item_ids"),
        (batch_pb2.BatchQuotePricesRequest(input_uri="a"), "output_uri"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_answered_are_refused_by_name(request_: Any, field: str) -> None:
    decode = {
        pb.QuotePricesRequest: codec.decode_quote,
        pb.SimulatePricesRequest: codec.decode_simulate,
        batch_pb2.BatchQuotePricesRequest: batch_codec.decode_quote_batch,
    }[type(request_)]
    assert refused(lambda: decode(request_.SerializeToString())).field == field


def test_bytes_that_are_no_request_are_refused() -> None:
    assert refused(lambda: codec.decode_quote(b"\xff")).reason == "MALFORMED_MESSAGE"


def test_a_quote_says_all_of_it(table: PriceTable) -> None:
    """Two left, ten sell in a week: so the price goes up as far as the list price lets it."""
    answer = pb.QuotePricesResponse.FromString(codec.encode_quotes(quoting.quote(table, QuoteQuery(("mug", "nobody")))))
    (quote,) = answer.quotes
    assert (quote.item_id, quote.price.amount_minor, quote.price.currency_code) == ("mug", 1050, "GBP")
    assert (quote.lowest.amount_minor, quote.highest.amount_minor) == (1000, 1050)
    assert (quote.bound_by, list(quote.gave_way), list(quote.contradiction)) == ("list_price", [], [])
    assert quote.current_price.amount_minor == 1000
    assert (quote.expected_units, quote.expected_margin_minor, quote.current_margin_minor) == (2.0, 900.0, 800.0)
    assert (quote.propensity, quote.explored) == (1.0, False)
    assert list(answer.missing_item_ids) == ["nobody"]
    info = answer.info
    assert (info.model_version, info.catalogue_version, info.units_days, info.degraded) == ("m1", 7, 7.0, "")
    assert (info.period_end.seconds - info.period_start.seconds, info.rules_version) == (86_400, table.rules.version)


def test_what_is_not_known_is_absent_and_where_there_is_no_price_the_rules_are_named(table: PriceTable) -> None:
    """An item no model knows has no units; one that costs more than its list price has no price; nor has a new one."""
    found = quoting.quote(table, QuoteQuery(("cup", "tub", "new"), ""))
    cup, tub, new = pb.QuotePricesResponse.FromString(codec.encode_quotes(found)).quotes
    assert cup.price.currency_code == "EUR"
    assert not any(cup.HasField(name) for name in ("expected_units", "expected_margin_minor", "current_margin_minor"))
    assert (list(tub.contradiction), tub.HasField("price")) == (["min_margin", "list_price"], False)
    assert (list(new.contradiction), new.HasField("current_price")) == (["no_price"], False)


def test_an_item_of_another_currency_than_is_expected_has_no_price(table: PriceTable) -> None:
    """The others are answered."""
    found = quoting.quote(table, QuoteQuery(("mug", "cup"), "GBP"))
    mug, cup = pb.QuotePricesResponse.FromString(codec.encode_quotes(found)).quotes
    assert mug.price.amount_minor == 1050
    assert (list(cup.contradiction), cup.HasField("price"), cup.bound_by) == (["currency"], False, "")


def test_a_curve_on_the_wire(table: PriceTable) -> None:
    answer = quoting.simulate(table, SimulateQuery(("mug", "cup"), (900, 1000, 1100)))
    mug, cup = pb.SimulatePricesResponse.FromString(codec.encode_curves(answer)).curves
    assert [point.forbidden_by for point in mug.points] == ["stock_cover", "", "list_price"]
    assert [point.allowed for point in mug.points] == [False, True, False]
    assert mug.points[1].expected_revenue_minor == 2000.0
    assert mug.points[1].relative_units == 1.0
    assert mug.elasticity == -2.0
    assert cup.points[0].relative_units > 1
    assert not cup.points[0].HasField("expected_units")


def test_pages_go_on_where_the_token_says(table: PriceTable) -> None:
    request = batch_pb2.BatchQuotePricesRequest(all_items=True, page_size=3)
    seen: list[str] = []
    while True:
        query = batch_codec.decode_quote_batch(request.SerializeToString())
        assert isinstance(query, AllQuery)
        answer = batch_pb2.BatchQuotePricesResponse.FromString(
            batch_codec.encode_quote_batch(quoting.page(table, query))
        )
        seen += [quote.item_id for quote in answer.quotes]
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert seen == [item.item_id for item in ITEMS]


def test_a_token_of_other_rows_is_refused_and_says_what_to_do(table: PriceTable) -> None:
    """A release that goes live between two pages has its own rows: pages would skip items, and repeat others."""
    first = quoting.page(table, AllQuery(0, 2))
    token = codec.page_token(first.following, first.order)
    request = batch_pb2.BatchQuotePricesRequest(all_items=True, page_size=2, page_token=token)
    query = codec.decode_bulk(request)
    assert isinstance(query, AllQuery)
    for ids in (("cup", "mug", "tub", "new"), ("mug", "tub"), ("mug",)):
        items = [replace(ITEM, item_id=item_id) for item_id in ids]
        other = Pricing(Params()).table(Catalogue.build(items), None, 1.8e9)
        error = refused(lambda other=other: quoting.page(other, query))  # type: ignore[misc]
        assert (error.field, error.reason) == ("page_token", "STALE_PAGE_TOKEN")
        assert "begin again" in error.message
    grown = Pricing(Params()).table(table.catalogue.updated([Item("more")], 8), None, 1.8e9)
    assert quoting.page(grown, query).rows == (2, 3), "new items come last and move nothing"


@pytest.mark.parametrize("token", ["cDU=", "cDU", "p5", "!", "cAAAAAAAAAAAAAAAAA==", "é"])
def test_what_no_answer_said_is_no_token(token: str) -> None:
    assert refused(lambda: codec.place_of(token)).field == "page_token"
