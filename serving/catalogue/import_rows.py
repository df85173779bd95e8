"""One row of an import file to an Item: nested as in protobuf's JSON mapping, or flat as in CSV and Parquet.

Names are lowerCamelCase or as in the .proto. Every error is an InvalidInput that names the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from serving.catalogue.checks import check_item
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput

JSON_FIELDS: Final = (
    *("itemId", "title", "categoryPath", "brand", "price", "cost", "listPrice", "stock", "weightGrams"),
    *("lengthMm", "widthMm", "heightMm", "availableTime", "mapPrice", "competitorPrice", "priceTime"),
    *("attributes", "inModel"),
)
FLAT_FIELDS: Final = (*JSON_FIELDS[:-2], "currencyCode")
ATTRIBUTE_COLUMN: Final = "attributes."
"""What a column begins with that holds the values of one attribute."""
AMOUNTS: Final = {
    "price": "price",
    "cost": "cost",
    "listPrice": "list_price",
    "mapPrice": "map_price",
    "competitorPrice": "competitor_price",
}

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}(\.0+)?")


def camel(name: str) -> str:
    """item_id -> itemId; itemId stays, and so does the name of an attribute."""
    if name.strip().startswith(ATTRIBUTE_COLUMN):
        return name.strip()
    head, *tail = name.strip().split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


def item_from_json(row: Any) -> Item:
    """An item in protobuf's JSON mapping: {"itemId": "a", "price": {"amountMinor": "250", "currencyCode": "GBP"}}."""
    fields = _fields("item", row, JSON_FIELDS)
    amounts: dict[str, int] = {}
    currency = ""
    for name, attribute in AMOUNTS.items():
        money = _fields(name, fields.get(name) or {}, ("amountMinor", "currencyCode"))
        amounts[attribute] = _whole(f"{name}.amountMinor", money.get("amountMinor", 0))
        code = _text(f"{name}.currencyCode", money.get("currencyCode", ""))
        if currency and code and code != currency:
            raise InvalidInput(f"{name}.currencyCode", code, f"{currency}, as in the item's other amounts")
        currency = currency or code
    stock = {}
    for position, report in enumerate(_list("stock", fields.get("stock") or [])):
        at = _fields(f"stock[{position}]", report, ("location", "onHand", "onOrder"))
        counts = [_whole(f"stock[{position}].{name}", at.get(name, 0)) for name in ("onHand", "onOrder")]
        stock[_text(f"stock[{position}].location", at.get("location", ""))] = (counts[0], counts[1])
    path = _list("categoryPath", fields.get("categoryPath") or [])
    return _item(
        fields, tuple(_text("categoryPath", name) for name in path), currency, amounts, stock, _attributes(fields)
    )


def item_from_flat(row: Mapping[str, Any]) -> Item:
    """An item from columns: amounts in minor units of currencyCode, categoryPath "root > leaf" (or a list), stock
    "location=on hand/on order; ..." or absent, attributes.NAME one value.
    """
    fields = {name: value for name, value in row.items() if value is not None and value != ""}
    path = fields.get("categoryPath", "")
    parts = path.split(">") if isinstance(path, str) else _list("categoryPath", path)
    amounts = {attribute: _whole(name, fields.get(name, 0)) for name, attribute in AMOUNTS.items()}
    stock = {}
    for report in filter(None, (part.strip() for part in _text("stock", fields.get("stock", "")).split(";"))):
        location, equals, counts = report.rpartition("=")
        on_hand, _, on_order = counts.partition("/")
        if not equals:
            raise InvalidInput("stock", report, 'location=on hand/on order, for example "london=5/10; leeds=0"')
        stock[location.strip()] = (_whole("stock", on_hand), _whole("stock", on_order or 0))
    names = tuple(_text("categoryPath", name).strip() for name in parts) if path else ()
    attributes = {
        name.removeprefix(ATTRIBUTE_COLUMN): _text(name, value).strip()
        for name, value in fields.items()
        if name.startswith(ATTRIBUTE_COLUMN)
    }
    attributes = {name: value for name, value in attributes.items() if value}
    return _item(fields, names, _text("currencyCode", fields.get("currencyCode", "")), amounts, stock, attributes)


def _attributes(fields: Mapping[str, Any]) -> dict[str, str]:
    given = fields.get("attributes") or {}
    if not isinstance(given, dict):
        raise InvalidInput("attributes", given, 'a JSON object, for example {"colour": "red"}')
    return {_text("attributes", name): _text(f"attributes.{name}", value) for name, value in given.items()}


def _item(
    fields: Mapping[str, Any],
    category_path: tuple[str, ...],
    currency: str,
    amounts: Mapping[str, int],
    stock: Mapping[str, tuple[int, int]],
    attributes: Mapping[str, str],
) -> Item:
    length, width, height = (_whole(name, fields.get(name, 0)) for name in ("lengthMm", "widthMm", "heightMm"))
    return check_item(
        Item(
            item_id=_text("itemId", fields.get("itemId", "")),
            title=_text("title", fields.get("title", "")),
            category_path=category_path,
            brand=_text("brand", fields.get("brand", "")),
            currency=currency,
            stock=stock,
            weight_grams=_whole("weightGrams", fields.get("weightGrams", 0)),
            size_mm=(length, width, height),
            available_s=_time_s("availableTime", fields.get("availableTime")),
            attributes=attributes,
            price_set_s=_time_s("priceTime", fields.get("priceTime")),
            **amounts,  # type: ignore[arg-type]
        )
    )


def _fields(where: str, row: Any, known: tuple[str, ...]) -> dict[str, Any]:
    """The fields that are set, under their JSON names."""
    if not isinstance(row, dict):
        raise InvalidInput(where, row, "a JSON object")
    fields = {camel(name): value for name, value in row.items() if value is not None}
    for name in fields:
        if name not in known:
            raise InvalidInput(name, fields[name], f"one of the fields {', '.join(known)}")
    return fields


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput(field, value, "text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(field, value, "text in UTF-8") from None
    return value


def _list(field: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(field, value, "a list")
    return value


def _whole(field: str, value: Any) -> int:
    """int64 stands as text in protobuf's JSON; CSV has nothing but text; floats come from nullable columns."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InvalidInput(field, value, "a whole number")


def _time_s(field: str, value: Any) -> int:
    """Epoch seconds of an RFC 3339 text, or of a Parquet timestamp (UTC unless it says otherwise); None = 0."""
    if value is None:
        return 0
    read: Callable[[str], datetime] = datetime.fromisoformat
    try:
        when = value if isinstance(value, datetime) else read(_text(field, value).strip())
        if when.tzinfo is None and isinstance(value, str):
            raise ValueError
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise InvalidInput(field, value, "a time as in RFC 3339, for example 2026-01-31T08:00:00Z") from None
