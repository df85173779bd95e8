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
def reasons(rows, picks, pick_ptr, signals, history, weights, matrices, wanted, slot):
    """For every pick: code (p,) uint8, related (p,) int32 row or -1, weight (p,) float32 in 0..1, source (p,) uint8.

    The item named is the history entry that contributed most to the sum of the source that brought the pick (of the
    item-item sum for the others), and the weight is its share of that sum. weights (LINEAR, h) and matrices as in
    candidates.py; wanted: (b,) bool, False leaves the reasons of a request out; slot: kernels/scratch.py.
    O(history * neighbours) a request.
    """
    p = len(picks)
    code, related = np.zeros(p, np.uint8), np.full(p, -1, np.int32)
    weight, source = np.zeros(p, np.float32), np.zeros(p, np.uint8)
    best, total = np.zeros(p, np.float32), np.zeros(p, np.float32)
    named, which = np.full(p, -1, np.int64), np.full(p, _ITEM_ITEM, np.int64)
    for r in range(len(pick_ptr) - 1):
        for i in range(pick_ptr[r], pick_ptr[r + 1]):
            source[i] = np.uint8(signals[picks[i], S_SOURCE])
            for s in range(LINEAR):
                if _CODES[s] == source[i]:
                    which[i] = s
        if wanted[r]:
            for i in range(pick_ptr[r], pick_ptr[r + 1]):
                slot[rows[picks[i]]] = i
            for s in range(LINEAR):
                used = False
                for i in range(pick_ptr[r], pick_ptr[r + 1]):
                    used = used or which[i] == s
                if used:
                    _contributions(s, history, r, weights[s], matrices[s], slot, which, best, total, named)
            for i in range(pick_ptr[r], pick_ptr[r + 1]):
                slot[rows[picks[i]]] = -1
                code[i], weight[i] = _told(signals[picks[i]], source[i], named[i] >= 0)
                if named[i] >= 0 and code[i] == NONE:
                    kind = history.kind[named[i]]
                    if source[i] == TOGETHER:
                        code[i] = BOUGHT_TOGETHER
                    elif source[i] == COVIEW or source[i] == CONTENT:
                        code[i] = SIMILAR
                    elif source[i] == TRANSITIONS:
                        code[i] = NEXT
                    else:
                        code[i] = BOUGHT_TOGETHER if kind == CONTEXT else BOUGHT_THIS if kind == BOUGHT else VIEWED_THIS
                    related[i], weight[i] = history.row[named[i]], best[i] / total[i]
    return code, related, weight, source


@njit(cache=True, nogil=True)
def _contributions(s, history, r, weights, matrix, slot, which, best, total, named):
    """Adds up, for each pick that source `s` explains, what each history entry says for it."""
    n_model = len(matrix.indptr) - 1
    for h in range(history.ptr[r], history.ptr[r + 1]):
        row = history.row[h]
        if row >= n_model or weights[h] <= 0:
            continue
        for at in range(matrix.indptr[row], matrix.indptr[row + 1]):
            i = slot[matrix.cols[at]]
            if i >= 0 and which[i] == s:
                part = weights[h] * matrix.vals[at]
                total[i] += part
                if part > best[i]:
                    best[i], named[i] = part, h


@njit(cache=True, nogil=True)
def _told(line, source, is_named):
    """The reasons that need no other item, and their weight; NONE when the one that contributed most is to be named."""
    if source == PINNED:
        return SHOP, np.float32(1.0)
    if line[S_BUYS] > 0:
        return AGAIN, np.float32(1.0)
    if line[S_SEEN] > 0:
        return VIEWED_THIS, np.float32(1.0)
    if is_named:
        return NONE, np.float32(0.0)
    if source == FRESH:
        return NEW, np.float32(1.0)
    if source == CONTENT:
        return SIMILAR, np.float32(1.0)
    if source == SESSION:
        return LIKE_SESSION, np.float32(1.0)
    if line[S_FACTORS] >= TASTE_MIN:
        return TASTE, min(line[S_FACTORS], np.float32(1.0))
    return POPULAR, np.float32(1.0)
