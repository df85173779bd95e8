"""Reading a shop's own sales lines: what is kept, what is dropped and why."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from sales_files import csv, epoch, row

from model_repo.datasets.tables import Dataset
from model_repo.datasets.transactions import read_transactions
from serving.events.types import PURCHASE

DATA = Path(os.environ.get("STOREGATE_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
ONLINE_RETAIL = DATA / "online_retail" / "online_retail.csv.gz"


def rows_of(dataset: Dataset, what: str) -> int:
    return sum(kept.rows for kept in dataset.report if what in kept.what)


def total(dataset: Dataset) -> int:
    return sum(kept.rows for kept in dataset.report)


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


def test_progress_reaches_its_total(tmp_path: Path) -> None:
    """Reading and cleaning both tell how far they are, up to the end."""
    told: list[tuple[str, int, int]] = []
    read_transactions(csv(tmp_path, row()), progress=lambda *step: told.append(step))
    last = {label: (done, of) for label, done, of in told}
    assert set(last) == {"reading shop.csv", "cleaning shop.csv"}
    assert all(done == of for done, of in last.values())


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
