"""Reading a shop's own sales lines: what is kept, what is dropped and why, and every kind of file that is refused."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model_repo.datasets.tables import Dataset
from model_repo.datasets.transactions import read_transactions, recent_price
from serving.core.errors import DataError, InvalidInput
from serving.events.types import PURCHASE

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
DATA = Path(os.environ.get("STOREGATE_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
ONLINE_RETAIL = DATA / "online_retail" / "online_retail.csv.gz"


def csv(tmp_path: Path, *rows: str, header: str = HEADER, name: str = "shop.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def row(
    invoice: str = "536365",
    item: str = "85123A",
    title: str = "WHITE LANTERN",
    quantity: object = 6,
    time: str = "2010-12-01 08:26:00",
    price: object = 2.55,
    customer: str = "17850.0",
) -> str:
    return f"{invoice},{item},{title},{quantity},{time},{price},{customer},United Kingdom"


def rows_of(dataset: Dataset, what: str) -> int:
    return sum(kept.rows for kept in dataset.report if what in kept.what)


def total(dataset: Dataset) -> int:
    return sum(kept.rows for kept in dataset.report)


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_a_plain_file(tmp_path: Path) -> None:
    """Two sales become two events with the right item, user, time, price and basket."""
    path = csv(
        tmp_path, row(), row("536366", "22423", "CAKE STAND", 1, "2010-12-01 09:00:00", 12.75, ""), name="my_shop.csv"
    )
    data = read_transactions(path)
    assert data.name == "my_shop"
    assert data.sha256 == sha256(path.read_bytes()).hexdigest()
    assert [(i.item_id, i.title, i.price, i.currency) for i in data.items] == [
        ("22423", "CAKE STAND", 1275, "GBP"),
        ("85123A", "WHITE LANTERN", 255, "GBP"),
    ]
    assert data.items[1].available_s == epoch("2010-12-01T08:26:00")
    assert (data.items[0].stock, data.items[0].brand, data.items[0].category_path) == ({}, "", ())
    assert data.users == ("17850",)
    assert data.events.user.tolist() == [0, -1]
    assert data.events.item.tolist() == [1, 0]
    assert data.events.quantity.tolist() == [6, 1]
    assert data.events.price.tolist() == [255, 1275]
    assert data.events.type.tolist() == [PURCHASE, PURCHASE]
    assert data.events.time_s.tolist() == [epoch("2010-12-01T08:26:00"), epoch("2010-12-01T09:00:00")]
    assert len(set(data.events.basket.tolist())) == 2
    assert (rows_of(data, "customer known"), rows_of(data, "basket only"), total(data)) == (1, 1, 2)


def test_every_reason_and_the_sum(tmp_path: Path) -> None:
    """Each kind of bad row lands in its own line of the report, and the report adds up to the file."""
    path = csv(
        tmp_path,
        row(),
        row(quantity=2),  # repeated line
        row("536370", "22423", quantity=4),
        row("C536380", "22423", quantity=-4, time="2010-12-02 08:00:00"),  # cancels it whole
        row("C536381", "22424", quantity=-1),  # never sold
        row("536371", "POST", "POSTAGE"),
        row("536371", "23444", "Next Day Carriage"),
        row("536371", "C2", "CARRIAGE"),
        row("536371", "gift_0001_20", "Voucher"),
        row("536371", "22425", quantity=-9, price=0, customer=""),
        row("536371", "22425", quantity=0),
        row("536371", "22425", price=0),
        row("536371", "22425", price=-1),
        row("536371", ""),
        row("", "22425", customer=""),
        row("536372", "22426", customer=""),
    )
    data = read_transactions(path)
    assert {kept.what: kept.rows for kept in data.report} == {
        "kept: customer known": 1,
        "kept: basket only": 1,
        "merged: repeated line": 1,
        "dropped: no item": 1,
        "dropped: nobody's": 1,
        "dropped: not a product": 4,
        "dropped: cancellation, matched": 1,
        "dropped: cancellation, no sale": 1,
        "dropped: negative or zero quantity": 2,
        "dropped: no price": 2,
        "dropped: cancelled sale": 1,
    }
    assert total(data) == 16
    assert data.events.quantity.tolist() == [8, 6]
    assert all(kept.why for kept in data.report)


def test_a_cancellation_takes_from_the_latest_sale_with_enough(tmp_path: Path) -> None:
    """Of three sales the newest is too small, the one before it has enough; later sales and other people's stay."""
    data = read_transactions(
        csv(
            tmp_path,
            row("1001", "22001", quantity=10, time="2010-12-01 08:00:00"),
            row("1002", "22001", quantity=10, time="2010-12-02 08:00:00"),
            row("1003", "22001", quantity=2, time="2010-12-03 08:00:00"),
            row("C1004", "22001", quantity=-5, time="2010-12-04 08:00:00"),
            row("1005", "22001", quantity=10, time="2010-12-05 08:00:00"),
            row("1006", "22001", quantity=10, time="2010-12-03 08:00:00", customer="9"),
        )
    )
    by_time = dict(zip(data.events.time_s.tolist(), data.events.quantity.tolist(), strict=True))
    assert by_time[epoch("2010-12-01T08:00:00")] == 10
    assert by_time[epoch("2010-12-02T08:00:00")] == 5
    assert data.events.quantity.sum() == 10 + 5 + 2 + 10 + 10
    assert rows_of(data, "cancellation, matched") == 1


