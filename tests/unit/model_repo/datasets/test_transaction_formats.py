"""Sales lines in all the spellings, dates and formats that are understood."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sales_files import HEADER, csv, epoch, row

from model_repo.datasets.transactions import read_transactions
from serving.core.errors import DataError, InvalidInput


def test_only_item_time_and_customer(tmp_path: Path) -> None:
    """Without invoice, quantity and price: one piece, price 0 = unknown, one basket a customer and day."""
    path = csv(
        tmp_path,
        "ann,p1,2024-05-01 10:00:00",
        "ann,p2,2024-05-01 18:00:00",
        "ann,p1,2024-05-02 10:00:00",
        "bob,p1,2024-05-01 10:00:00",
        header="user_id,product_id,timestamp",
    )
    data = read_transactions(path)
    assert data.users == ("ann", "bob")
    assert data.events.quantity.tolist() == [1, 1, 1, 1]
    assert data.events.price.tolist() == [0, 0, 0, 0]
    assert len(set(data.events.basket.tolist())) == 3


def test_columns_can_be_named(tmp_path: Path) -> None:
    """A mapping overrides the guesses; unknown keys and absent names are refused."""
    path = csv(tmp_path, "b1,x,2024-05-01,k", header="Beleg,Artikel,Datum,Kunde")
    names = {"invoice": "Beleg", "item": "Artikel", "time": "Datum", "customer": "kunde"}
    assert [item.item_id for item in read_transactions(path, names).items] == ["x"]
    with pytest.raises(InvalidInput, match="columns: got 'article', expected one of invoice, item"):
        read_transactions(path, {"article": "Artikel"})
    with pytest.raises(DataError, match="no column has the name given for 'item'; the columns are 'Beleg', 'Artikel'"):
        read_transactions(path, {**names, "item": "Ware"})


@pytest.mark.parametrize(
    "header",
    [
        "order_id,sku,product,qty,date,price,customer_id",
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID",
        "basket_id,product_id,product_name,units,TIME,Unit Price,user_id",
        "Order-ID,ITEM,TITLE,QUANTITY,Created At,item_price,USER",
    ],
)
def test_guesses(tmp_path: Path, header: str) -> None:
    """Common spellings are understood, case and separators aside."""
    data = read_transactions(csv(tmp_path, "i1,p100,CUP,3,2024-05-01 10:00:00,1.50,ann", header=header))
    assert (data.items[0].item_id, data.items[0].title, data.items[0].price) == ("p100", "CUP", 150)
    assert (data.users, data.events.quantity.tolist()) == (("ann",), [3])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("2010-12-01 08:26:00", "2010-12-13 08:26:00", "2010-12-01T08:26:00"),
        ("2010-12-01T08:26:00.500", "2010-12-13T08:26:00.000", "2010-12-01T08:26:00"),
        ("2010-12-01T09:26:00+01:00", "2010-12-13T08:26:00Z", "2010-12-01T08:26:00"),
        ("2010-12-01", "2010-12-13", "2010-12-01T00:00:00"),
        ("12/1/2010 8:26", "12/13/2010 8:26", "2010-12-01T08:26:00"),
        ("1/12/2010 08:26", "13/12/2010 08:26", "2010-12-01T08:26:00"),
        ("01/12/2010 08:26", "02/12/2010 08:26", "2010-12-01T08:26:00"),
        ("01.12.2010", "13.12.2010", "2010-12-01T00:00:00"),
        ("20101201", "20101213", "2010-12-01T00:00:00"),
        ("1291191960", "1291191961", "2010-12-01T08:26:00"),
        ("1291191960000", "1291191961000", "2010-12-01T08:26:00"),
    ],
)
def test_times(tmp_path: Path, first: str, second: str, expected: str) -> None:
    """Dates as tills and web shops write them; an ambiguous order of day and month is told by the rows' order."""
    data = read_transactions(csv(tmp_path, row("1", time=first), row("2", time=second)))
    assert int(data.events.time_s[0]) == epoch(expected)


def test_packed_parquet_and_csv_give_the_same(tmp_path: Path) -> None:
    """CSV, gzip, Parquet and gzipped Parquet of the same rows make the same dataset."""
    plain = csv(tmp_path, row(), row("536366", "22423", "CAKE STAND", 1, "2010-12-01 09:00:00", 12.75, ""))
    packed = tmp_path / "shop.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    table = pa.table(
        {
            "InvoiceNo": pa.array([536365, 536366]),
            "StockCode": pa.array(["85123A", "22423"]).dictionary_encode(),
            "Description": ["WHITE LANTERN", "CAKE STAND"],
            "Quantity": [6, 1],
            "InvoiceDate": pa.array([datetime(2010, 12, 1, 8, 26), datetime(2010, 12, 1, 9, 0)], pa.timestamp("ns")),
            "UnitPrice": [2.55, 12.75],
            "CustomerID": [17850.0, None],
        }
    )
    pq.write_table(table, tmp_path / "shop.parquet")
    (tmp_path / "shop.parquet.gz").write_bytes(gzip.compress((tmp_path / "shop.parquet").read_bytes()))
    wanted = read_transactions(plain)
    for name in ("shop.csv.gz", "shop.parquet", "shop.parquet.gz"):
        found = read_transactions(tmp_path / name)
        assert (found.name, found.items, found.users) == ("shop", wanted.items, wanted.users)
        for column in ("user", "item", "time_s", "quantity", "price", "basket"):
            assert np.array_equal(getattr(found.events, column), getattr(wanted.events, column))


def test_quotes_semicolons_latin_1_and_byte_order_marks(tmp_path: Path) -> None:
    """Files as spreadsheets write them."""
    quoted = csv(tmp_path, '1,22001,"CUP, ""BLUE""\nSMALL",1,2010-12-01,1.0,ann,UK', row("2"))
    assert read_transactions(quoted).items[0].title == 'CUP, "BLUE" SMALL'
    header = HEADER.replace(",", ";")
    (tmp_path / "excel.csv").write_bytes(b"\xef\xbb\xbf" + f"{header}\r\n\r\n{row().replace(',', ';')}\r\n".encode())
    assert len(read_transactions(tmp_path / "excel.csv").events) == 1
    (tmp_path / "latin.csv").write_bytes(f"{HEADER}\n{row(title='CAFÉ £5 CUP')}\n".encode("latin-1"))
    assert read_transactions(tmp_path / "latin.csv").items[0].title == "CAFÉ £5 CUP"
