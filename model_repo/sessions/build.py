"""Past visits for session kNN: which items each held, and which visits held each item, newest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_repo.datasets.tables import EventTable
from serving.core.ranges import check_ranges
from serving.events.types import RETURN, UNCART
from serving.kernels.session_knn import Sessions

ITEMS_MAX = 64
"""Distinct items of one visit that are kept, the last ones: no visit may take a request's time for itself."""


@dataclass(frozen=True, slots=True)
class Params:
    """sessions_max: 1..100e6 newest visits that are kept; recent_max: 1..5000 newest of them an item."""

    sessions_max: int = 1_000_000
    recent_max: int = 200

    def __post_init__(self) -> None:
        check_ranges(self, "sessions", ("sessions_max", 1, 100e6), ("recent_max", 1, 5000))


def build(events: EventTable, n_items: int, moment_s: float, params: Params | None = None) -> Sessions:
    """The visits of at least two items before `moment_s`. A visit is what happened under one basket number.

    O(m log m) for m rows. Deterministic.
    """
    params = params or Params()
    rows = events.where((events.time_s < moment_s) & (events.type != RETURN) & (events.type != UNCART))
    width = int(rows.basket.max(initial=-1)) + 1
    end = np.zeros(width, np.int64)
    np.maximum.at(end, rows.basket, rows.time_s)
    # The last mention of each (visit, item): np.unique finds first ones, so it is asked from the end.
    _, last = np.unique((rows.basket * n_items + rows.item)[::-1], return_index=True)
    last = len(rows) - 1 - last
    order = last[np.lexsort((-last, rows.basket[last], end[rows.basket[last]]))]
    basket, item = rows.basket[order], rows.item[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = basket[1:] != basket[:-1]
    start = np.flatnonzero(new)
    size = np.diff(np.append(start, len(order)))
    visit = np.repeat(np.arange(len(start)), size)
    place = np.arange(len(order)) - start[visit]
    kept_visit = (size >= 2) & (np.cumsum((size >= 2)[::-1])[::-1] <= params.sessions_max)
    keep = kept_visit[visit] & (place < ITEMS_MAX)
    number = (np.cumsum(kept_visit) - 1)[visit[keep]].astype(np.int32)
    item = item[keep]
    n_sessions = int(kept_visit.sum())
    by_item = np.lexsort((-number, item))
    items, numbers = item[by_item], number[by_item]
    first = np.searchsorted(items, np.arange(n_items))
    recent = np.arange(len(items)) - first[items] < params.recent_max
    return Sessions(
        _ptr(np.bincount(items[recent], minlength=n_items)),
        numbers[recent],
        _ptr(np.bincount(number, minlength=n_sessions)),
        item.astype(np.int32),
        end[basket[start[kept_visit]]],
    )


def _ptr(counts: np.ndarray) -> np.ndarray:
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
