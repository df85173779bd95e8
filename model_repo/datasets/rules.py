"""What in a shop's export is not the sale of a product: the written rules, on codes and titles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

_NOT_GOODS: Final = re.compile(r"^(gift_\d|dcgs|test\d*$|adjust|post(age)?$|dot$|bank charges$|amazonfee$|cruk$)", re.I)
"""Vouchers, goods of a sister shop booked in bulk, test and adjustment entries, charges."""
_CHARGES: Final = frozenset(
    {
        "postage", "dotcom postage", "carriage", "next day carriage", "delivery", "shipping", "manual", "discount",
        "samples", "bank charges", "amazon fee", "commission", "adjustment", "adjust bad debt",
        "gift wrap charge", "test", "fee",
    }
)  # fmt: skip
"""Titles of charges, whatever their code is."""
_NO_GOODS_HERE: Final = re.compile(r"\b(coupons?|fuel|gift cards?|store supplies|cntrl/store sup)\b", re.I)
"""Categories of what a till books beside goods: coupons, fuel, cards, the shop's own supplies."""
_CANCELS: Final = re.compile(r"^[Cc]\d")

_NOTES: Final = frozenset(
    {
        "check", "checked", "found", "damaged", "damages", "damage", "adjustment", "adjust", "missing", "lost",
        "mailout",
        "ebay", "amazon", "dotcom", "test", "sample", "samples", "display", "smashed", "crushed", "broken", "faulty",
        "breakages", "mouldy", "rusty", "wet", "returned", "counted", "mixed", "unsaleable", "thrown", "wrongly",
        "sold",
        "incorrect", "given", "unknown", "n/a", "none",
    }
)  # fmt: skip
"""First words of what the stock room writes into a title."""


def not_products(codes: Sequence[str], titles: Sequence[str]) -> npt.NDArray[np.bool_]:
    """(n,) whether each distinct item code stands for something else than goods. titles: (n,) the usual one, '' = none.

    1. A code in the list above, or a title that names a charge.
    2. Where half of the codes or more hold a digit: a code without one ('M', 'BANK CHARGES', 'PADS').
    3. Where also the usual code has five characters or more: a code of one or two ('C2').
    Rules 2 and 3 look at the file's own habit, so that shops with names for codes keep their goods.
    """
    listed = np.array([bool(_NOT_GOODS.match(code)) for code in codes], np.bool_)
    charge = np.array([title.lower() in _CHARGES or "gift voucher" in title.lower() for title in titles], np.bool_)
    digit = np.array([any(c.isdigit() for c in code) for code in codes], np.bool_)
    length = np.array([len(code) for code in codes], np.int64)
    numbered = bool(len(codes)) and bool(digit.mean() >= 0.5)
    bare = ~digit & numbered
    short = (length <= 2) & (numbered and bool(np.median(length) >= 5))
    out: npt.NDArray[np.bool_] = listed | charge | bare | short
    return out


def not_goods(paths: Sequence[tuple[str, ...]]) -> npt.NDArray[np.bool_]:
    """(n,) whether any level of each category path names something that is not goods; () = nothing is known."""
    return np.array([any(_NO_GOODS_HERE.search(level) for level in path) for path in paths], np.bool_)


def cancels(invoices: Sequence[str]) -> npt.NDArray[np.bool_]:
    """(n,) whether each distinct invoice number marks a cancellation: 'C' and a digit; not where all do."""
    marked = np.array([bool(_CANCELS.match(invoice)) for invoice in invoices], np.bool_)
    return np.zeros_like(marked) if marked.all() else marked


def is_note(title: str) -> bool:
    """Whether a title is a remark ('?', 'damaged', 'sold as set on dotcom') rather than a name."""
    letters = [c for c in title if c.isalpha()]
    words = re.findall(r"[^\W\d_]+(?:/a)?", title.lower())
    return not letters or not any(c.isupper() for c in letters) or (words[0] in _NOTES and len(words) <= 4)
