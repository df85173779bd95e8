"""A shop's own transactions, as they come out of its till or its web shop, into a Dataset."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.files import Progress, dataset_name, digest
from model_repo.datasets.matching import match_cancellations
from model_repo.datasets.products import Facts, read_products
from model_repo.datasets.rules import cancels, not_goods, not_products
from model_repo.datasets.source import Source, read_source
from model_repo.datasets.tables import Dataset, EventTable, Kept
from model_repo.datasets.titles import one_spelling, usual_titles
from model_repo.datasets.values import Codes, codes, prices, quantities, times
from serving.core.catalogue import Item
from serving.core.errors import DataError, InvalidInput
from serving.events.types import PURCHASE

RECENT_SALES: Final = 20
"""The price of an item is the median of this many of its newest sales."""
NOTHING: Final = Facts()
_STEPS: Final = 3

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_REASONS: Final = {
    "late": ("dropped: after the cut", "happened at or after the time given; not to be seen"),
    "blank": ("dropped: no item", "the item code is empty"),
    "nobody": ("dropped: nobody's", "neither an invoice nor a customer: it cannot be told what it was bought with"),
    "product": ("dropped: not a product", "postage, fees, vouchers, samples and other entries that are not goods"),
    "undone": ("dropped: cancellation, matched", "its pieces were taken off the sale it undoes"),
    "stray": (
        "dropped: cancellation, no sale",
        "no earlier sale of that item to that customer has as many pieces left",
    ),
    "negative": ("dropped: negative or zero quantity", "a correction of the stock, not a sale"),
    "price": ("dropped: no price", "the price is empty, zero or negative: a gift or a correction"),
    "merged": ("merged: repeated line", "same invoice, item and price as a line before; its pieces were added to that"),
    "cancelled": ("dropped: cancelled sale", "all its pieces were cancelled later"),
    "known": ("kept: customer known", "sales that say who bought"),
    "basket": ("kept: basket only", "no customer: used for what is bought together, not as a user"),
}
"""What can happen to a row -> its line in the report, in order: the first that holds decides."""

_NUMBER: Final = {reason: number for number, reason in enumerate(_REASONS)}


@dataclass(slots=True)
class Lines:
    """All n rows of a file as numbers, and what became of each."""

    invoice: Codes
    item: Codes
    title: Codes
    customer: Codes
    location: Codes
    time_s: Ints
    quantity: Ints
    price: Ints
    fate: npt.NDArray[np.int8]
    """(n,) position in _REASONS, -1 = not decided yet."""

    def decide(self, reason: str, where: Bools) -> None:
        """Rows in `where` that nothing was decided for yet."""
        self.fate[where & (self.fate < 0)] = _NUMBER[reason]

    @property
    def undecided(self) -> Bools:
        return self.fate < 0


def read_transactions(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    currency: str = "GBP",
    progress: Progress | None = None,
    *,
    until_s: int | None = None,
    products: str | Path | None = None,
) -> Dataset:
    """Reads a CSV or Parquet file (gzip allowed) of sales lines; `report` adds up to the number of its rows.

    `columns` maps keys of columns.KEYS to names in the file; the others are guessed. `until_s` hides every row at or
    after that second, as if the file had ended there (cancellations, titles and prices too). A file without invoices
    has one basket per customer and day. `products` is a list of what the items are (products.read_products); it has
    no times, so it is taken as known from the start. Raises DataError naming file, line and column.
    """
    path = Path(path)
    facts = {} if products is None else read_products(products)
    if not re.fullmatch("[A-Z]{3}", currency):
        raise InvalidInput("currency", currency, "an ISO 4217 code such as GBP")
    source = read_source(path, columns, progress)
    if not source.table.num_rows:
        raise DataError(str(path), "this file has a header but no rows")
    label = f"cleaning {path.name}"
    _tell(progress, label, 0)
    lines = _lines(source, currency)
    _tell(progress, label, 1)
    cancellation = _sort_out(lines, bool({"price", "amount"} & set(source.table.column_names)), until_s, facts)
    basket = _baskets(lines)
    left = _merge_and_cancel(lines, basket, cancellation)
    _tell(progress, label, 2)
    lines.decide("known", lines.customer.code >= 0)
    lines.decide("basket", lines.undecided)
    report = _report(lines)
    kept = np.flatnonzero(lines.fate >= _NUMBER["known"])
    if not len(kept):
        raise DataError(str(path), "no usable row is left: " + "; ".join(f"{k.rows} {k.what}" for k in report))
    order = kept[np.argsort(lines.time_s[kept], kind="stable")]
    events, items, users = _events(lines, order, left, basket)
    made = _items(lines, events, items, currency, facts)
    _tell(progress, label, 3)
    places = lines.location.values
    return Dataset(dataset_name(path), digest(path), made, users, events, currency, report, places)


def _lines(source: Source, currency: str) -> Lines:
    """Every cell as a number, or the error of the first that cannot be one."""
    quantity = quantities(source)
    lines = Lines(
        invoice=codes(source, "invoice"),
        item=codes(source, "item"),
        title=codes(source, "title"),
        customer=codes(source, "customer"),
        location=codes(source, "location"),
        time_s=times(source),
        quantity=quantity,
        price=prices(source, currency, quantity),
        fate=np.full(source.table.num_rows, -1, np.int8),
    )
    lines.item = one_spelling(lines.item, lines.title)
    return lines


def _sort_out(lines: Lines, priced: bool, until_s: int | None, facts: Mapping[str, Facts]) -> Bools:
    """Decides every row that can be judged by itself. Returns the rows that cancel a sale, (n,).

    Besides the invoices marked so, less than nothing bought by a known customer at a price is a cancellation.
    """
    if until_s is not None:
        lines.decide("late", lines.time_s >= until_s)
    lines.decide("blank", lines.item.code < 0)
    lines.decide("nobody", (lines.invoice.code < 0) & (lines.customer.code < 0))
    titles = usual_titles(lines.item, lines.title, lines.time_s, lines.undecided)
    goods = ~not_products(lines.item.values, titles)
    goods &= ~not_goods([facts[item].category_path if item in facts else () for item in lines.item.values])
    lines.decide("product", ~goods[lines.item.code])
    marked = np.append(cancels(lines.invoice.values), False)[lines.invoice.code]
    returned = (lines.quantity < 0) & (lines.customer.code >= 0) & ((lines.price > 0) | (not priced))
    cancellation: Bools = (marked | returned) & (lines.quantity != 0) & lines.undecided
    lines.decide("negative", (lines.quantity <= 0) & ~cancellation)
    lines.decide("price", (lines.price <= 0) & priced & ~cancellation)
    return cancellation


def _baskets(lines: Lines) -> Ints:
    """(n,) the invoice's number, or one of its own for each customer and day where there is no invoice."""
    basket = lines.invoice.code.astype(np.int64)
    loose = np.flatnonzero(basket < 0)
    days = lines.customer.code[loose].astype(np.int64) * 1_000_000 + lines.time_s[loose] // 86_400
    basket[loose] = len(lines.invoice.values) + np.unique(days, return_inverse=True)[1]
    return basket


