"""The union of the candidate sources, with quotas, and the retrieval signals of every candidate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from serving.kernels.history import CARTED, CONTEXT, DAY_S

SIGNALS = ("item_item", "factors", "buy_decay", "buys", "days_since_buy", "seen", "source")
"""Columns of the signals; days_since_buy is -1 where the visitor never bought the item; source is the code of the
source that took the item up, in the order below."""
(S_ITEM_ITEM, S_FACTORS, S_BUY_DECAY, S_BUYS, S_DAYS, S_SEEN, S_SOURCE) = range(len(SIGNALS))
ITEM_ITEM, FACTORS, REPEAT, TRENDING, FRESH, GIVEN = range(6)


class Quotas(NamedTuple):
    """How many candidates each source may bring for one request; trending fills up to `total`."""

    total: int
    item_item: int
    factors: int
    repeat: int
    fresh: int


class Request(NamedTuple):
    """What the b requests forbid and give. blocked: rows that may not appear, by blocked_ptr (b + 1,); given: rows
    that replace every source where given_ptr says so and is_given (b,) is set."""

    blocked_ptr: npt.NDArray[np.int64]
    blocked: npt.NDArray[np.int32]
    given_ptr: npt.NDArray[np.int64]
    given: npt.NDArray[np.int32]
    is_given: npt.NDArray[np.bool_]


@njit(cache=True, nogil=True)
def _sift(heap_score, heap_row, size):
    """Restores the min-heap after its root changed."""
    at = 0
    score, row = heap_score[0], heap_row[0]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap_score[child + 1] < heap_score[child]:
            child += 1
        if heap_score[child] >= score:
            break
        heap_score[at], heap_row[at] = heap_score[child], heap_row[child]
        at = child
    heap_score[at], heap_row[at] = score, row


@njit(cache=True, nogil=True)
def _rise(heap_score, heap_row, at):
    """Restores the min-heap after position `at` was appended."""
    score, row = heap_score[at], heap_row[at]
    while at > 0:
        parent = (at - 1) // 2
        if heap_score[parent] <= score:
            break
        heap_score[at], heap_row[at] = heap_score[parent], heap_row[parent]
        at = parent
    heap_score[at], heap_row[at] = score, row


@njit(cache=True, nogil=True)
def _offer(heap_score, heap_row, size, keep, score, row):
    """Puts (score, row) into the min-heap of the `keep` best; returns its new size."""
    if size < keep:
        heap_score[size], heap_row[size] = score, row
        _rise(heap_score, heap_row, size)
        return size + 1
    if size > 0 and score > heap_score[0]:
        heap_score[0], heap_row[0] = score, row
        _sift(heap_score, heap_row, size)
    return size


@njit(cache=True, nogil=True, fastmath=True)
def gather(history, start, stop, indptr, cols, vals, acc):
    """acc (n,) float32 += interest-weighted item-item rows of history entries start:stop. O(history * neighbours).

    No list of what was touched is kept: the branch it needs costs more than a later scan of `acc`.
    """
    n_model = len(indptr) - 1
    for i in range(start, stop):
        row = history.row[i]
        weight = history.interest[i]
        if row < n_model and weight > 0:
            for p in range(indptr[row], indptr[row + 1]):
                acc[cols[p]] += weight * vals[p]


@njit(cache=True, nogil=True)
def candidates(
    history, now_s, request, quotas, indptr, cols, vals, users, vectors, popularity, found, trending, fresh, available
):
    """The candidates of b requests: rows (m,) int32, signals (m, len(SIGNALS)) float32, ptr (b + 1,) int64.

    users: (b, d) float32 folded-in vectors; vectors: (n, d) float32 of all catalogue rows; popularity: (n,)
    float32 by which own purchases are ordered; found: (b, q) int64 rows from the index, -1 = none; trending, fresh:
    (t,) int32 rows, best first; available: (n,) bool. No row stands twice in a request, none is blocked, in the
    cart (unless given) or unavailable (given or not).
    """
    b, n = len(history.ptr) - 1, len(available)
    room = 0
    for r in range(b):
        room += request.given_ptr[r + 1] - request.given_ptr[r] if request.is_given[r] else quotas.total
    rows = np.empty(room, np.int32)
    signals = np.zeros((room, len(SIGNALS)), np.float32)
    out_ptr = np.zeros(b + 1, np.int64)
    acc = np.empty(n, np.float32)
    taken = np.zeros(n, np.int32)  # r + 1 = in or blocked for request r
    entry = np.full(n, -1, np.int32)  # position in the history
    heap_score = np.empty(max(quotas.item_item, quotas.repeat, 1), np.float32)
    heap_row = np.empty(max(quotas.item_item, quotas.repeat, 1), np.int32)
    fill = 0
    for r in range(b):
        mark = np.int32(r + 1)
        first, last = history.ptr[r], history.ptr[r + 1]
        acc[:] = 0
        gather(history, first, last, indptr, cols, vals, acc)
        for i in range(request.blocked_ptr[r], request.blocked_ptr[r + 1]):
            taken[request.blocked[i]] = mark
        for i in range(first, last):
            entry[history.row[i]] = i
            if history.kind[i] == CONTEXT or (history.kind[i] == CARTED and not request.is_given[r]):
                taken[history.row[i]] = mark
        start = fill
        if request.is_given[r]:
            for i in range(request.given_ptr[r], request.given_ptr[r + 1]):
                row = request.given[i]
                if available[row] and taken[row] != mark:
                    fill = _take(rows, signals, fill, row, GIVEN, taken, mark)
        else:
            stop = start + quotas.total
            size = 0
            for i in range(first, last):
                row = history.row[i]
                if history.buys[i] > 0 and available[row] and taken[row] != mark:
                    score = (history.buys[i] + history.buy_decay[i]) * popularity[row]
                    size = _offer(heap_score, heap_row, size, quotas.repeat, score, row)
            for i in range(size):
                fill = _take(rows, signals, fill, heap_row[i], REPEAT, taken, mark)
            size = 0
            least = np.float32(0.0)
            for row in range(n if quotas.item_item > 0 and last > first else 0):
                if acc[row] > least and available[row] and taken[row] != mark:
                    size = _offer(heap_score, heap_row, size, quotas.item_item, acc[row], row)
                    least = heap_score[0] if size == quotas.item_item else np.float32(0.0)
            for i in range(size):
                fill = _take(rows, signals, fill, heap_row[i], ITEM_ITEM, taken, mark)
            brought = 0
            for i in range(found.shape[1]):
                row = found[r, i]
                if brought == quotas.factors or fill == stop:
                    break
                if row >= 0 and available[row] and taken[row] != mark:
                    fill = _take(rows, signals, fill, row, FACTORS, taken, mark)
                    brought += 1
            brought = 0
            for i in range(len(fresh)):
                if brought == quotas.fresh or fill == stop:
                    break
                if available[fresh[i]] and taken[fresh[i]] != mark:
                    fill = _take(rows, signals, fill, fresh[i], FRESH, taken, mark)
                    brought += 1
            for i in range(len(trending)):
                if fill == stop:
                    break
                if available[trending[i]] and taken[trending[i]] != mark:
                    fill = _take(rows, signals, fill, trending[i], TRENDING, taken, mark)
        _signals(rows, signals, start, fill, history, entry, acc, users[r], vectors, now_s)
        for i in range(first, last):
            entry[history.row[i]] = -1
        out_ptr[r + 1] = fill
    return rows[:fill], signals[:fill], out_ptr


@njit(cache=True, nogil=True)
def _take(rows, signals, fill, row, source, taken, mark):
    """Appends one candidate."""
    rows[fill] = row
    signals[fill, S_SOURCE] = source
    taken[row] = mark
    return fill + 1


@njit(cache=True, nogil=True, fastmath=True)
def _signals(rows, signals, start, stop, history, entry, acc, user, vectors, now_s):
    """Fills the signals of candidates start:stop; every source's score is known for every candidate."""
    d = len(user)
    for i in range(start, stop):
        row = rows[i]
        line = signals[i]
        line[S_ITEM_ITEM] = acc[row]
        total = np.float32(0.0)
        vector = vectors[row]
        for k in range(d):
            total += user[k] * vector[k]
        line[S_FACTORS] = total
        line[S_DAYS] = -1.0
        at = entry[row]
        if at >= 0:
            line[S_BUY_DECAY] = history.buy_decay[at]
            line[S_BUYS] = history.buys[at]
            line[S_SEEN] = history.seen[at]
            if history.last_buy_s[at] > 0:
                line[S_DAYS] = max(now_s - history.last_buy_s[at], 0.0) / DAY_S
