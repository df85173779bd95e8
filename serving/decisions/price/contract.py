"""What is asked of prices, and what is answered, free of any wire format. Money in minor units.

Nothing in a query tells who asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from serving.core.ports import F32, I64
from serving.decisions.price.table import PriceTable

ITEMS_MAX: Final = 1000
SIMULATED_MAX: Final = 20
BULK_ITEMS_MAX: Final = 10_000
POINTS_MAX: Final = 63
"""Prices of a curve: with the item's own as many as the model takes in one run."""
CURRENCY: Final = "currency"


@dataclass(frozen=True, slots=True)
class QuoteQuery:
    """1 to ITEMS_MAX items. currency: that is expected, '' = any."""

    item_ids: tuple[str, ...]
    currency: str = ""


@dataclass(frozen=True, slots=True)
class AllQuery:
    """The next items on sale from the row `first` on, at most `count`."""

    first: int
    count: int
    currency: str = ""
    order: int = 0
    """Of the rows before `first`, as the page before said it: see PriceTable.order."""


@dataclass(frozen=True, slots=True)
class SimulateQuery:
    """prices: the same for each item, ascending; none = around the item's own."""

    item_ids: tuple[str, ...]
    prices: tuple[int, ...] = ()
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Quotes:
    """Quotes stand in the table; `rows` are theirs."""

    table: PriceTable
    rows: tuple[int, ...]
    missing: tuple[str, ...]
    currency: str = ""
    """That was expected: an item of another one has no price here."""
    following: int = 0
    """Of a page of all items: where the next one begins, 0 = nowhere."""
    order: int = 0
    """Of the rows before that."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Of one item; (k,) each."""

    row: int
    prices: I64
    units: F32
    """Expected in a period, NaN = not known."""
    relative: F32
    """As a share of those at the catalogue's price."""
    forbidden_by: tuple[str, ...]
    """The rule at the end of the band that each price lies beyond, '' = it is allowed."""
    elasticity: float


@dataclass(frozen=True, slots=True)
class Curves:
    """Answer to SimulateQuery."""

    quotes: Quotes
    curves: tuple[Curve, ...]
    """As quotes.rows."""
