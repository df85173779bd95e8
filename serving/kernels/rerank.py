"""The page: its order by relevance against likeness, its rules (caps, pins, one place for something new, nothing twice
on a shop page), and the chance that each item had to stand where it stands."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from serving.kernels.caps import keeps_caps
from serving.kernels.diversity import DPP
from serving.kernels.exploring import TEMPERATURE
from serving.kernels.ordering import best_first, position, sort_keys
from serving.kernels.pins import accept_pins, last_free
from serving.kernels.pool import choose, join, make_pool
from serving.kernels.signals import FRESH, S_SOURCE


class Page(NamedTuple):
    """What b requests want of their page; arrays are (b,) unless said."""

    size: npt.NDArray[np.int32]
    """Places from the beginning of the first page on: a later page is the end of a longer one."""
    first: npt.NDArray[np.int32]
    """Places of the first page, at most size: pins and a new arrival get theirs there, and the pool is measured by it,
    so that a longer page goes on where a shorter one ended."""
    diversity: npt.NDArray[np.float32]
    """0..1: 0 is the order by relevance, 1 looks at likeness alone."""
    max_brand: npt.NDArray[np.int32]
    max_category: npt.NDArray[np.int32]
    """Caps, 0 = none. They hold always: a page is rather short than against its caps."""
    fresh_slots: npt.NDArray[np.int32]
    """0 or 1: the last place of the first page that no pin takes is kept for the best new arrival, unless one stands
    above it."""
    explore: npt.NDArray[np.float32]
    """0..1: the probability with which each place is drawn from the pool instead of given to the best."""
    seed: npt.NDArray[np.uint64]
    """Of the request's random numbers: the same seed and candidates give the same page in any batch."""
    group: npt.NDArray[np.int32]
    """Consecutive requests with the same number >= 0 are one shop page: what an earlier one shows, a later one does
    not. -1 = alone."""
    method: npt.NDArray[np.int32]
    """diversity.MMR or diversity.DPP."""
    pin_ptr: npt.NDArray[np.int64]
    """(b + 1,)"""
    pin_row: npt.NDArray[np.int32]
    """(p,) catalogue rows; one that is no candidate of its request is left out."""
    pin_place: npt.NDArray[np.int32]
    """(p,) places from 0; kernels.pins says how they are settled. Pins move up where the page turns out short."""


@njit(cache=True, nogil=True)
def rerank(rows, scores, ptr, signals, page, units, brand, category, slot, temperature=TEMPERATURE):
    """Picks each page greedily, place by place. Returns picks (p,) int64 positions in `rows`, out_ptr (b + 1,) int64
    and propensity (p,) float32.

    rows: (m,) int32 by ptr (b + 1,), none twice in a request; scores: (m,) float32; signals: (m, len(SIGNALS));
    units: (n, d) float32 item vectors of length one; brand, category: (n,) int32, 0 = none. slot: (n,) int32 scratch,
    all -1 before and after. Candidates whose source is PINNED stand on a page as pins or not at all.

    propensity: the chance of the item at its place given what stands above it (and on the pages of its group before):
    1 for pins, for the place of the new arrival, where caps have emptied the pool, and everywhere if nothing is drawn.
    temperature: of the draw, see kernels.exploring.
    A batch gives what its requests give one by one, groups apart. O(candidates + pool * size * d) a request.
    """
    b, room, most = len(ptr) - 1, 0, 0
    for r in range(b):
        room += max(min(np.int64(page.size[r]), ptr[r + 1] - ptr[r]), 0)
        most = max(most, ptr[r + 1] - ptr[r])
    picks, propensity = np.empty(room, np.int64), np.ones(room, np.float32)
    out_ptr = np.zeros(b + 1, np.int64)
    keys, best = np.empty(most, np.uint64), np.empty(most, np.uint64)
    fill, run = 0, 0
    for r in range(b):
        start, stop = ptr[r], ptr[r + 1]
        if r > 0 and (page.group[r] < 0 or page.group[r] != page.group[r - 1]):
            run = r
        mine = keys[: stop - start]
        end = fill + max(min(np.int64(page.size[r]), stop - start), 0)
        out = picks[fill:end]
        if _is_plain(page, r):
            newest = sort_keys(rows, scores, signals, start, slot, run, r > run, mine)
            shown = _best(mine, best, start, newest, page, r, out)
        else:
            pins, places = accept_pins(r, rows, start, stop, page, brand, category, slot, run)
            sort_keys(rows, scores, signals, start, slot, run, r > run or len(pins) > 0, mine)
            shown = _slots(
                r, rows, scores, signals, page, units, brand, category, np.float32(temperature),
                start, mine, best, pins, places, out, propensity[fill:end],
            )  # fmt: skip
        fill += shown
        out_ptr[r + 1] = fill
        if r + 1 < b and page.group[r] >= 0 and page.group[r + 1] == page.group[r]:
            _mark(slot, rows, out[:shown], run)
        elif r > run or page.pin_ptr[r + 1] > page.pin_ptr[r]:
            _mark(slot, rows, picks[out_ptr[run] : fill], -1)
    return picks[:fill], out_ptr, propensity[:fill]