def _merge_and_cancel(lines: Lines, basket: Ints, cancellation: Bools) -> Ints:
    """(n,) pieces left of each row once repeated lines are added up and cancellations are taken off."""
    rows = np.flatnonzero(lines.undecided)
    keys = (lines.time_s, lines.price, lines.item.code, lines.customer.code, basket, cancellation)
    rows = rows[np.lexsort([key[rows] for key in keys])]
    same = np.ones(len(rows), np.bool_)
    for key in keys[1:]:
        same[1:] &= key[rows[1:]] == key[rows[:-1]]
    same &= ~cancellation[rows]
    same[:1] = False
    pieces = np.abs(lines.quantity)
    first = rows[~same]
    pieces[first] = np.add.reduceat(pieces[rows], np.flatnonzero(~same)) if len(rows) else 0
    merged = np.zeros(len(pieces), np.bool_)
    merged[rows[same]] = True
    lines.decide("merged", merged)
    left = pieces.copy()
    left[first], matched = match_cancellations(
        ~cancellation[first], lines.customer.code[first], lines.item.code[first], lines.time_s[first], pieces[first]
    )
    undone = np.zeros(len(pieces), np.bool_)
    undone[first[matched]] = True
    lines.decide("undone", undone)
    lines.decide("stray", cancellation)
    lines.decide("cancelled", left == 0)
    return left