def test_cancellations_share_what_is_left(tmp_path: Path) -> None:
    """A sale of 5 pays for cancellations of 3 and 2, not for one of 1 more."""
    data = read_transactions(
        csv(
            tmp_path,
            row("1001", "22001", quantity=5, time="2010-12-01 08:00:00"),
            row("1001", "22002", quantity=5, time="2010-12-01 08:00:00"),
            *(row(f"C{2000 + q}", "22001", quantity=-q, time=f"2010-12-0{9 - q} 08:00:00") for q in (3, 2, 1)),
        )
    )
    assert (rows_of(data, "matched"), rows_of(data, "no sale"), rows_of(data, "cancelled sale")) == (2, 1, 1)
    assert [item.item_id for item in data.items] == ["22002"]


def test_a_return_without_the_mark_is_matched_too(tmp_path: Path) -> None:
    """Less than nothing, bought by a known customer at a price, undoes the sale before it."""
    data = read_transactions(
        csv(tmp_path, row("1", "22001", quantity=5), row("2", "22001", quantity=-2, time="2010-12-09 08:00:00"))
    )
    assert data.events.quantity.tolist() == [3]


def test_invoices_that_all_begin_with_c_are_invoices(tmp_path: Path) -> None:
    """The mark of a cancellation means something only where other invoices lack it."""
    data = read_transactions(csv(tmp_path, row("C1", "22001"), row("C2", "22002")))
    assert len(data.events) == 2


def test_item_names_as_codes_are_goods(tmp_path: Path) -> None:
    """A shop whose codes are words keeps them; one with numbers drops words as charges."""
    words = read_transactions(csv(tmp_path, row(item="apple"), row(item="bread"), row(item="M")))
    assert [item.item_id for item in words.items] == ["M", "apple", "bread"]
    numbers = read_transactions(csv(tmp_path, row(item="22001"), row(item="22002"), row(item="PADS"), row(item="M")))
    assert [item.item_id for item in numbers.items] == ["22001", "22002"]


def test_the_usual_title_wins(tmp_path: Path) -> None:
    """The most frequent name wins, a tie goes to the newest, remarks lose whatever their number."""
    lines = [
        row("1", "22001", "OLD NAME", time="2010-12-01 08:00:00"),
        row("2", "22001", "NEW NAME", time="2010-12-02 08:00:00"),
        row("3", "22001", "OLD NAME", time="2010-12-03 08:00:00"),
        row("1", "22002", "FIRST", time="2010-12-01 08:00:00"),
        row("2", "22002", "SECOND", time="2010-12-02 08:00:00"),
        *(row(str(n), "22003", title) for n, title in enumerate(["damaged", "Damaged", "?", "sold as set", "A TRAY"])),
        row("1", "22004", "?"),
        row("1", "22005", ""),
        row("1", "22006", "  TWO   SPACES "),
    ]
    data = read_transactions(csv(tmp_path, *lines))
    assert [item.title for item in data.items] == ["OLD NAME", "SECOND", "A TRAY", "", "", "TWO SPACES"]


def test_spellings_of_one_code(tmp_path: Path) -> None:
    """'85123a' is '85123A' when they share a title; codes with different titles stay apart."""
    data = read_transactions(
        csv(
            tmp_path,
            row("1", "85123A", "LANTERN"),
            row("2", "85123A", "LANTERN"),
            row("3", "85123a", "Lantern"),
            row("4", "xY001", "CUP"),
            row("5", "Xy001", "SPOON"),
        )
    )
    assert [item.item_id for item in data.items] == ["85123A", "Xy001", "xY001"]


