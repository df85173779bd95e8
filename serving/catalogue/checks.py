"""The limits of an item's values, for items that come from files. Errors name the fields as the contract does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from serving.core.catalogue import AMOUNTS, Item
from serving.core.errors import InvalidInput
from serving.core.ids import check_id

TEXT_BYTES_MAX: Final = 1024
CATEGORY_DEPTH_MAX: Final = 16
LOCATIONS_MAX: Final = 256
ATTRIBUTES_MAX: Final = 32
ATTRIBUTE_NAME_MAX: Final = 64
ATTRIBUTE_BYTES_MAX: Final = 256
AMOUNT_MAX: Final = 10**15
COUNT_MAX: Final = 2**31 - 1
TIME_S_MAX: Final = 2**32 - 1

_ATTRIBUTE: Final = re.compile(r"[\w-]+(\.[\w-]+)*")


def check_item(item: Item) -> Item:
    """Returns the item if it may stand in the catalogue; raises InvalidInput otherwise."""
    _id("item_id", item.item_id)
    for field in ("title", "brand"):
        _text(field, getattr(item, field))
    if len(item.category_path) > CATEGORY_DEPTH_MAX:
        raise InvalidInput("category_path", f"{len(item.category_path)} levels", f"at most {CATEGORY_DEPTH_MAX}")
    for name in item.category_path:
        _id("category_path", name)
    for field in AMOUNTS:
        _number(field, getattr(item, field), AMOUNT_MAX)
    priced = any(getattr(item, field) for field in AMOUNTS)
    code = item.currency
    if (priced or code) and not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        raise InvalidInput("currency_code", code, 'an ISO 4217 code, for example "GBP"')
    if len(item.stock) > LOCATIONS_MAX:
        raise InvalidInput("stock", f"{len(item.stock)} locations", f"at most {LOCATIONS_MAX}")
    for location, (on_hand, on_order) in item.stock.items():
        _id("stock.location", location)
        _number("stock.on_hand", on_hand, COUNT_MAX)
        _number("stock.on_order", on_order, COUNT_MAX)
    _number("weight_grams", item.weight_grams, COUNT_MAX)
    for field, size in zip(("length_mm", "width_mm", "height_mm"), item.size_mm, strict=True):
        _number(field, size, COUNT_MAX)
    _number("available_time", item.available_s, TIME_S_MAX)
    _number("price_time", item.price_set_s, TIME_S_MAX)
    check_attributes("attributes", item.attributes)
    return item


def check_attributes(field: str, attributes: Mapping[str, str]) -> None:
    """Raises InvalidInput unless every name can stand in a filter and no value is empty: then it has no attribute."""
    if len(attributes) > ATTRIBUTES_MAX:
        raise InvalidInput(field, f"{len(attributes)} attributes", f"at most {ATTRIBUTES_MAX}")
    for name, value in attributes.items():
        if len(name) > ATTRIBUTE_NAME_MAX or not _ATTRIBUTE.fullmatch(name):
            raise InvalidInput(field, name, f"a name of 1 to {ATTRIBUTE_NAME_MAX} letters, digits, _, - and .")
        if not value:
            raise InvalidInput(
                f"{field}.{name}", value, f"a value of 1 to {ATTRIBUTE_BYTES_MAX} bytes, or no such name"
            )
        check_id(f"{field}.{name}", value)


def _id(field: str, value: str) -> None:
    if not value:
        raise InvalidInput(field, value, "a name of 1 to 256 bytes")
    check_id(field, value)


def _text(field: str, value: str) -> None:
    if len(value.encode()) > TEXT_BYTES_MAX:
        raise InvalidInput(field, value, f"at most {TEXT_BYTES_MAX} bytes")
    if not value.isprintable():
        raise InvalidInput(field, value, "no control characters")


def _number(field: str, value: int, high: int) -> None:
    if not 0 <= value <= high:
        raise InvalidInput(field, value, f"0 to {high}")
