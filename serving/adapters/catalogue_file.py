"""A catalogue snapshot as one Parquet file: one row an item, one column a field of core.catalogue.Item."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from serving.core.catalogue import Item
from serving.core.errors import ModelDamaged
from serving.core.priority import breathe

SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("title", pa.string()),
        ("category_path", pa.list_(pa.string())),
        ("brand", pa.string()),
        ("currency", pa.string()),
        ("price", pa.int64()),
        ("cost", pa.int64()),
        ("list_price", pa.int64()),
        ("stock", pa.string()),  # JSON: {location: [on hand, on order]}
        ("weight_grams", pa.int64()),
        ("size_mm", pa.list_(pa.int64())),
        ("available_s", pa.int64()),
        ("deleted", pa.bool_()),
        ("attributes", pa.string()),  # JSON: {name: value}
        ("map_price", pa.int64()),
        ("competitor_price", pa.int64()),
        ("price_set_s", pa.int64()),
    ]
)
"""Money in minor units, times in epoch seconds."""
LATER: Final = {"attributes": "{}", "map_price": 0, "competitor_price": 0, "price_set_s": 0}
"""Columns that older files lack, and what stands for each."""


def dump_items(items: Sequence[Item]) -> bytes:
    """The file's bytes; the same items in the same order give the same bytes."""
    columns: dict[str, list[object]] = {name: [getattr(item, name) for item in items] for name in SCHEMA.names}
    columns["stock"] = [json.dumps(dict(item.stock), sort_keys=True) for item in items]
    columns["attributes"] = [json.dumps(dict(item.attributes), sort_keys=True) for item in items]
    out = io.BytesIO()
    pq.write_table(pa.table(columns, SCHEMA), out, compression="zstd")
    return out.getvalue()


def load_items(path: Path) -> list[Item]:
    """The items in the file's order. Raises ModelDamaged naming the file.

    A file written before items had attributes, or prices to compare with, lacks the columns: then none has any.
    """
    try:
        table = pq.read_table(path, use_threads=False)
        for name, absent in LATER.items():
            if name not in table.schema.names:
                table = table.append_column(name, pa.array([absent] * len(table), SCHEMA.field(name).type))
        if sorted(table.schema.names) == sorted(SCHEMA.names):
            table = table.select(SCHEMA.names)
        if not table.schema.equals(SCHEMA):
            raise ModelDamaged(f"{path.name}: columns {table.schema.names}, expected {SCHEMA.names}", file=path.name)
        items: list[Item] = []
        for row in zip(*table.to_pydict().values(), strict=True):
            items.append(_item(*row))
            breathe()
        return items
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise ModelDamaged(f"{path.name}: not a catalogue snapshot: {error}", file=path.name) from error


def _item(
    item_id: str, title: str, category_path: list[str], brand: str, currency: str, price: int, cost: int,
    list_price: int, stock: str, weight_grams: int, size_mm: list[int], available_s: int, deleted: bool,
    attributes: str, map_price: int, competitor_price: int, price_set_s: int,
) -> Item:  # fmt: skip
    levels = {location: (hand, order) for location, (hand, order) in json.loads(stock).items()}
    depth, width, height = size_mm
    return Item(
        item_id, title, tuple(category_path), brand, currency, price, cost, list_price, levels, weight_grams,
        (depth, width, height), available_s, deleted, json.loads(attributes), 0, map_price, competitor_price,
        price_set_s,
    )  # fmt: skip