def _events(lines: Lines, order: Ints, left: Ints, basket: Ints) -> tuple[EventTable, Ints, tuple[str, ...]]:
    """The kept rows in `order`; the codes of the items that are left; the customers that are left."""
    items, item = np.unique(lines.item.code[order], return_inverse=True)
    customers, user = np.unique(lines.customer.code[order], return_inverse=True)
    nobody = int(len(customers) > 0 and customers[0] < 0)
    events = EventTable(
        user=(user - nobody).astype(np.int32),
        item=item.astype(np.int32),
        time_s=lines.time_s[order],
        type=np.full(len(order), PURCHASE, np.uint8),
        quantity=np.minimum(left[order], np.iinfo(np.int32).max).astype(np.int32),
        price=np.maximum(lines.price[order], 0),
        basket=np.unique(basket[order], return_inverse=True)[1].astype(np.int64),
        place=lines.location.code[order] if lines.location.values else None,
    )
    return events, items.astype(np.int64), tuple(lines.customer.values[c] for c in customers[nobody:])


def _items(
    lines: Lines, events: EventTable, items: Ints, currency: str, facts: Mapping[str, Facts]
) -> tuple[Item, ...]:
    """The catalogue the sales speak of: no stock, and no categories, brands or attributes but those of `facts`."""
    sold = lines.fate >= _NUMBER["merged"]
    titles = usual_titles(lines.item, lines.title, lines.time_s, sold)
    price = recent_price(events.item, events.price, len(items))
    first = np.full(len(items), np.iinfo(np.int64).max)
    np.minimum.at(first, events.item, events.time_s)
    made = []
    for at, code in enumerate(items.tolist()):
        item_id = lines.item.values[code]
        known = facts.get(item_id, NOTHING)
        made.append(
            Item(
                item_id=item_id,
                title=known.title or titles[code],
                category_path=known.category_path,
                brand=known.brand,
                currency=currency,
                price=int(price[at]),
                available_s=int(first[at]),
                attributes=known.attributes,
            )
        )
    return tuple(made)


def recent_price(item: npt.NDArray[np.int32], price: Ints, n: int) -> Ints:
    """(n,) median price of each item's newest RECENT_SALES rows, 0 = never sold. Rows are in order of time."""
    order = np.argsort(item, kind="stable")
    counts = np.bincount(item, minlength=n)
    ends = np.cumsum(counts)
    newest = order[np.arange(len(order)) >= np.repeat(ends - RECENT_SALES, counts)]
    newest = newest[np.lexsort((price[newest], item[newest]))]
    counts = np.minimum(counts, RECENT_SALES)
    starts = np.cumsum(counts) - counts
    some = counts > 0
    out = np.zeros(n, np.int64)
    low, high = starts[some] + (counts[some] - 1) // 2, starts[some] + counts[some] // 2
    out[some] = (price[newest[low]] + price[newest[high]]) // 2
    return out


def _report(lines: Lines) -> tuple[Kept, ...]:
    """One line for everything that happened to any row; kept first. The rows add up to those of the file."""
    counts = np.bincount(lines.fate, minlength=len(_REASONS)).tolist()
    told = [Kept(what, rows, why) for (what, why), rows in zip(_REASONS.values(), counts, strict=True) if rows]
    return tuple(sorted(told, key=lambda k: (not k.what.startswith("kept"), not k.what.startswith("merged"))))


def _tell(progress: Progress | None, label: str, done: int) -> None:
    if progress:
        progress(label, done, _STEPS)
