"""One catalogue item: message to Item, with every check, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from serving.catalogue.checks import check_attributes
from serving.catalogue.contract import ItemFound
from serving.core.catalogue import AMOUNTS, Item
from serving.core.errors import InvalidInput
from serving.transport import checks
from storegate.v1 import catalog_pb2 as pb

TITLE_BYTES_MAX: Final = 1024
CATEGORY_DEPTH_MAX: Final = 16
LOCATIONS_MAX: Final = 256
AMOUNT_MAX: Final = 10**15
"""Minor units; far above any price, far below the limits of int64 sums."""


def item_of(message: Any, field: str, now_s: float) -> Item:
    """The checked item; `field` is where it stands in the request. Raises InvalidInput."""
    currency = _currency(field, [(name, getattr(message, name)) for name in AMOUNTS])
    if len(message.category_path) > CATEGORY_DEPTH_MAX:
        raise InvalidInput(f"{field}category_path", f"{len(message.category_path)} levels", f"{CATEGORY_DEPTH_MAX}")
    return Item(
        item_id=checks.needed_id(f"{field}item_id", message.item_id),
        title=checks.text(f"{field}title", message.title, TITLE_BYTES_MAX),
        category_path=tuple(checks.needed_id(f"{field}category_path", name) for name in message.category_path),
        brand=checks.text(f"{field}brand", message.brand, TITLE_BYTES_MAX),
        currency=currency,
        stock=_stock(f"{field}stock", message.stock),
        weight_grams=checks.whole(f"{field}weight_grams", message.weight_grams, 0),
        size_mm=(
            checks.whole(f"{field}length_mm", message.length_mm, 0),
            checks.whole(f"{field}width_mm", message.width_mm, 0),
            checks.whole(f"{field}height_mm", message.height_mm, 0),
        ),
        available_s=_time(field, message, "available_time", now_s),
        attributes=_attributes(f"{field}attributes", message.attributes),
        price_set_s=_time(field, message, "price_time", now_s),
        **{name: amount(field + name, getattr(message, name)) for name in AMOUNTS},  # type: ignore[arg-type]
    )


def encode_found(found: ItemFound) -> bytes:
    """The Item message."""
    item = found.item
    message = pb.Item(
        item_id=item.item_id,
        title=item.title,
        category_path=item.category_path,
        brand=item.brand,
        stock=[
            pb.LocationStock(location=location, on_hand=hand, on_order=order)
            for location, (hand, order) in item.stock.items()
        ],
        weight_grams=item.weight_grams,
        length_mm=item.size_mm[0],
        width_mm=item.size_mm[1],
        height_mm=item.size_mm[2],
        in_model=found.in_model,
        attributes=dict(item.attributes),
    )
    for name in AMOUNTS:
        if minor := getattr(item, name):
            money = getattr(message, name)
            money.amount_minor, money.currency_code = minor, item.currency
    if item.available_s:
        message.available_time.seconds = item.available_s
    if item.price_set_s:
        message.price_time.seconds = item.price_set_s
    return checks.wire(message)


def amount(field: str, money: Any) -> int:
    """Minor units, 0 or more."""
    value: int = money.amount_minor
    return checks.whole(f"{field}.amount_minor", value, 0, AMOUNT_MAX)


def currency_code(field: str, code: str) -> str:
    """`code` when it looks like ISO 4217: three capital letters."""
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        raise InvalidInput(f"{field}.currency_code", code, 'an ISO 4217 code, for example "GBP"')
    return code


def _currency(field: str, amounts: Sequence[tuple[str, Any]]) -> str:
    """The one currency of an item's amounts; '' where it has none."""
    found = ""
    for name, money in amounts:
        if not money.amount_minor and not money.currency_code:
            continue
        code = currency_code(field + name, money.currency_code)
        if found and code != found:
            raise InvalidInput(f"{field}{name}.currency_code", code, f"{found}, as in the item's other amounts")
        found = code
    return found


def _stock(field: str, reports: Sequence[Any]) -> dict[str, tuple[int, int]]:
    if len(reports) > LOCATIONS_MAX:
        raise InvalidInput(field, f"{len(reports)} locations", f"at most {LOCATIONS_MAX}")
    stock: dict[str, tuple[int, int]] = {}
    for position, report in enumerate(reports):
        here = f"{field}[{position}]"
        location = checks.needed_id(f"{here}.location", report.location)
        if location in stock:
            raise InvalidInput(f"{here}.location", location, "every location once")
        hand = checks.whole(f"{here}.on_hand", report.on_hand, 0)
        stock[location] = (hand, checks.whole(f"{here}.on_order", report.on_order, 0))
    return stock


def _attributes(field: str, given: Mapping[str, str]) -> dict[str, str]:
    """By name: the order in which a map arrives means nothing."""
    attributes = dict(sorted(given.items()))
    check_attributes(field, attributes)
    return attributes


def _time(field: str, message: Any, name: str, now_s: float) -> int:
    """Epoch seconds; 0 = not said."""
    return checks.time_s(field + name, getattr(message, name), now_s) if message.HasField(name) else 0
