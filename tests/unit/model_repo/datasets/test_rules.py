"""The written rules on codes, invoices and titles, and the matching of cancellations against its slow twin."""

from __future__ import annotations

import numpy as np
import pytest

from model_repo.datasets.matching import match_cancellations
from model_repo.datasets.rules import cancels, is_note, not_products


@pytest.mark.parametrize("title", ["?", "", "??", "damaged", "Damaged", "wet/rusty", "thrown away", "Found", "check"])
def test_remarks(title: str) -> None:
    """What the stock room writes is no name."""
    assert is_note(title)


@pytest.mark.parametrize("title", ["WHITE LANTERN", "Blue mug, 300 ml", "BAG 125g SWIRLY MARBLES", "3 TRADITIONAl SET"])
def test_names(title: str) -> None:
    """Names in upper or mixed case stay names."""
    assert not is_note(title)


def test_codes_that_are_no_goods() -> None:
    """Codes of the UCI file, with its goods around them."""
    goods = ["22423", "85123A", "47566", "21232", "84879", "10002", "79323LP", "15056BL"]
    other = ["POST", "M", "DOT", "BANK CHARGES", "D", "S", "CRUK", "AMAZONFEE", "PADS", "B", "C2", "gift_0001_10",
             "DCGS0003", "TEST001", "m"]  # fmt: skip
    found = not_products([*goods, *other], [""] * (len(goods) + len(other)))
    assert found.tolist() == [False] * len(goods) + [True] * len(other)


def test_charges_by_title_and_empty_lists() -> None:
    """A charge under an ordinary code is told by its title; no codes give no answer."""
    assert not_products(["23444", "22423"], ["Next Day Carriage", "CAKE STAND"]).tolist() == [True, False]
    assert not_products([], []).tolist() == []
    assert cancels([]).tolist() == []


def test_short_codes_of_a_small_shop_stay() -> None:
    """'C2' is a charge beside five-digit codes, an item beside 'C1' and 'C3'."""
    assert not not_products(["C1", "C2", "C3"], ["", "", ""]).any()


def test_cancelling_invoices() -> None:
    """'C' and a digit marks a cancellation, a word that begins with C does not."""
    assert cancels(["C536379", "536365", "CART-1", "c1"]).tolist() == [True, False, False, True]
    assert cancels(["C1", "C2"]).tolist() == [False, False]


@pytest.mark.parametrize("seed", range(20))
def test_matching_equals_its_slow_twin(seed: int) -> None:
    """Random rows: the same pieces left and the same matches as looking through all sales each time."""
    rng = np.random.default_rng(seed)
    n = 120
    sale = rng.random(n) < 0.6
    user, item = rng.integers(-1, 3, n).astype(np.int32), rng.integers(0, 4, n).astype(np.int32)
    time_s, quantity = rng.permutation(n).astype(np.int64), rng.integers(1, 9, n)
    left, matched = quantity.copy(), np.zeros(n, np.bool_)
    for row in sorted(np.flatnonzero(~sale), key=lambda r: time_s[r]):
        fits = sale & (user == user[row]) & (user >= 0) & (item == item[row])
        fits &= (time_s <= time_s[row]) & (left >= quantity[row])
        if fits.any():
            best = max(np.flatnonzero(fits), key=lambda r: time_s[r])
            left[best] -= quantity[row]
            matched[row] = True
    found = match_cancellations(sale, user, item, time_s, quantity)
    assert found[0].tolist() == left.tolist()
    assert found[1].tolist() == matched.tolist()