def test_prices_are_the_median_of_the_newest(tmp_path: Path) -> None:
    """Twenty newest sales decide; older ones do not."""
    lines = [row(str(n), "22001", time=f"2010-12-01 08:{n:02d}:00", price=1 if n < 30 else 3) for n in range(50)]
    assert read_transactions(csv(tmp_path, *lines)).items[0].price == 300
    item, price = np.array([1, 1, 0, 1], np.int32), np.array([10, 30, 7, 21])
    assert recent_price(item, price, 3).tolist() == [7, 21, 0]


def test_same_item_at_two_prices_stays_two_lines(tmp_path: Path) -> None:
    """Only lines with the same price are added up."""
    data = read_transactions(csv(tmp_path, row(price=1), row(price=2), row(price=1)))
    assert sorted(zip(data.events.price.tolist(), data.events.quantity.tolist(), strict=True)) == [(100, 12), (200, 6)]


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


def test_events_are_sorted_by_time_and_stable(tmp_path: Path) -> None:
    """Rows come out in order of time, rows of the same second in the file's order."""
    data = read_transactions(
        csv(
            tmp_path,
            row("3", "30001", time="2010-12-03"),
            row("1", "20002", time="2010-12-01"),
            row("1", "20001", time="2010-12-01"),
        )
    )
    assert [data.items[i].item_id for i in data.events.item] == ["20002", "20001", "30001"]


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


def test_nothing_after_the_cut_is_seen(tmp_path: Path) -> None:
    """until_s hides later rows, and the cancellations, titles and prices among them."""
    path = csv(
        tmp_path,
        row("1", "22001", "THEN", 5, "2010-12-01", 1),
        row("C2", "22001", "LATER", -5, "2010-12-05", 9),
        row("3", "22001", "LATER", 5, "2010-12-06", 9),
    )
    data = read_transactions(path, until_s=epoch("2010-12-05T00:00:00"))
    assert (data.items[0].title, data.items[0].price, data.events.quantity.tolist()) == ("THEN", 100, [5])
    assert rows_of(data, "after the cut") == 2
    assert total(data) == 3


def test_currencies_without_pence(tmp_path: Path) -> None:
    """Minor units follow the currency; a word that is none is refused."""
    path = csv(tmp_path, row(price=250))
    assert read_transactions(path, currency="JPY").items[0].price == 250
    with pytest.raises(InvalidInput, match="currency: got 'pounds'"):
        read_transactions(path, currency="pounds")


def test_progress_reaches_its_total(tmp_path: Path) -> None:
    """Reading and cleaning both tell how far they are, up to the end."""
    told: list[tuple[str, int, int]] = []
    read_transactions(csv(tmp_path, row()), progress=lambda *step: told.append(step))
    last = {label: (done, of) for label, done, of in told}
    assert set(last) == {"reading shop.csv", "cleaning shop.csv"}
    assert all(done == of for done, of in last.values())


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


def test_online_retail() -> None:
    """The UCI file as it is: the report adds up to 541,909 and known facts hold."""
    if not ONLINE_RETAIL.exists():
        pytest.skip(f"{ONLINE_RETAIL} is absent: UCI Machine Learning Repository, data set 352, Online Retail")
    data = read_transactions(ONLINE_RETAIL)
    assert total(data) == 541_909
    assert rows_of(data, "kept") == len(data.events)
    assert 4300 < len(data.users) <= 4372
    assert 3600 < len(data.items) < 4000
    assert 2000 < rows_of(data, "not a product") < 4000
    assert rows_of(data, "cancellation, matched") + rows_of(data, "cancellation, no sale") > 8500
    assert rows_of(data, "cancellation, matched") > 5 * rows_of(data, "cancellation, no sale")
    ids = {item.item_id: item for item in data.items}
    assert ids["85123A"].title == "WHITE HANGING HEART T-LIGHT HOLDER"
    assert ids["22423"].title == "REGENCY CAKESTAND 3 TIER"
    assert 1000 <= ids["22423"].price <= 1300
    assert not {"POST", "M", "DOT", "BANK CHARGES", "D", "S", "CRUK", "AMAZONFEE", "PADS", "B", "C2", "m"} & set(ids)
    assert not any(name.startswith(("gift_", "DCGS")) for name in ids)
    assert "17850" in data.users
    assert data.events.time_s[0] == epoch("2010-12-01T08:26:00")
    assert data.events.time_s[-1] == epoch("2011-12-09T12:50:00")
    assert np.all(np.diff(data.events.time_s) >= 0)
    assert data.events.price.min() > 0
    assert data.events.quantity.min() > 0
    # the 80,995 pieces of one order were cancelled twelve minutes later
    assert data.events.quantity.max() < 80_995
