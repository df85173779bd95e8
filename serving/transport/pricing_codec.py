"""PricingService, and BatchQuotePrices: request bytes to checked queries, quotes and curves to bytes."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from typing import Any, Final

from serving.core.errors import InvalidInput
from serving.decisions.price.contract import (
    BULK_ITEMS_MAX,
    CURRENCY,
    ITEMS_MAX,
    POINTS_MAX,
    SIMULATED_MAX,
    AllQuery,
    Curve,
    Curves,
    QuoteQuery,
    Quotes,
    SimulateQuery,
)
from serving.decisions.price.rules import RULES, names
from serving.decisions.price.table import PriceTable
from serving.kernels.pricing import PRICE_MAX
from serving.transport import checks
from storegate.v1 import pricing_pb2 as pb

PAGE_SIZE: Final = 1000
UNIT_ITEMS: Final = 50
"""Quotes that count as one unit of work."""
ENCODED_MAX: Final = 200_000
"""Quotes of a table that are kept as they were sent, about 200 bytes each."""
_QUOTES: Final = b"\x0a"  # field 1 of QuotePricesResponse, length-delimited
_INFO: Final = -1
_PLACE: Final = struct.Struct("<IQ")
_ID_BYTES: Final = 8
"""What an id takes in a request, at the least it usually is."""


def decode_quote(payload: bytes) -> QuoteQuery:
    """Raises InvalidInput naming the field."""
    request = checks.parsed(pb.QuotePricesRequest.FromString, "QuotePricesRequest", payload)
    return QuoteQuery(_items(request.item_ids, ITEMS_MAX), currency_of(request.currency_code))


def decode_simulate(payload: bytes) -> SimulateQuery:
    """Raises InvalidInput naming the field."""
    request = checks.parsed(pb.SimulatePricesRequest.FromString, "SimulatePricesRequest", payload)
    prices = tuple(request.prices_minor)
    if len(prices) > POINTS_MAX:
        raise InvalidInput("prices_minor", f"{len(prices)} prices", f"at most {POINTS_MAX}")
    for place, price in enumerate(prices):
        checks.whole(f"prices_minor[{place}]", price, 1, PRICE_MAX)
    items = _items(request.item_ids, SIMULATED_MAX)
    return SimulateQuery(items, tuple(sorted(set(prices))), currency_of(request.currency_code))


def encode_quotes(quotes: Quotes) -> bytes:
    """QuotePricesResponse: put together from quotes that are encoded once a table, since everybody gets the same."""
    table, wanted, kept = quotes.table, quotes.currency, quotes.table.encoded
    items, out = table.catalogue.items, bytearray()
    for row in quotes.rows:
        if wanted and items[row].currency != wanted:
            encoded = checks.wire(_quote(table, row, wanted))
        elif (encoded := kept.get(row, b"")) == b"":
            encoded = checks.wire(_quote(table, row))
            if len(kept) < ENCODED_MAX:
                kept[row] = encoded
        out += _QUOTES + checks.varint(len(encoded)) + encoded
    if (info := kept.get(_INFO, b"")) == b"":
        info = kept[_INFO] = checks.wire(pb.QuotePricesResponse(info=info_message(table)))
    out += info
    if quotes.missing:
        out += checks.wire(pb.QuotePricesResponse(missing_item_ids=quotes.missing))
    return bytes(out)


def encode_curves(answer: Curves) -> bytes:
    """SimulatePricesResponse."""
    quotes, table = answer.quotes, answer.quotes.table
    curves = [
        pb.PriceCurve(quote=quote, points=_points(table, curve), elasticity=curve.elasticity)
        for quote, curve in zip(quote_messages(quotes), answer.curves, strict=True)
    ]
    return checks.wire(
        pb.SimulatePricesResponse(curves=curves, missing_item_ids=quotes.missing, info=info_message(table))
    )


def quote_units(payload: bytes) -> int:
    """Units of work of a QuotePricesRequest, by its length."""
    return 1 + len(payload) // (UNIT_ITEMS * _ID_BYTES)


def simulate_units(payload: bytes) -> int:
    """Units of work of a SimulatePricesRequest, by its length."""
    return 1 + len(payload) // _ID_BYTES


def quote_messages(quotes: Quotes) -> list[Any]:
    """PriceQuote messages."""
    return [_quote(quotes.table, row, quotes.currency) for row in quotes.rows]


def info_message(table: PriceTable) -> Any:
    """PricingInfo."""
    message = pb.PricingInfo(
        model_version=table.model_version,
        rules_version=table.rules.version,
        catalogue_version=table.catalogue.version,
        units_days=table.units_days,
        degraded=table.degraded,
    )
    message.period_start.seconds, message.period_end.seconds = table.start_s, table.end_s
    return message


def page_token(first: int, order: int) -> str:
    """Where the next page of all items begins, and of which rows that is said; '' = nowhere."""
    return base64.urlsafe_b64encode(b"p" + _PLACE.pack(first, order)).decode() if first else ""


def place_of(token: str) -> tuple[int, int]:
    """The row, and the order of those before. Raises InvalidInput for what `page_token` did not make."""
    if not token:
        return 0, 0
    try:
        made = base64.b64decode(token.encode(), b"-_", validate=True)
        if made[:1] == b"p":
            first, order = _PLACE.unpack(made[1:])
            if first:
                return first, order
    except (ValueError, struct.error):
        pass
    raise InvalidInput("page_token", token, "next_page_token of the answer before, or none")


def decode_bulk(request: Any) -> QuoteQuery | AllQuery:
    """Of a BatchQuotePricesRequest without files. Raises InvalidInput."""
    currency = currency_of(request.currency_code)
    if request.all_items:
        if request.item_ids:
            raise InvalidInput("item_ids", f"{len(request.item_ids)} ids", "item_ids or all_items, not both")
        count = checks.whole("page_size", request.page_size, 0, BULK_ITEMS_MAX) or PAGE_SIZE
        first, order = place_of(request.page_token)
        return AllQuery(first, count, currency, order)
    for name in ("page_size", "page_token"):
        if getattr(request, name):
            raise InvalidInput(name, getattr(request, name), "none without all_items")
    return QuoteQuery(_items(request.item_ids, BULK_ITEMS_MAX), currency)


def _items(given: Sequence[str], most: int) -> tuple[str, ...]:
    if not given:
        raise InvalidInput("item_ids", [], f"1 to {most} ids")
    return checks.ids("item_ids", given, most)


def currency_of(code: str) -> str:
    """The code, or none. Raises InvalidInput."""
    if not code:
        return ""
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        raise InvalidInput("currency_code", code, 'an ISO 4217 code, for example "GBP"')
    return code


def _quote(table: PriceTable, row: int, wanted: str = "") -> Any:
    """PriceQuote. wanted: the currency that is expected, '' = any."""
    item, decided = table.catalogue.items[row], table.decided
    code, price = item.currency, int(decided.price[row])
    message = pb.PriceQuote(item_id=item.item_id)
    if item.price:
        message.current_price.amount_minor, message.current_price.currency_code = item.price, code
    if wanted and code != wanted:
        message.contradiction.append(CURRENCY)
    elif not price:
        message.contradiction.extend(names(int(decided.failed[row])))
    else:
        _priced(message, table, row, price, code)
    return message


def _priced(message: Any, table: PriceTable, row: int, price: int, code: str) -> None:
    decided = table.decided
    for field, minor in (("price", price), ("lowest", int(decided.low[row])), ("highest", int(decided.high[row]))):
        money = getattr(message, field)
        money.amount_minor, money.currency_code = minor, code
    rule, gave_way = int(decided.rule[row]), int(decided.gave_way[row])
    if rule:
        message.bound_by = RULES[rule]
    if gave_way:
        message.gave_way.extend(names(gave_way))
    units, margin = float(decided.units[row]), float(decided.margin[row])
    current = float(decided.current_margin[row])
    if not math.isnan(current):
        message.current_margin_minor = current
    if not math.isnan(units):
        message.expected_units = units
    if not math.isnan(margin):
        message.expected_margin_minor = margin
    message.propensity, message.explored = float(decided.propensity[row]), bool(decided.explored[row])


def _points(table: PriceTable, curve: Curve) -> list[Any]:
    item = table.catalogue.items[curve.row]
    points = []
    rows = zip(curve.prices.tolist(), curve.units.tolist(), curve.relative.tolist(), curve.forbidden_by, strict=True)
    for price, units, relative, forbidden in rows:
        point = pb.PricePoint(relative_units=relative, allowed=not forbidden, forbidden_by=forbidden)
        point.price.amount_minor, point.price.currency_code = price, item.currency
        if not math.isnan(units):
            point.expected_units, point.expected_revenue_minor = units, price * units
            if item.cost:
                point.expected_margin_minor = (price - item.cost) * units
        points.append(point)
    return points
