"""Why each item is shown, from the contributions of the sources themselves."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.candidates import LINEAR_CODES
from serving.kernels.history import BOUGHT, CONTEXT
from serving.kernels.scratch import LINEAR
from serving.kernels.signals import (
    CONTENT,
    COVIEW,
    FRESH,
    ITEM_ITEM,
    PINNED,
    S_BUYS,
    S_FACTORS,
    S_SEEN,
    S_SOURCE,
    SESSION,
    TOGETHER,
    TRANSITIONS,
)

(
    NONE, BOUGHT_THIS, VIEWED_THIS, BOUGHT_TOGETHER, AGAIN, TASTE, POPULAR, NEW, SIMILAR, NEXT, LIKE_SESSION, SALE, SHOP
) = range(13)  # fmt: skip
"""Codes as in decisions/recommend/contract.py's ReasonCode (a test compares them)."""

TASTE_MIN = 0.05
"""Factor score (1 = surely wanted) from which an item is said to fit the visitor's taste."""
_CODES = np.array(LINEAR_CODES, np.int32)
_ITEM_ITEM = LINEAR_CODES.index(ITEM_ITEM)


@njit(cache=True, nogil=True)
def reasons(rows, picks, pick_ptr, signals, history, weights, matrices, wanted):
    """For every pick: code (p,) uint8, related (p,) int32 row or -1, weight (p,) float32 in 0..1, source (p,) uint8.

    The item named is the history entry that contributed most to the sum of the source that brought the pick (of the
    item-item sum for the others), and the weight is its share of that sum. weights (LINEAR, h) and matrices as in
    candidates.py; wanted: (b,) bool, False leaves the reasons of a request out. O(picks * history * neighbours / 16).
    """
    p = len(picks)
    code, related = np.zeros(p, np.uint8), np.full(p, -1, np.int32)
    weight, source = np.zeros(p, np.float32), np.zeros(p, np.uint8)
    for r in range(len(pick_ptr) - 1):
        for i in range(pick_ptr[r], pick_ptr[r + 1]):
            line = signals[picks[i]]
            source[i] = np.uint8(line[S_SOURCE])
            if not wanted[r]:
                continue
            code[i] = _own(line, source[i])
            if code[i] != NONE:
                weight[i] = 1.0
                continue
            s = _sum_of(source[i])
            named, share = _contributor(s, rows[picks[i]], history, r, weights, matrices[s])
            if named >= 0:
                code[i], weight[i], related[i] = _naming(source[i], history.kind[named]), share, history.row[named]
            else:
                code[i], weight[i] = _general(line, source[i])
    return code, related, weight, source


@njit(cache=True, nogil=True)
def _sum_of(source):
    """Which of the sums explains a pick from this source."""
    for s in range(LINEAR):
        if _CODES[s] == source:
            return s
    return _ITEM_ITEM


@njit(cache=True, nogil=True)
def _contributor(s, col, history, r, weights, matrix):
    """The history entry that says most for item `col` in sum `s`, -1 = none says anything; and its share of the sum."""
    n_model = len(matrix.indptr) - 1
    named, best, total = np.int64(-1), np.float32(0.0), np.float32(0.0)
    for h in range(history.ptr[r], history.ptr[r + 1]):
        row = history.row[h]
        if row >= n_model or weights[s, h] <= 0:
            continue
        begin, end = matrix.indptr[row], matrix.indptr[row + 1]
        at = _place(matrix.cols, begin, end, col)
        if at >= begin:
            part = weights[s, h] * matrix.vals[at]
            total += part
            if part > best:
                best, named = part, h
    return named, (best / total if named >= 0 else np.float32(0.0))


@njit(cache=True, nogil=True)
def _place(cols, begin, end, col):
    """Where `col` stands in cols[begin:end], none twice; begin - 1 = nowhere.

    Every entry is looked at, eight at a time: halving a sorted row would mispredict a branch a step.
    """
    at, start = np.int64(0), np.uint64(begin)  # unsigned: an index that may be negative is looked at twice
    for k in range(np.uint64(end) - start):
        at |= np.int64(k + np.uint64(1)) if cols[start + k] == col else np.int64(0)
    return begin + at - 1


@njit(cache=True, nogil=True)
def _own(line, source):
    """The reasons that go before every other: the shop's word, and what the visitor did with the item; or NONE."""
    if source == PINNED:
        return SHOP
    if line[S_BUYS] > 0:
        return AGAIN
    if line[S_SEEN] > 0:
        return VIEWED_THIS
    return NONE


@njit(cache=True, nogil=True)
def _naming(source, kind):
    """The reason that names the item which contributed most."""
    if source == TOGETHER:
        return BOUGHT_TOGETHER
    if source in (COVIEW, CONTENT):
        return SIMILAR
    if source == TRANSITIONS:
        return NEXT
    return BOUGHT_TOGETHER if kind == CONTEXT else BOUGHT_THIS if kind == BOUGHT else VIEWED_THIS


@njit(cache=True, nogil=True)
def _general(line, source):
    """The reason, and its weight, where no item is to be named."""
    if source == FRESH:
        return NEW, np.float32(1.0)
    if source == CONTENT:
        return SIMILAR, np.float32(1.0)
    if source == SESSION:
        return LIKE_SESSION, np.float32(1.0)
    if line[S_FACTORS] >= TASTE_MIN:
        return TASTE, min(line[S_FACTORS], np.float32(1.0))
    return POPULAR, np.float32(1.0)
