"""The union of the candidate sources, with quotas, and the signals of every candidate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from serving.kernels.history import BOUGHT, CARTED, CONTEXT, DAY_S, SEEN
from serving.kernels.scratch import LINEAR
from serving.kernels.selecting import TIE_MAX, cut, key, least_of_best
from serving.kernels.signals import (
    CONTENT,
    FACTORS,
    FRESH,
    GIVEN,
    ITEM_ITEM,
    PINNED,
    REPEAT,
    S_BUY_DECAY,
    S_BUYS,
    S_CONTENT,
    S_COVIEW,
    S_DAYS,
    S_FACTORS,
    S_ITEM_ITEM,
    S_SEEN,
    S_SESSION,
    S_SOURCE,
    S_TOGETHER,
    S_TRANSITIONS,
    SESSION,
    SIGNALS,
    TRENDING,
    VIEWED,
)
from serving.kernels.signals import COVIEW as COVIEW_CODE
from serving.kernels.signals import TOGETHER as TOGETHER_CODE
from serving.kernels.signals import TRANSITIONS as TRANSITIONS_CODE

SCAN_ROWS_MAX = 16_384
"""Up to so many catalogue rows all sums are looked through; above, a list of what was touched is kept, whose branch
costs more than such a scan."""

LINEAR_CODES = (TOGETHER_CODE, COVIEW_CODE, TRANSITIONS_CODE, ITEM_ITEM)
LINEAR_SIGNALS = (S_TOGETHER, S_COVIEW, S_TRANSITIONS, S_ITEM_ITEM)
"""Of the linear sources, in the order in which their matrices are given."""
_CODES, _SIGNALS = np.array(LINEAR_CODES, np.int32), np.array(LINEAR_SIGNALS, np.int32)
assert len(LINEAR_CODES) == LINEAR


class Matrix(NamedTuple):
    """CSR over the models' items. indptr (n + 1,) int64; cols (e,) int32, ascending within a row; vals (e,) float32,
    all above 0."""

    indptr: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int32]
    vals: npt.NDArray[np.float32]


class Request(NamedTuple):
    """What b requests ask of their candidates.

    total (b,) candidates at most; fills (b,) 0 or 1: trending items, then all others by popularity, fill up; mask (b,)
    row of `masks`; skip_bought, skip_viewed (b,) 0 or 1; keep_cart (b,) 0 or 1: what lies in the cart may come.
    blocked, given, pinned: catalogue rows by their ptr (b + 1,); given replaces every source where is_given (b,) is 1.
    """

    total: npt.NDArray[np.int32]
    fills: npt.NDArray[np.int32]
    mask: npt.NDArray[np.int32]
    skip_bought: npt.NDArray[np.int32]
    skip_viewed: npt.NDArray[np.int32]
    keep_cart: npt.NDArray[np.int32]
    blocked_ptr: npt.NDArray[np.int64]
    blocked: npt.NDArray[np.int32]
    given_ptr: npt.NDArray[np.int64]
    given: npt.NDArray[np.int32]
    is_given: npt.NDArray[np.int32]
    pinned_ptr: npt.NDArray[np.int64]
    pinned: npt.NDArray[np.int32]


class Recalled(NamedTuple):
    """What the history of b visitors brings by itself. bought, viewed, fresh: (b, q) int32 rows, best first, -1 = none;
    weights (LINEAR, h) float32 of the history's entries in each sum; session: ptr (b + 1,), rows, scores, none twice in
    a visit."""

    bought: npt.NDArray[np.int32]
    viewed: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    session_ptr: npt.NDArray[np.int64]
    session_rows: npt.NDArray[np.int32]
    session_scores: npt.NDArray[np.float32]
    fresh: npt.NDArray[np.int32]


class Found(NamedTuple):
    """What all sources found for b requests: Recalled, then (b, q) int64 rows of the indexes, best first, -1 = none;
    quotas (sources, b) int32 by code."""

    bought: npt.NDArray[np.int32]
    viewed: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    session_ptr: npt.NDArray[np.int64]
    session_rows: npt.NDArray[np.int32]
    session_scores: npt.NDArray[np.float32]
    fresh: npt.NDArray[np.int32]
    factors: npt.NDArray[np.int64]
    content: npt.NDArray[np.int64]
    quotas: npt.NDArray[np.int32]


@njit(cache=True, nogil=True)
def candidates(history, now_s, request, found, matrices, popular, trending, masks, scratch):
    """The candidates of b requests: rows (m,) int32, signals (m, len(SIGNALS)) float32 without the dot products, and
    ptr (b + 1,) int64.

    popular: (p,) int32 all rows by popularity; trending: (t,) int32 rows, both best first; masks: (g, n) bool what may
    come at all. No row stands twice in a request, none is blocked, masked, in the cart, on the page, or, where the
    request says so, bought or viewed before. Pinned rows come first. O(history * neighbours + candidates) a request.
    """
    b = len(history.ptr) - 1
    room = np.int64(0)
    for r in range(b):
        room += max(np.int64(request.total[r]), request.given_ptr[r + 1] - request.given_ptr[r])
        room += request.pinned_ptr[r + 1] - request.pinned_ptr[r]
    rows = np.empty(room, np.int32)
    signals = np.zeros((room, len(SIGNALS)), np.float32)
    out_ptr = np.zeros(b + 1, np.int64)
    touched_n = np.zeros(LINEAR, np.int64)
    fill = np.int64(0)
    for r in range(b):
        scratch.serial[0] += np.int32(1)
        mark = scratch.serial[0]
        taken, slot = scratch.mark, scratch.slot
        first, last = history.ptr[r], history.ptr[r + 1]
        _block(history, first, last, request, r, taken, slot, mark)
        mask = masks[request.mask[r]]
        start = fill
        for i in range(request.pinned_ptr[r], request.pinned_ptr[r + 1]):
            fill = _take(rows, signals, fill, request.pinned[i], PINNED, mask, taken, mark)
        stop = fill + np.int64(request.total[r])
        if request.is_given[r]:
            stop = fill + request.given_ptr[r + 1] - request.given_ptr[r]
            for i in range(request.given_ptr[r], request.given_ptr[r + 1]):
                fill = _take(rows, signals, fill, request.given[i], GIVEN, mask, taken, mark)
        else:
            # what the visitor did with an item himself outweighs what others did
            fill = _column(rows, signals, fill, stop, found.bought[r], REPEAT, mask, taken, mark)
            fill = _column(rows, signals, fill, stop, found.viewed[r], VIEWED, mask, taken, mark)
        for s in range(LINEAR):
            score, touched = scratch.score[s], scratch.touched[s]
            touched_n[s] = _sum(found.weights[s], history.row, first, last, matrices[s], score, touched)
            keep = min(np.int64(found.quotas[_CODES[s], r]), stop - fill)
            if keep > 0 and touched_n[s] > 0 and not request.is_given[r]:
                if len(score) <= SCAN_ROWS_MAX:
                    fill = _best_of_all(rows, signals, fill, score, keep, _CODES[s], mask, taken, mark, scratch.bits)
                else:
                    some = touched[: touched_n[s]]
                    fill = _best(rows, signals, fill, some, score, keep, _CODES[s], mask, taken, mark, scratch.keys)
        voted = found.session_rows[found.session_ptr[r] : found.session_ptr[r + 1]]
        for i in range(len(voted)):
            scratch.score[LINEAR, voted[i]] = found.session_scores[found.session_ptr[r] + i]
        if not request.is_given[r]:
            score, keep = scratch.score[LINEAR], min(np.int64(found.quotas[SESSION, r]), stop - fill)
            fill = _best(rows, signals, fill, voted, score, keep, SESSION, mask, taken, mark, scratch.keys)
            fill = _column(rows, signals, fill, stop, found.fresh[r], FRESH, mask, taken, mark)
            fill = _column(rows, signals, fill, stop, found.factors[r], FACTORS, mask, taken, mark)
            fill = _column(rows, signals, fill, stop, found.content[r], CONTENT, mask, taken, mark)
            if request.fills[r]:
                for i in range(len(trending)):
                    if fill == stop:
                        break
                    fill = _take(rows, signals, fill, trending[i], TRENDING, mask, taken, mark)
                for i in range(len(popular)):
                    if fill == stop:
                        break
                    fill = _take(rows, signals, fill, popular[i], TRENDING, mask, taken, mark)
        _signals(rows, signals, start, fill, history, slot, scratch.score, touched_n, now_s)
        for i in range(first, last):
            slot[history.row[i]] = -1
        for s in range(LINEAR):
            _clear(scratch.score[s], scratch.touched[s], touched_n[s])
        for i in range(found.session_ptr[r], found.session_ptr[r + 1]):
            scratch.score[LINEAR, found.session_rows[i]] = 0.0
        out_ptr[r + 1] = fill
    return rows[:fill], signals[:fill], out_ptr


@njit(cache=True, nogil=True)
def _block(history, first, last, request, r, taken, slot, mark):
    """Marks what may not come, and notes where each row stands in the history."""
    for i in range(request.blocked_ptr[r], request.blocked_ptr[r + 1]):
        taken[request.blocked[i]] = mark
    for i in range(first, last):
        row, kind = history.row[i], history.kind[i]
        slot[row] = i
        if kind == CONTEXT or (kind == CARTED and not request.keep_cart[r]):
            taken[row] = mark
        if request.skip_bought[r] and (kind == BOUGHT or history.buys[i] > 0):
            taken[row] = mark
        if request.skip_viewed[r] and (kind in (SEEN, CARTED) or history.seen[i] > 0 or history.viewed_s[i] > 0):
            taken[row] = mark


@njit(cache=True, nogil=True)
def _take(rows, signals, fill, row, source, mask, taken, mark):
    """Appends one candidate unless it may not come; the new fill."""
    if not mask[row] or taken[row] == mark:
        return fill
    rows[fill] = row
    signals[fill, S_SOURCE] = source
    taken[row] = mark
    return fill + 1


@njit(cache=True, nogil=True)
def _column(rows, signals, fill, stop, found, code, mask, taken, mark):
    """Takes the rows that a source brought as a list."""
    for i in range(len(found)):
        if fill == stop:
            break
        if found[i] >= 0:
            fill = _take(rows, signals, fill, found[i], code, mask, taken, mark)
    return fill


@njit(cache=True, nogil=True, fastmath=True)
def _sum(weights, row, first, last, matrix, score, touched):
    """score += weighted rows of the matrix; how many of `touched` it filled (1 = some, for small catalogues)."""
    n_model = len(matrix.indptr) - 1
    count = np.int64(0)
    small = len(score) <= SCAN_ROWS_MAX
    for i in range(first, last):
        weight = weights[i]
        if row[i] < n_model and weight > 0:
            begin, end = np.uint64(matrix.indptr[row[i]]), np.uint64(matrix.indptr[row[i] + 1])
            if small:
                for p in range(begin, end):
                    score[np.uint32(matrix.cols[p])] += weight * matrix.vals[p]
                count = 1
            else:
                for p in range(begin, end):
                    col = matrix.cols[p]
                    if score[np.uint32(col)] == 0:
                        touched[count] = col
                        count += 1
                    score[np.uint32(col)] += weight * matrix.vals[p]
    return count


@njit(cache=True, nogil=True)
def _best_of_all(rows, signals, fill, score, keep, source, mask, taken, mark, bits):
    """Takes the `keep` rows of the catalogue with the largest sums that may come, the lower row of equal ones.

    Looks at every row, so that no branch but the last depends on the data.
    """
    sums = score.view(np.int32)
    for row in range(len(score)):
        bits[row] = sums[row] if mask[row] & (taken[row] != mark) else 0
    least, ties = cut(bits, len(score), keep)
    for row in range(np.uint64(len(score))):
        if bits[row] > least or (ties > 0 and bits[row] == least):
            ties -= bits[row] == least
            fill = _take(rows, signals, fill, np.int32(row), source, mask, taken, mark)
    return fill


@njit(cache=True, nogil=True)
def _best(rows, signals, fill, some, score, keep, source, mask, taken, mark, keys):
    """The same of some rows, int32, none twice."""
    if keep <= 0:
        return fill
    bits = score.view(np.int32)
    for i in range(len(some)):
        row = some[i]
        may_come = mask[row] & (taken[row] != mark) & (bits[row] > 0)
        keys[i] = key(np.int64(bits[row]), TIE_MAX - np.int64(row)) if may_come else 0
    least = least_of_best(keys, len(some), keep)
    for i in range(len(some)):
        if keys[i] >= least:
            fill = _take(rows, signals, fill, some[i], source, mask, taken, mark)
    return fill


@njit(cache=True, nogil=True)
def _clear(score, touched, touched_n):
    """Sets what `_sum` touched back to 0."""
    if touched_n > 0 and len(score) <= SCAN_ROWS_MAX:
        score[:] = 0.0
    else:
        for i in range(touched_n):
            score[touched[i]] = 0.0


@njit(cache=True, nogil=True)
def _signals(rows, signals, start, stop, history, slot, score, touched_n, now_s):
    """Fills the signals of candidates start:stop; every source's score is known for every candidate."""
    begin, end = np.uint64(start), np.uint64(stop)
    for s in range(LINEAR):
        for i in range(begin, end if touched_n[s] > 0 else begin):
            signals[i, _SIGNALS[s]] = score[s, np.uint32(rows[i])]
    for i in range(begin, end):
        row = np.uint32(rows[i])
        signals[i, S_SESSION] = score[LINEAR, row]
        signals[i, S_DAYS] = -1.0
        at = slot[row]
        if at >= 0:
            signals[i, S_BUY_DECAY] = history.buy_decay[at]
            signals[i, S_BUYS] = history.buys[at]
            signals[i, S_SEEN] = history.seen[at]
            if history.last_buy_s[at] > 0:
                signals[i, S_DAYS] = max(now_s - history.last_buy_s[at], 0.0) / DAY_S


@njit(cache=True, nogil=True, fastmath=True)
def likeness(rows, ptr, signals, tastes, vectors, contents, content):
    """Fills the factor and content signals: dot products of each candidate with its visitor's vectors.

    tastes (b, d), vectors (n, d), contents (b, c), content (n, c), all float32.
    """
    for r in range(len(ptr) - 1):
        for i in range(np.uint64(ptr[r]), np.uint64(ptr[r + 1])):
            row = np.uint64(rows[i])
            total = np.float32(0.0)
            for k in range(np.uint64(tastes.shape[1])):
                total += tastes[r, k] * vectors[row, k]
            signals[i, S_FACTORS] = total
            total = np.float32(0.0)
            for k in range(np.uint64(contents.shape[1])):
                total += contents[r, k] * content[row, k]
            signals[i, S_CONTENT] = total
