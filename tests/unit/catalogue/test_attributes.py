"""An item's attributes survive every form in which items are kept."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow.parquet as pq

from serving.adapters.catalogue_file import dump_items, load_items
from serving.catalogue.item_json import from_json, to_json
from serving.core.catalogue import Item

ITEMS = [Item("mug", attributes={"größe": "300 ml", "fits_in.oven": "yes"}), Item("bare")]


def test_the_stores_json_keeps_attributes() -> None:
    """An item without any takes no room for them."""
    assert [from_json(to_json(item)) for item in ITEMS] == ITEMS
    assert b"attributes" not in to_json(ITEMS[1])


def test_a_snapshot_file_keeps_attributes(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    path.write_bytes(dump_items(ITEMS))
    assert load_items(path) == ITEMS


def test_a_snapshot_file_from_before_attributes_still_loads(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    table = pq.read_table(io.BytesIO(dump_items([Item("mug", title="Mug"), Item("cup", price=5, currency="GBP")])))
    pq.write_table(table.drop_columns(["attributes"]), path)
    assert load_items(path) == [Item("mug", title="Mug"), Item("cup", price=5, currency="GBP")]
