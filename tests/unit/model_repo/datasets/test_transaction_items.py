"""What the sales lines tell of the items: which codes are goods, their titles, their prices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sales_files import csv, row

from model_repo.datasets.transactions import read_transactions, recent_price
from serving.core.errors import InvalidInput


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


def test_currencies_without_pence(tmp_path: Path) -> None:
    """Minor units follow the currency; a word that is none is refused."""
    path = csv(tmp_path, row(price=250))
    assert read_transactions(path, currency="JPY").items[0].price == 250
    with pytest.raises(InvalidInput, match="currency: got 'pounds'"):
        read_transactions(path, currency="pounds")
