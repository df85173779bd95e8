"""The transition model: what comes after an item, as sparse rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import sparse

from model_repo.datasets.tables import EventTable
from serving.core.ports import I32
from serving.core.ranges import check_ranges
from serving.decisions.recommend.models import SparseRows
from serving.events.types import RETURN, UNCART


@dataclass(frozen=True, slots=True)
class Params:
    """How the model is built.

    gap_max: 1..100 visits between two items that still count; skip_decay: 0..1, weight of each further visit between.
    both_ways: 0..1, weight of the reverse, which says less, and back_decay: 0..1, its own decay.
    from_power, to_power: 0..1, how far the counts are divided by how often the first and the second item occur, both
    counts raised by smoothing: 0..1000. power: 0.1..1, of the whole: below 1 much repeated pairs count for less.
    neighbours: 1..1000, entries kept a row; visit_items_max: 1..1000 items of one visit that count, the first ones.
    """

    gap_max: int = 10
    skip_decay: float = 0.85
    both_ways: float = 0.2
    back_decay: float = 0.68
    from_power: float = 0.4
    to_power: float = 0.2
    smoothing: float = 8.0
    power: float = 0.8
    neighbours: int = 200
    visit_items_max: int = 12

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "transitions",
            ("gap_max", 1, 100),
            ("skip_decay", 0.0, 1.0),
            ("both_ways", 0.0, 1.0),
            ("back_decay", 0.0, 1.0),
            ("from_power", 0.0, 1.0),
            ("to_power", 0.0, 1.0),
            ("smoothing", 0.0, 1000.0),
            ("power", 0.1, 1.0),
            ("neighbours", 1, 1000),
            ("visit_items_max", 1, 1000),
        )


def build(events: EventTable, n_items: int, moment_s: float, params: Params | None = None) -> SparseRows:
    """Rows (n_items, n_items): what came after item i, within `gap_max` visits of the same user, before `moment_s`.

    A visit is what one user did under one basket number. Counts are a product of sparse matrices: (visits, items) by
    itself, shifted by one visit, by two, ...: O(gap_max * pairs). Deterministic.
    """
    params = params or Params()
    visit, item, follows = _visits(events, moment_s, params.visit_items_max)
    n_visits = int(visit[-1]) + 1 if len(visit) else 0
    ones = np.ones(len(item), np.float32)
    had = sparse.csr_matrix((ones, (visit, item)), shape=(n_visits, n_items))
    chain = sparse.csr_matrix((n_items, n_items), dtype=np.float32)
    back = chain
    same = follows
    for gap in range(1, params.gap_max + 1):
        later = np.flatnonzero(same)  # visits with one of the same user `gap` before them
        if not len(later):
            break
        pairs = had[later - gap].T @ had[later]
        chain = chain + np.float32(params.skip_decay ** (gap - 1)) * pairs
        back = back + np.float32(params.both_ways * params.back_decay ** (gap - 1)) * pairs
        same = _shifted(same) & follows
    chain = chain + back.T
    count = np.maximum(np.bincount(item, minlength=n_items) + params.smoothing, 1.0)
    chain = (sparse.diags(count**-params.from_power) @ chain @ sparse.diags(count**-params.to_power)).tocsr()
    chain.data **= params.power
    chain.setdiag(0)
    chain.eliminate_zeros()
    return strongest(chain, params.neighbours)


def _shifted(same: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.concatenate((np.zeros(1, np.bool_), same[:-1]))


def _visits(events: EventTable, moment_s: float, items_max: int) -> tuple[I32, I32, npt.NDArray[np.bool_]]:
    """Visit numbers and items (k,), each pair once, and whether a visit (v,) follows another of the same user.

    Visits are numbered by user, then time.
    """
    known = (events.time_s < moment_s) & (events.user >= 0) & (events.type != RETURN) & (events.type != UNCART)
    rows = events.where(known)
    start = np.full(int(rows.basket.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(start, rows.basket, rows.time_s)
    order = np.lexsort((np.arange(len(rows)), rows.basket, start[rows.basket], rows.user))
    user, basket, item = rows.user[order], rows.basket[order], rows.item[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (user[1:] != user[:-1]) | (basket[1:] != basket[:-1])
    visit = np.cumsum(new) - 1
    follows = np.zeros(int(visit[-1]) + 1 if len(visit) else 0, np.bool_)
    owner = user[new]
    follows[1:] = owner[1:] == owner[:-1]
    _, first = np.unique(visit.astype(np.int64) * (int(item.max(initial=0)) + 1) + item, return_index=True)
    first = np.sort(first)
    place = np.arange(len(first)) - np.searchsorted(visit[first], visit[first])
    first = first[place < items_max]
    return visit[first].astype(np.int32), item[first], follows


def strongest(matrix: sparse.csr_matrix, keep: int) -> SparseRows:
    """The `keep` largest entries of each row, columns ascending; of equal ones those with the lower column."""
    matrix.sort_indices()
    counts = np.minimum(np.diff(matrix.indptr), keep)
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    cols, vals = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    _keep_largest(matrix.indptr, matrix.indices, matrix.data, indptr, cols, vals)
    return SparseRows(indptr, cols, vals)


@njit(cache=True, nogil=True)
def _keep_largest(from_ptr, from_cols, from_vals, indptr, cols, vals):
    """Copies of each row as many entries as `indptr` has room for."""
    for row in range(len(indptr) - 1):
        begin, end, fill = from_ptr[row], from_ptr[row + 1], indptr[row]
        room = indptr[row + 1] - fill
        kept = np.arange(end - begin)
        if room < end - begin:
            kept = np.sort(np.argsort(-from_vals[begin:end], kind="mergesort")[:room])
        for at in kept:
            cols[fill], vals[fill] = from_cols[begin + at], from_vals[begin + at]
            fill += 1
