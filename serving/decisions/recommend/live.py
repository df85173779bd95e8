"""What the event log says since the models were trained, in the rows of one catalogue: made aside, bound in one step.

All of it is a pure function of the counters, the models, the catalogue and the settings: a replay makes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.core.ports import F32, I32, I64
from serving.decisions.recommend.models import Models
from serving.decisions.recommend.params import Params
from serving.events.trends import Trends
from serving.features.columns import I_POPULARITY_14D
from serving.kernels.candidates import Matrix

TRENDING_KEPT: Final = 500
"""As in training."""
PART: Final = "counters"
"""The key of their version among those of the models."""
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Counters:
    """One state of the counters. version: the same for the same counts."""

    version: str
    trends: Trends


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """Immutable. Items that the catalogue got later are not in it."""

    counters: Counters
    n: int
    """Rows of the catalogue it was made for."""
    versions: dict[str, str]
    """Those of the models, and of the counters."""
    trending: I32
    """(t,) rows, best first: the models' list where nothing was bought since."""
    coview: Matrix
    """The models' rows, with what was viewed together since."""
    short_rows: I64
    """(k,) rows that enough visitors saw out of stock"""
    short_s: I64
    """(k,) when: of the latest so many sights the first. See `held` for whether they count."""


def live_of(counters: Counters, models: Models, catalogue: Catalogue, params: Params) -> Live:
    """O(items + entries of the matrix); for a thread that may take its time."""
    trends, row_of = counters.trends, catalogue.row_of
    rows = np.fromiter((row_of.get(name, -1) for name in trends.names.tolist()), np.int64, len(trends.names))
    n = len(catalogue)
    return Live(
        counters,
        n,
        {**models.versions, PART: counters.version},
        trending(trends, rows, models, n, params.stale_days),
        coview(trends, rows, models, n),
        *_short(trends, rows, params.stockout_visitors),
    )


def trending(trends: Trends, rows: I64, models: Models, n: int, stale_days: float) -> I32:
    """The rows by decayed purchases: those that the models have seen, and those since the day they were trained.

    The models' part goes on fading for `stale_days` and no further. Where nothing was bought since it is their own
    list, and items of which nothing was bought keep the order they have there. rows: (len(trends.names),), -1 =
    unknown.
    """
    trained_day = models.trained_through_s // _DAY_S
    since = (trends.bought_day >= trained_day) & (rows[trends.bought_item] >= 0)
    if not since.any():
        return models.trending
    weights = 2.0 ** (-np.maximum(trends.made_day - trends.bought_day[since], 0) / trends.half_life_days)
    known, place = models.trending, np.full(n, len(models.trending), np.int64)
    place[known] = np.arange(len(known))
    faded = 2.0 ** (-min(max(trends.made_day - trained_day, 0), stale_days) / trends.half_life_days)
    before = np.exp(models.item_stats[known, I_POPULARITY_14D].astype(np.float64)) - 0.5
    total = np.bincount(rows[trends.bought_item[since]], trends.bought[since] * weights, n)
    total[known] += np.minimum.accumulate(np.maximum(before, 0.0)) * faded
    order = np.lexsort((np.arange(n), place, -total))[: max(TRENDING_KEPT, len(known))]
    return order[(total[order] > 0) | (place[order] < len(known))].astype(np.int32)


def coview(trends: Trends, rows: I64, models: Models, n: int) -> Matrix:
    """The models' rows and what was viewed together lately, each pair by the stronger word of the two. (n, n), a row
    has trends.NEIGHBOURS entries more at most."""
    was = models.coview
    item = np.repeat(np.arange(len(rows)), np.diff(trends.ptr))
    row, col = rows[item], rows[trends.cols]
    known = (row >= 0) & (col >= 0)
    if not known.any():
        return Matrix(was.indptr, was.cols, was.vals)
    row, col, val = row[known], col[known], trends.vals[known]
    touched = np.zeros(n, np.bool_)
    touched[row] = True
    counts = np.zeros(n, np.int64)
    counts[: len(was.indptr) - 1] = np.diff(was.indptr)
    old_row = np.repeat(np.arange(n), counts)
    moved = touched[old_row]
    new_row, new_col, new_val = _stronger(
        np.concatenate((old_row[moved], row)),
        np.concatenate((was.cols[moved], col)),
        np.concatenate((was.vals[moved], val)),
    )
    counts[touched] = np.bincount(new_row, minlength=n)[touched]
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(counts, out=indptr[1:])
    here = touched[np.repeat(np.arange(n), counts)]
    cols, vals = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    cols[here], vals[here] = new_col, new_val
    cols[~here], vals[~here] = was.cols[~moved], was.vals[~moved]
    return Matrix(indptr, cols, vals)


def _stronger(row: I64, col: npt.NDArray[np.int64], val: F32) -> tuple[I64, I64, F32]:
    """Each (row, col) once, sorted, with its largest value."""
    order = np.lexsort((-val, col, row))
    row, col, val = row[order], col[order], val[order]
    first = np.concatenate(([True], (row[1:] != row[:-1]) | (col[1:] != col[:-1])))
    return row[first], col[first], val[first]


def _short(trends: Trends, rows: I64, visitors: int) -> tuple[I64, I64]:
    """Rows that so many visitors saw out of stock, and when the last of the latest so many did; 0 = none."""
    enough = (np.diff(trends.short_ptr) >= visitors) & (rows >= 0) if visitors else np.zeros(len(rows), np.bool_)
    item = np.flatnonzero(enough)
    return rows[item], trends.short_s[trends.short_ptr[item] + visitors - 1]


def held(live: Live, catalogue: Catalogue, hold_s: float, now_s: float) -> tuple[I64, float]:
    """The rows that count as out of stock at this moment, and until when this holds: what was seen after the last word
    on the item's stock, no longer than `hold_s` ago."""
    told = np.fromiter(
        (catalogue.items[row].stocked_s for row in live.short_rows.tolist()), np.int64, len(live.short_s)
    )
    holds = (live.short_s > told) & (live.short_s + hold_s > now_s)
    ends = live.short_s[holds] + hold_s
    return live.short_rows[holds], float(ends.min(initial=np.inf))
