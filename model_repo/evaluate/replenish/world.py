"""The shop in which policies are played: items, demand as it was, costs, and the days of review."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.forecast.panel import Panel
from serving.core.errors import InvalidInput
from serving.kernels.replenish_simulate import COLUMNS, COST, DEMAND, HELD_DAYS, ORDERS, SHORT, simulate

YEAR_DAYS: Final = 365
GOLDEN: Final = 0.6180339887498949
"""Its multiples are spread evenly, less their whole parts."""
AGE_DAYS_MIN: Final = 84
"""On sale for so long before the first review, and sold on so many days of them:"""
SALE_DAYS_MIN: Final = 8

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Terms:
    """The same for everybody."""

    lead_days: int = 7
    review_days: int = 7
    target: float = 0.95
    """Share of demand to be served from stock; and the critical ratio from which the cost of a shortage follows."""
    holding_rate: float = 0.25
    """Of the cost of an item, a year."""
    cost_share: float = 0.6
    """Of its price, where the data knows no cost."""
    order_cost: float = 0.0
    """Minor units an order line."""
    lost: bool = True

    @property
    def days(self) -> int:
        """Of the protection interval."""
        return self.lead_days + self.review_days


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """n items; the columns are those of the panel."""

    panel: Panel
    """Of all items of the shop."""
    rows: I64
    """(n,) of the panel."""
    demand: I64
    """(n, t) units."""
    reviews: I64
    """(r,) columns of the reviews, one cycle apart."""
    scored_days: int
    holding: F64
    """(n,) of a unit for a day, minor units."""
    shortage: F64
    """(n,) of a unit short."""
    terms: Terms

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Score:
    """What a policy did to all items together; money in minor units."""

    cost: float
    holding: float
    shortage: float
    orders: float
    fill_rate: float
    item_fill_rate: float
    """Mean over the items that were asked for."""
    stock: float
    """Mean units on hand."""


def world_of(panel: Panel, terms: Terms, first: int, days: int, items_max: int, seed: int) -> World:
    """Reviews from column `first` on, scored for `days` days once the first orders have come. Raises InvalidInput."""
    last = first + terms.days + days
    missing = max(last - panel.days, 2 * AGE_DAYS_MIN - first)
    if missing > 0:
        raise InvalidInput("days", days, f"fewer: {panel.days} days of sales are {missing} too few")
    sold = ((panel.units > 0) & panel.seen)[:, first - AGE_DAYS_MIN : first].sum(axis=1)
    rows = np.flatnonzero(
        (panel.start <= first - AGE_DAYS_MIN) & (sold >= SALE_DAYS_MIN) & (panel.price[:, first - 1] > 0)
    )
    if len(rows) == 0:
        raise InvalidInput("transactions", "no item", f"items sold on {SALE_DAYS_MIN} of {AGE_DAYS_MIN} days")
    if len(rows) > items_max:
        rows = np.sort(np.random.default_rng(seed).choice(rows, items_max, replace=False))
    holding = panel.price[rows, first - 1] * terms.cost_share * terms.holding_rate / YEAR_DAYS
    cycle = holding * terms.review_days
    return World(
        panel=panel,
        rows=rows,
        demand=np.rint(panel.units[rows]).astype(np.int64),
        reviews=np.arange(first, last - terms.lead_days, terms.review_days),
        scored_days=days,
        holding=holding.astype(np.float64),
        shortage=(cycle * terms.target / (1 - terms.target)).astype(np.float64),
        terms=terms,
    )


def played(world: World, upto: I64, reorder: I64 | None = None) -> Score:
    """upto, reorder (n, r): by item and review; without reorder orders are placed at every review. Every policy begins
    with its own first order-up-to position in stock, and is scored when that has gone through the lead time; one that
    orders seldom begins between its reorder point and there, as evenly over the items as over time."""
    n, terms, first = len(world), world.terms, int(world.reviews[0])
    upto = np.maximum(upto, 0)
    reorder = upto - 1 if reorder is None else reorder
    start = upto[:, 0] - np.floor((np.arange(n) * GOLDEN) % 1 * (upto - reorder)[:, 0]).astype(np.int64)
    out, ones, zeros = np.zeros((n, COLUMNS)), np.ones(n, np.int64), np.zeros(n, np.int64)
    demand = np.ascontiguousarray(world.demand[:, first : first + terms.days + world.scored_days])
    simulate(
        demand, 0, terms.review_days, reorder, upto,
        np.full((n, len(world.reviews)), terms.lead_days), ones, zeros, zeros, terms.lost, world.holding,
        world.shortage, np.full(n, terms.order_cost), np.maximum(start, 0), terms.days, out,
    )  # fmt: skip
    asked = out[:, DEMAND] > 0
    return Score(
        cost=float(out[:, COST].sum()),
        holding=float((world.holding * out[:, HELD_DAYS]).sum()),
        shortage=float((world.shortage * out[:, SHORT]).sum()),
        orders=float(out[:, ORDERS].sum() * terms.order_cost),
        fill_rate=float(1 - out[:, SHORT].sum() / max(out[:, DEMAND].sum(), 1)),
        item_fill_rate=float(1 - (out[asked, SHORT] / out[asked, DEMAND]).sum() / max(asked.sum(), 1)),
        stock=float(out[:, HELD_DAYS].sum() / world.scored_days),
    )


def between(world: World, first: int, last: int) -> World:
    """The same items with the reviews from column `first` on alone, scored up to column `last`."""
    terms = world.terms
    kept = (world.reviews >= first) & (world.reviews < last - terms.lead_days)
    return replace(world, reviews=world.reviews[kept], scored_days=last - first - terms.days)


def earlier(world: World, days: int) -> World:
    """The same items with reviews that begin `days`, whole cycles of them, earlier, for tuning."""
    begin = int(world.reviews[0]) - days
    reviews = np.arange(begin, int(world.reviews[-1]) + 1, world.terms.review_days)
    return replace(world, reviews=reviews, scored_days=world.scored_days + days)
