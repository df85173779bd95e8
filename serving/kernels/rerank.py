"""The order on the page: relevance against likeness, under caps, with one place for something new."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from serving.kernels.candidates import FRESH, S_SOURCE


class Page(NamedTuple):
    """What b requests want of their page, all (b,): size int32, diversity float32 (0..1), max_brand and max_category
    int32 (0 = no cap), fresh_slots int32 (0 or 1: a place kept for the best new arrival)."""

    size: npt.NDArray[np.int32]
    diversity: npt.NDArray[np.float32]
    max_brand: npt.NDArray[np.int32]
    max_category: npt.NDArray[np.int32]
    fresh_slots: npt.NDArray[np.int32]


POOL_FACTOR = 3
"""Items are diversified among the best POOL_FACTOR * size + 20 by relevance; further ones only fill what caps left."""


@njit(cache=True, nogil=True)
def _allowed(row, brand, category, chosen_rows, chosen, max_brand, max_category):
    """Whether `row` keeps the caps with the `chosen` rows before it; number 0 (no brand, no category) has no cap."""
    brands, categories = 0, 0
    for i in range(chosen):
        brands += brand[chosen_rows[i]] == brand[row]
        categories += category[chosen_rows[i]] == category[row]
    return (max_brand == 0 or brand[row] == 0 or brands < max_brand) and (
        max_category == 0 or category[row] == 0 or categories < max_category
    )


@njit(cache=True, nogil=True, fastmath=True)
def rerank(rows, scores, ptr, signals, page, units, brand, category):
    """Picks each page greedily by maximal marginal relevance. Returns picks (p,) int64 positions in `rows`, out_ptr.

    scores: (m,) float32; units: (n, d) float32 item vectors of length one. Value of a candidate: (1 - diversity) *
    relevance - diversity * its largest cosine to what is chosen; relevance is scaled to 0..1 over the pool. Caps hold
    always: a page is rather short than against its caps. [1] Carbonell & Goldstein 1998, "The use of MMR", sec. 2.
    """
    b = len(ptr) - 1
    room = 0
    for r in range(b):
        room += min(np.int64(page.size[r]), ptr[r + 1] - ptr[r])
    picks, out_ptr = np.empty(room, np.int64), np.zeros(b + 1, np.int64)
    fill = 0
    for r in range(b):
        start, stop = ptr[r], ptr[r + 1]
        order = np.argsort(-scores[start:stop], kind="mergesort")
        size = min(np.int64(page.size[r]), stop - start)
        capped = page.max_brand[r] > 0 or page.max_category[r] > 0
        if page.diversity[r] <= 0 and not capped:
            for i in range(size):
                picks[fill + i] = start + order[i]
            chosen = size
        else:
            chosen = _mmr(
                rows, scores, start, order, size, page.diversity[r], page.max_brand[r], page.max_category[r],
                units, brand, category, picks[fill : fill + size],
            )  # fmt: skip
        if page.fresh_slots[r] > 0 and not capped and chosen > 1:
            _keep_fresh(signals, start, order, picks[fill : fill + chosen])
        fill += chosen
        out_ptr[r + 1] = fill
    return picks[:fill], out_ptr


@njit(cache=True, nogil=True, fastmath=True)
def _mmr(rows, scores, start, order, size, diversity, max_brand, max_category, units, brand, category, out):
    """One page by maximal marginal relevance; writes positions to `out` and returns how many."""
    pool = min(len(order), POOL_FACTOR * size + 20)
    worst, best = scores[start + order[pool - 1]], scores[start + order[0]]
    span = max(best - worst, np.float32(1e-9))
    likeness = np.zeros(pool, np.float32)
    used = np.zeros(len(order), np.bool_)
    chosen_rows = np.empty(size, np.int32)
    chosen = 0
    d = units.shape[1]
    while chosen < size:
        pick, value = -1, np.float32(-np.inf)
        for i in range(pool):
            if used[i]:
                continue
            relevance = (scores[start + order[i]] - worst) / span
            marginal = (1 - diversity) * relevance - diversity * likeness[i]
            if marginal > value:
                row = rows[start + order[i]]
                if _allowed(row, brand, category, chosen_rows, chosen, max_brand, max_category):
                    pick, value = i, marginal
        if pick < 0:  # caps have emptied the pool: go on by relevance alone
            for i in range(pool, len(order)):
                if not used[i] and _allowed(
                    rows[start + order[i]], brand, category, chosen_rows, chosen, max_brand, max_category
                ):
                    pick = i
                    break
            if pick < 0:
                break
        used[pick] = True
        row = rows[start + order[pick]]
        chosen_rows[chosen] = row
        out[chosen] = start + order[pick]
        chosen += 1
        if diversity > 0:
            unit = units[row]
            for i in range(pool):
                if not used[i]:
                    other = units[rows[start + order[i]]]
                    cosine = np.float32(0.0)
                    for k in range(d):
                        cosine += unit[k] * other[k]
                    likeness[i] = max(likeness[i], cosine)
    return chosen


@njit(cache=True, nogil=True)
def _keep_fresh(signals, start, order, out):
    """Puts the best new arrival on the last place when none made it onto the page by score."""
    for i in range(len(out)):
        if signals[out[i], S_SOURCE] == FRESH:
            return
    for i in range(len(order)):
        if signals[start + order[i], S_SOURCE] == FRESH:
            out[len(out) - 1] = start + order[i]
            return
