"""A shop's product list: what is found by the columns' names, and what it adds to the sales."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model_repo.datasets.products import Facts, read_products
from model_repo.datasets.transactions import read_transactions
from serving.catalogue.checks import check_item
from serving.core.errors import DataError

DATA = Path(os.environ.get("STOREGATE_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
JOURNEY = DATA / "completejourney"

LIST = """product_id,manufacturer_id,department,brand,product_category,product_type,package_size
7,69,PASTRY,Private,BREAD,BREAD:ITALIAN/FRENCH,
8,2,GROCERY,National,"FRZN ICE, CUBED",ICE - CRUSHED,22 LB
8,3,OTHER,National,LATER,LATER,
9,2,COUPON,National,COUPON/MISC ITEMS,MISC SALES TRANS,
"""
SALES = """household_id,basket_id,product_id,quantity,sales_value,transaction_timestamp
1,11,7,2,3.98,2017-01-28 19:06:53
1,11,8,1,1.59,2017-01-28 19:06:53
2,12,9,1,5.00,2017-01-29 10:00:00
2,12,10,3,3.00,2017-01-29 10:00:00
"""


def written(folder: Path, text: str, name: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_columns_are_found_by_name_and_the_rest_are_attributes(tmp_path: Path) -> None:
    """The first row of a code counts; an empty cell says nothing."""
    found = read_products(written(tmp_path, LIST, "list.csv"))
    assert found["7"] == Facts("BREAD:ITALIAN/FRENCH", ("PASTRY", "BREAD"), "Private", {"manufacturer_id": "69"})
    assert found["8"] == Facts(
        "ICE - CRUSHED", ("GROCERY", "FRZN ICE, CUBED"), "National", {"manufacturer_id": "2", "package_size": "22 LB"}
    )


def test_packed_and_parquet_give_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, LIST, "list.csv")
    packed = tmp_path / "list.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    columns = {name: [] for name in LIST.splitlines()[0].split(",")}  # type: ignore[var-annotated]
    columns |= {"product_id": [7], "department": ["PASTRY"], "product_category": ["BREAD"], "brand": ["Private"]}
    table = pa.table({name: values or [None] for name, values in columns.items()})
    pq.write_table(table, tmp_path / "list.parquet")
    assert read_products(packed) == read_products(path)
    assert read_products(tmp_path / "list.parquet") == {"7": Facts("", ("PASTRY", "BREAD"), "Private", {})}


def test_a_path_in_one_column_and_another_shop_s_names(tmp_path: Path) -> None:
    path = written(tmp_path, "SKU;Product Name;Category Path;Colour / shade\na1;Mug;Home > Kitchen;blue\n", "list.csv")
    assert read_products(path) == {"a1": Facts("Mug", ("Home", "Kitchen"), "", {"Colour_shade": "blue"})}


def test_a_list_without_codes_or_rows_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="code"):
        read_products(written(tmp_path, "colour,size\nred,1\n", "list.csv"))
    with pytest.raises(DataError, match="cannot be read"):
        read_products(written(tmp_path, "sku,size\nred,1,2,3\n", "list.csv"))
    with pytest.raises(DataError, match="does not exist"):
        read_products(tmp_path / "none.csv")


def test_sales_take_their_names_from_the_list_and_prices_from_what_the_line_cost(tmp_path: Path) -> None:
    """Coupons are no goods, and an item that the list has not is sold all the same."""
    sales = written(tmp_path, SALES, "sales.csv")
    data = read_transactions(sales, products=written(tmp_path, LIST, "list.csv"))
    assert [(item.item_id, item.title, item.price) for item in data.items] == [
        ("10", "", 100), ("7", "BREAD:ITALIAN/FRENCH", 199), ("8", "ICE - CRUSHED", 159),
    ]  # fmt: skip
    assert data.items[2].category_path == ("GROCERY", "FRZN ICE, CUBED")
    assert data.items[2].attributes == {"manufacturer_id": "2", "package_size": "22 LB"}
    assert {kept.what: kept.rows for kept in data.report}["dropped: not a product"] == 1
    assert [item.item_id for item in read_transactions(sales).items] == ["10", "7", "8", "9"]


def test_a_returned_line_has_a_positive_price(tmp_path: Path) -> None:
    """Minus two pieces for minus 3.98 take two of the three away."""
    text = SALES.splitlines()[0] + "\n1,11,7,3,5.97,2017-01-28 19:06:53\n1,13,7,-2,-3.98,2017-01-30 09:00:00\n"
    data = read_transactions(written(tmp_path, text, "sales.csv"))
    assert (data.events.quantity.tolist(), data.events.price.tolist()) == ([1], [199])


def test_a_price_of_one_piece_counts_before_that_of_the_line(tmp_path: Path) -> None:
    path = written(tmp_path, "sku,customer,date,quantity,price,line_total\na,u,2026-01-02,4,2.50,9.00\n", "sales.csv")
    assert read_transactions(path).items[0].price == 250


def test_complete_journey() -> None:
    """The sample with its product list: counted from the file, and every item may stand in a catalogue."""
    for name in ("transactions_sample.csv.gz", "products.csv.gz"):
        if not (JOURNEY / name).exists():
            pytest.skip(f"{JOURNEY / name} is not here; 84.51°, The Complete Journey (R package completejourney)")
    data = read_transactions(JOURNEY / "transactions_sample.csv.gz", products=JOURNEY / "products.csv.gz")
    assert sum(kept.rows for kept in data.report) == 75_000
    assert (len(data.items), len(data.users), len(data.events)) == (20_760, 2_372, 73_563)
    assert sum(bool(item.title and len(item.category_path) == 2) for item in data.items) > 20_000
    for item in data.items:
        check_item(item)
