"""An item as compact JSON, the form in which the store keeps it. Absent = the value of an empty Item."""

from __future__ import annotations

import json
from typing import Any

from serving.core.catalogue import Item


def to_json(item: Item) -> bytes:
    """The whole item."""
    fields: dict[str, Any] = {
        "id": item.item_id,
        "title": item.title,
        "category": item.category_path,
        "brand": item.brand,
        "currency": item.currency,
        "price": item.price,
        "cost": item.cost,
        "list": item.list_price,
        "stock": {location: list(amounts) for location, amounts in item.stock.items()},
        "grams": item.weight_grams,
        "mm": item.size_mm if any(item.size_mm) else (),
        "since": item.available_s,
        "deleted": item.deleted,
        "attributes": dict(item.attributes),
        "stocked": item.stocked_s,
        "map": item.map_price,
        "competitor": item.competitor_price,
        "priced": item.price_set_s,
    }
    return json.dumps({k: v for k, v in fields.items() if v}, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(text: bytes) -> Item:
    """The item of `to_json`."""
    fields: dict[str, Any] = json.loads(text)
    length, width, height = fields.get("mm", (0, 0, 0))
    return Item(
        item_id=fields["id"],
        title=fields.get("title", ""),
        category_path=tuple(fields.get("category", ())),
        brand=fields.get("brand", ""),
        currency=fields.get("currency", ""),
        price=fields.get("price", 0),
        cost=fields.get("cost", 0),
        list_price=fields.get("list", 0),
        stock={location: (hand, order) for location, (hand, order) in fields.get("stock", {}).items()},
        weight_grams=fields.get("grams", 0),
        size_mm=(length, width, height),
        available_s=fields.get("since", 0),
        deleted=fields.get("deleted", False),
        attributes=fields.get("attributes", {}),
        stocked_s=fields.get("stocked", 0),
        map_price=fields.get("map", 0),
        competitor_price=fields.get("competitor", 0),
        price_set_s=fields.get("priced", 0),
    )