@njit(cache=True, nogil=True)
def _is_plain(page, r):
    """Whether relevance alone orders the page (but for a new arrival), so that nothing depends on what is chosen."""
    return (
        page.diversity[r] <= 0 and page.explore[r] <= 0 and page.max_brand[r] <= 0 and page.max_category[r] <= 0
        and page.pin_ptr[r + 1] == page.pin_ptr[r]
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _mark(slot, rows, picks, value):
    for pick in picks:
        slot[rows[pick]] = value


@njit(cache=True, nogil=True)
def _best(keys, best, start, newest, page, r, out):
    """A page by relevance alone; the new arrival (its key, 0 = none) takes the last place of the first page, and what
    it passes moves back. Returns how many."""
    shown, place = best_first(keys, best[: len(out)]), np.int64(page.first[r]) - 1
    if page.fresh_slots[r] > 0 and 0 < place < shown and 0 < newest < best[place]:
        at = place
        while at < shown - 1 and best[at] != newest:
            at += 1
        best[place + 1 : at + 1] = best[place:at].copy()
        best[place] = newest
    for i in range(shown):
        out[i] = start + position(best[i])
    return shown


@njit(cache=True, nogil=True)
def _slots(
    r, rows, scores, signals, page, units, brand, category, temperature,
    start, keys, best, pins, places, out, propensity,
):  # fmt: skip
    """One page, place by place; writes positions to `out`, chances to `propensity` and returns how many."""
    columns = len(out) if page.diversity[r] > 0 and page.method[r] == DPP else 0
    pool = make_pool(rows, scores, page.first[r], start, keys, best, pins, columns)
    weight = pool.relevance
    if page.explore[r] > 0:
        weight = np.exp((weight - np.float32(1)) / temperature)
    page_rows = np.empty(len(out), np.int32)  # what caps count: the pins, then all else as it is chosen
    count, steps = 0, 0
    wants_new, new_place = page.fresh_slots[r] > 0 and page.first[r] > 1, last_free(places, np.int64(page.first[r]))
    for i in range(len(pins)):
        member = len(pool.relevance) + i
        page_rows[i] = pool.rows[member]
        count, steps = join(r, page, units, brand, category, pool, member, page_rows, i, steps)
        wants_new = wants_new and signals[pins[i], S_SOURCE] != FRESH
    pool.is_open[len(pool.relevance) :] = False
    shown, pinned = 0, 0
    while shown < len(out):
        pick, chance = -1, np.float32(1.0)
        if pinned == len(pins) or places[pinned] > shown:
            member = -1
            if wants_new and shown == new_place:
                pick = _next(r, rows, signals, page, brand, category, start, keys, page_rows, count, True)
                for i in range(len(pool.relevance)):
                    member = i if pool.at[i] == pick else member
            if pick < 0:
                member, chance = choose(r, page, pool, weight, shown)
                if member >= 0:
                    pick = pool.at[member]
                else:  # caps have emptied the pool: go on by relevance alone
                    pick = _next(r, rows, signals, page, brand, category, start, keys, page_rows, count, False)
        if pick >= 0:
            keys[pick - start] = 0
            page_rows[count] = rows[pick]
            count, steps = join(r, page, units, brand, category, pool, member, page_rows, count, steps)
            wants_new = wants_new and signals[pick, S_SOURCE] != FRESH
        elif pinned < len(pins):
            pick = pins[pinned]
            pinned += 1
        else:
            break
        out[shown], propensity[shown] = pick, chance
        shown += 1
    return shown


@njit(cache=True, nogil=True)
def _next(r, rows, signals, page, brand, category, start, keys, page_rows, count, only_new):
    """The best candidate by relevance (of the new arrivals, if asked) that keeps the caps, or -1.

    Caps only tighten while a page grows, so a candidate that breaks one loses its key and is not looked at again.
    """
    most, pick = np.uint64(0), -1
    for i in range(len(keys)):
        if keys[i] > most and (not only_new or signals[start + i, S_SOURCE] == FRESH):
            row = rows[start + i]
            if keeps_caps(row, page_rows, count, brand, category, page.max_brand[r], page.max_category[r]):
                most, pick = keys[i], start + i
            else:
                keys[i] = 0
    return pick
