"""Warehouses, slots, items and orders from files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.core.errors import DataError
from serving.transport.warehouse_layout import read_warehouse
from serving.transport.warehouse_rows import read_items, read_orders, read_slots

PARTS = {
    "aisles": "count = 2\nspacing = 5.0",
    "cross_aisles": "y = [0, 11.5]",
    "depot": "x = 2.5",
    "racks": "count = 10\npitch = 1.0",
}


def written(folder: Path, **parts: str) -> Path:
    """The file with some of its tables changed, or left away where they are None."""
    path = folder / "dc.toml"
    tables = {**PARTS, **parts}
    path.write_text("\n".join(f"[{name}]\n{text}" for name, text in tables.items() if text is not None))
    return path


def test_a_warehouse_of_racks(tmp_path: Path) -> None:
    """Aisles side by side, and a slot for every rack, the first half a pitch behind the front."""
    found = read_warehouse(written(tmp_path))
    aisles = found.layout.aisles
    assert [(one.aisle_id, one.x_metres) for one in aisles.aisles] == [("01", 0.0), ("02", 5.0)]
    assert list(aisles.cross_aisle_y_metres) == [0.0, 11.5]
    assert aisles.depot_x_metres == 2.5
    assert not aisles.HasField("end_x_metres")
    assert len(found.slots) == 20
    assert [(s.slot_id, s.aisle_id, s.y_metres) for s in found.slots[8:11]] == [
        ("01-09", "01", 8.5),
        ("01-10", "01", 9.5),
        ("02-01", "02", 0.5),
    ]
    assert not found.slots[0].HasField("volume_litres")


def test_sides_levels_and_bounds(tmp_path: Path) -> None:
    """Where there are several, names say which."""
    racks = 'count = 2\npitch = 2\nfirst_y = 3\nsides = 2\nlevels = 2\nzone = "cold"\nvolume_litres = 50\nweight_kg = 9'
    path = written(tmp_path, aisles='ids = ["A"]\nx = [4.0]', depot="x = 0\nend_x = 9", racks=racks)
    found = read_warehouse(path)
    assert [slot.slot_id for slot in found.slots] == [
        "A-1L-1", "A-1L-2", "A-1R-1", "A-1R-2", "A-2L-1", "A-2L-2", "A-2R-1", "A-2R-2",
    ]  # fmt: skip
    assert {slot.y_metres for slot in found.slots} == {3.0, 5.0}
    last = found.slots[-1]
    assert (last.zone, last.volume_litres, last.weight_kg) == ("cold", 50.0, 9.0)
    assert found.layout.aisles.end_x_metres == 9.0
    assert found.layout.aisles.aisles[0].x_metres == 4.0


def test_a_warehouse_whose_slots_are_elsewhere(tmp_path: Path) -> None:
    assert read_warehouse(written(tmp_path, racks=None)).slots == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"depot": None}, r"\[depot\] is missing"),
        ({"shelves": "count = 1"}, r"\[shelves\]: no such table; known are aisles"),
        ({"aisles": "count = 2\nspacng = 5"}, r"aisles\.spacng: no such key"),
        ({"aisles": "count = 2"}, r"aisles\.spacing: got None, expected a number"),
        ({"aisles": "count = 0\nspacing = 1"}, r"aisles\.count: got 0, expected a whole number from 1"),
        ({"aisles": "spacing = 1"}, r"aisles\.count: got None"),
        ({"aisles": 'ids = ["A"]\ncount = 2'}, r"aisles\.count: got 2, expected 1"),
        ({"aisles": "ids = [1]\nx = [0]"}, r"aisles\.ids: got \[1\], expected a list of texts"),
        ({"aisles": 'ids = ["A", "B"]\nx = [0]'}, r"aisles\.x: got '1 aisles', expected 2"),
        ({"cross_aisles": "y = 5"}, r"cross_aisles\.y: got 5, expected a list of numbers"),
        ({"depot": "x = true"}, r"depot\.x: got True"),
        ({"racks": "count = 90000\npitch = 1"}, r"racks\.count: got 90000"),
        ({"racks": "count = 20000\npitch = 1"}, r"at most 20,000 slots together, not 40,000"),
        ({"racks": "count = 9\npitch = 1\nsides = 3"}, r"racks\.sides: got 3, expected a whole number from 1 to 2"),
        ({"racks": "count = 9\npitch = 1\nzone = 1"}, r"racks\.zone: got 1, expected text"),
        ({"depot": "x = "}, r"not TOML: .*line"),
    ],
)
def test_what_is_wrong_with_a_warehouse_names_the_key(tmp_path: Path, parts: dict[str, str], says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        read_warehouse(written(tmp_path, **parts))
    assert caught.value.path.endswith("dc.toml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_warehouse(tmp_path / "absent.toml")


def test_rows_of_csv(tmp_path: Path) -> None:
    """Empty cells are left away; columns stand in any order."""
    path = tmp_path / "slots.csv"
    path.write_text("y_metres,slot_id,aisle_id,volume_litres\n3.5,A3,A,9\n4,A4,A,\n")
    one, other = read_slots(path)
    assert (one.slot_id, one.aisle_id, one.y_metres, one.volume_litres) == ("A3", "A", 3.5, 9.0)
    assert not other.HasField("volume_litres")
    path = tmp_path / "items.csv.gz"
    path.write_bytes(gzip.compress(b"item_id,slot_id,units,pinned\npen,A3,40,yes\nmug,,,\n"))
    pen, mug = read_items(path)
    assert (pen.slot_id, pen.units, pen.pinned) == ("A3", 40, True)
    assert (mug.item_id, mug.slot_id, mug.units, mug.pinned) == ("mug", "", 0, False)


def test_orders_are_put_together_from_their_lines(tmp_path: Path) -> None:
    """In the order in which each began, wherever its lines stand; Parquet with numbers as well."""
    path = tmp_path / "orders.parquet"
    rows = {"order_id": [7, 8, 7], "item_id": ["pen", "mug", "cup"], "quantity": [2, None, 1]}
    pq.write_table(pa.table(rows), path)
    seven, eight = read_orders(path)
    assert seven.order_id == "7"
    assert [(line.item_id, line.quantity) for line in seven.lines] == [("pen", 2), ("cup", 1)]
    assert [(line.item_id, line.quantity) for line in eight.lines] == [("mug", 0)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("order_id\n1\n", r"columns: got 'order_id', expected each once: order_id, item_id; where wanted quantity"),
        ("order_id,item_id,colour\n1,a,red\n", r"'order_id, item_id, colour'"),
        ("order_id,item_id\n1,a\n2,\n", r"line 3, column 'item_id'"),
        ("order_id,item_id\n1,a\n2\n", r"line 3: 1 columns, the header has 2"),
        ("order_id,item_id,quantity\n1,a,x\n", r"line 2, column 'quantity': quantity: got 'x', expected a whole"),
        ("order_id,item_id,quantity\n1,a,1.5\n", r"line 2.*a whole number"),
        ("order_id,item_id,quantity\n1,a,99999999999999999999\n", r"line 2.*a whole number"),
    ],
)
def test_what_is_wrong_with_a_row_names_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        read_orders(path)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    for name in ("orders.xlsx", "orders.jsonl"):
        path = tmp_path / name
        path.write_text("{}")
        with pytest.raises(DataError, match=name):
            read_orders(path)
