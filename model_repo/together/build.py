"""Which items are bought (or viewed) together more often than by chance, and how much more.

[1] Dunning 1993, "Accurate methods for the statistics of surprise and coincidence", section 4 (log-likelihood ratio).
[2] Smyth, Goodman 1992, "An information theoretic approach to rule induction from databases", section III (J-measure).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from model_repo.datasets.tables import EventTable
from model_repo.transitions.build import strongest
from serving.core.association import likelihood_ratio, lower_bound
from serving.core.ports import I32
from serving.core.ranges import check_ranges
from serving.decisions.recommend.models import SparseRows

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Params:
    """How the pairs are chosen.

    support_min: 1..1e6 baskets with both; significance: 0..1e6, least log-likelihood ratio G2 (10.83 = p < .001).
    z: 0..10, standard errors that the value lies below the log lift: the larger, the more a rare pair must prove.
    basket_items_max: 2..10000: a basket with more distinct items is a wholesaler's order or a crawler, and says nothing
    of its pairs: it is left out. neighbours: 1..1000, entries kept a row.
    """

    support_min: int = 3
    significance: float = 10.83
    z: float = 1.96
    basket_items_max: int = 100
    neighbours: int = 50

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "together",
            ("support_min", 1, 1e6),
            ("significance", 0, 1e6),
            ("z", 0, 10),
            ("basket_items_max", 2, 10_000),
            ("neighbours", 1, 1000),
        )


def build(
    events: EventTable, n_items: int, moment_s: float, types: Sequence[int], params: Params | None = None
) -> SparseRows:
    """Rows (n_items, n_items): for a basket with item i, how often j comes with it times how far that is above chance.

    P(j | i) times the lower confidence bound of the log lift, above 0, of significant pairs: a pair's term of [2]. The
    log lift alone puts rare pairs first, the share alone what everybody buys. types: the event types that count.
    O(pairs of items in one basket).
    """
    params = params or Params()
    had = _baskets(events, n_items, moment_s, types, params.basket_items_max)
    row, col, both, bound = pairs(had, params)
    count = np.asarray(had.sum(axis=0)).ravel()
    value = (both / count[row] * bound).astype(np.float32)
    return strongest(sparse.csr_matrix((value, (row, col)), shape=(n_items, n_items)), params.neighbours)


def pairs(had: sparse.csr_matrix, params: Params) -> tuple[I32, I32, F64, F64]:
    """Row, col, count and lower bound of the log lift, (k,) each, of the significant pairs, both ways round.

    had: (baskets, n) 0 or 1. Chance is told from the items' shares of all pairs, not of all baskets: two items that
    lie in large baskets meet often without having to do with each other.
    """
    size = np.asarray(had.sum(axis=1), np.float64).ravel()
    mates = had.T @ (size - 1)
    everything = max(float(size @ (size - 1)), 1.0)
    total = everything - float(mates @ mates) / everything  # an item has no pair with itself: expectations add up
    found = (had.T @ had).tocoo()
    enough = (found.row != found.col) & (found.data >= params.support_min)
    row, col, both = found.row[enough], found.col[enough], found.data[enough].astype(np.float64)
    bound = lower_bound(both, mates[row], mates[col], total, params.z)
    keep = (bound > 0) & (likelihood_ratio(both, mates[row], mates[col], total) >= params.significance)
    return row[keep], col[keep], both[keep], bound[keep]


def _baskets(
    events: EventTable, n_items: int, moment_s: float, types: Sequence[int], items_max: int
) -> sparse.csr_matrix:
    """(baskets, n_items) 0 or 1."""
    rows = events.where((events.time_s < moment_s) & np.isin(events.type, np.array(types, np.uint8)))
    _, basket = np.unique(rows.basket, return_inverse=True)
    n = int(basket.max(initial=-1)) + 1
    had = sparse.csr_matrix((np.ones(len(rows), np.float32), (basket, rows.item)), shape=(n, n_items))
    had.sum_duplicates()
    had.data[:] = 1.0
    return had[np.diff(had.indptr) <= items_max]
