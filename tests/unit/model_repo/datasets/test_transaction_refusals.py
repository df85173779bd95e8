"""Every kind of sales file that is refused, and where it says the fault is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sales_files import HEADER, csv, row

from model_repo.datasets.transactions import read_transactions
from serving.core.errors import DataError


@pytest.mark.parametrize(
    ("rows", "line", "column", "problem"),
    [
        ([row(), row() + ",more"], 3, None, "got 9 fields, expected 8 as in the header"),
        ([row(), "", "1,2,3"], 4, None, "got 3 fields, expected 8"),
        ([row(), row(quantity="six")], 3, "Quantity", "got 'six', expected a whole number"),
        ([row(quantity="")], 2, "Quantity", "got '', expected a whole number"),
        ([row(quantity="nan")], 2, "Quantity", "got 'nan', expected a whole number"),
        ([row(quantity="1e12")], 2, "Quantity", "at most 1,000,000,000"),
        ([row(), row(), row(price="£2.55")], 4, "UnitPrice", "got '£2.55', expected a number such as 2.55"),
        ([row(price="inf")], 2, "UnitPrice", "got 'inf', expected a number"),
        ([row(), row(time="yesterday")], 3, "InvoiceDate", "got 'yesterday', expected a date such as"),
        ([row(), row(time="")], 3, "InvoiceDate", "got '', expected a date"),
        ([row(time="yesterday")], 2, "InvoiceDate", "got 'yesterday', expected a date"),
        ([row(), row(time="2010-13-45 08:26:00")], 3, "InvoiceDate", "got '2010-13-45 08:26:00'"),
        ([row(time="01/12/2010 8:26"), row(time="31/31/2010 8:26")], 3, "InvoiceDate", "got '31/31/2010 8:26'"),
        ([row(time="01/12/2010 8:26"), row(time="2010-12-01")], 3, "InvoiceDate", "one format for the whole file"),
        (['1,22001,"A\nB",1,2010-12-01,1,a,UK', row(quantity="x")], 4, "Quantity", "got 'x'"),
        ([row(), row(item="x" * 300)], 3, "StockCode", "at most 256 bytes"),
        ([row(), row(customer="a\x07b")], 3, "CustomerID", "no control characters"),
    ],
)
def test_unreadable_rows(tmp_path: Path, rows: list[str], line: int, column: str | None, problem: str) -> None:
    """The error names file, line and column, and shows the value."""
    path = csv(tmp_path, *rows)
    with pytest.raises(DataError) as caught:
        read_transactions(path)
    assert (caught.value.path, caught.value.line, caught.value.column) == (str(path), line, column)
    assert problem in caught.value.problem
    assert str(path) in caught.value.message


def test_missing_columns(tmp_path: Path) -> None:
    """The error lists what is there and how to map it."""
    with pytest.raises(DataError, match=r"no column looks like 'item'; the columns are 'a', 'date', 'user'.*item=a"):
        read_transactions(csv(tmp_path, "1,2010-12-01,u", header="a,date,user"))
    with pytest.raises(DataError, match="no column looks like 'time'") as caught:
        read_transactions(csv(tmp_path, "1,u", header="sku,user"))
    assert (caught.value.line, caught.value.column) == (1, "time")
    with pytest.raises(DataError, match="no column looks like 'invoice' or 'customer'"):
        read_transactions(csv(tmp_path, "1,2010-12-01", header="sku,date"))
    with pytest.raises(DataError, match="two columns have this name"):
        read_transactions(csv(tmp_path, "1,2,2010-12-01,u", header="sku,sku,date,user"))


def test_files_that_are_none(tmp_path: Path) -> None:
    """Absent, a folder, empty, blank, header only, wrongly named, damaged: each says what it is."""
    with pytest.raises(DataError, match=r"absent\.csv: this file does not exist"):
        read_transactions(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="this is not a file"):
        read_transactions(tmp_path)
    for name, content, problem in (
        ("empty.csv", b"", "this file is empty"),
        ("blank.csv", b"\n\n", "no header line"),
        ("header.csv", HEADER.encode() + b"\n", "a header but no rows"),
        ("plain.csv.gz", HEADER.encode(), "not a gzip file"),
        ("cut.csv.gz", gzip.compress((HEADER + "\n" + (row() + "\n") * 999).encode())[:-30], "damaged or cut short"),
        ("nothing.csv.gz", gzip.compress(b""), "no header line"),
        ("bad.parquet", b"PAR1 this is not one", "cannot be read as Parquet"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=problem) as caught:
            read_transactions(tmp_path / name)
        assert caught.value.path == str(tmp_path / name)


def test_no_usable_row(tmp_path: Path) -> None:
    """A file of nothing but charges and gifts is refused with the counts."""
    with pytest.raises(DataError, match=r"no usable row is left: 1 dropped: not a product; 1 dropped: no price"):
        read_transactions(csv(tmp_path, row(item="POST"), row(item="22001", price=0)))


def test_bad_cells_of_parquet_name_the_row(tmp_path: Path) -> None:
    """Parquet has no lines: the number is the row's, from 1."""
    pq.write_table(
        pa.table({"sku": ["1", "2"], "user": ["a", "b"], "date": ["2010-12-01", "soon"]}), tmp_path / "s.parquet"
    )
    with pytest.raises(DataError, match="got 'soon'") as caught:
        read_transactions(tmp_path / "s.parquet")
    assert (caught.value.line, caught.value.column) == (2, "date")
