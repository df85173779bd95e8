"""The pool: the candidates a page is chosen among, what each is worth as the page grows, and the choice of one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from serving.kernels.caps import close_full
from serving.kernels.diversity import DPP, dpp_update, mmr_update
from serving.kernels.exploring import explore
from serving.kernels.ordering import best_first, position

POOL_FACTOR = 3
"""Items are diversified and drawn among the best POOL_FACTOR * size + 20 by relevance; further ones only fill what caps
left."""


class Pool(NamedTuple):
    """The candidates a page is chosen among, best first, and behind them its pins: m in all."""

    at: npt.NDArray[np.int64]
    """(m,) positions among the batch's candidates."""
    rows: npt.NDArray[np.int32]
    """(m,) catalogue rows."""
    is_open: npt.NDArray[np.bool_]
    """(m,) whether it may still be chosen."""
    relevance: npt.NDArray[np.float32]
    """(pool,) 0..1"""
    penalty: npt.NDArray[np.float32]
    volume: npt.NDArray[np.float32]
    basis: npt.NDArray[np.float32]
    """See kernels.diversity."""


@njit(cache=True, nogil=True)
def make_pool(rows, scores, size, start, keys, best, pins, columns):
    """The pool of the request whose candidates begin at `start`, for a page of `size`.

    keys: (c,) uint64 of kernels.ordering; best: uint64 scratch, at least as long; pins: (k,) int64 positions;
    columns: how many a DPP's basis may get, 0 without one.
    """
    count = best_first(keys, best[: min(len(keys), POOL_FACTOR * max(np.int64(size), 0) + 20)])
    m = count + len(pins)
    at, members = np.empty(m, np.int64), np.empty(m, np.int32)
    relevance = np.zeros(count, np.float32)
    for i in range(count):
        at[i] = start + position(best[i])
    for i in range(len(pins)):
        at[count + i] = pins[i]
    for i in range(m):
        members[i] = rows[at[i]]
    if count > 0:
        worst = np.float64(scores[at[count - 1]])
        span = max(scores[at[0]] - worst, 1e-9)
        for i in range(count):
            part = (scores[at[i]] - worst) / span
            relevance[i] = min(part, 1.0) if part > 0 else 0.0  # a score may be infinite or no number
    basis = np.empty((columns, m), np.float32)
    return Pool(at, members, np.ones(m, np.bool_), relevance, np.zeros(m, np.float32), np.ones(m, np.float32), basis)


@njit(cache=True, nogil=True)
def join(r, page, units, brand, category, pool, member, page_rows, count, steps):
    """page_rows[count] joined the page (as `member` of the pool, -1 = it was not in it): closes what caps now forbid
    and raises the penalties. Returns the new counts: of page_rows, and of the basis's columns."""
    count += 1
    close_full(pool.is_open, pool.rows, page_rows, count, brand, page.max_brand[r])
    close_full(pool.is_open, pool.rows, page_rows, count, category, page.max_category[r])
    if member >= 0:
        pool.is_open[member] = False
        if page.diversity[r] > 0 and page.method[r] == DPP:
            steps = dpp_update(units, pool.rows, member, pool.is_open, pool.penalty, pool.volume, pool.basis, steps)
        elif page.diversity[r] > 0:
            mmr_update(units, pool.rows, member, pool.is_open, pool.penalty)
    return count, steps


@njit(cache=True, nogil=True)
def choose(r, page, pool, weight, place):
    """The member that stands at `place` (-1 = none is open) and the chance it had, float32.

    weight: (pool,) float32 of the draw, read only where the request explores. Of equal values the more relevant wins.
    """
    diversity = page.diversity[r]
    greedy, most, total = -1, 0.0, 0.0
    for i in range(len(pool.relevance)):
        if pool.is_open[i]:
            value = (1 - diversity) * pool.relevance[i] - diversity * pool.penalty[i]
            total += weight[i]
            if greedy < 0 or value > most:
                greedy, most = i, value
    if greedy < 0 or page.explore[r] <= 0:
        return greedy, np.float32(1.0)
    return explore(weight, pool.is_open, total, greedy, page.explore[r], page.seed[r], place)
