"""Why each item is shown, from the contributions of the sources themselves."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.candidates import (
    FACTORS,
    FRESH,
    GIVEN,
    ITEM_ITEM,
    REPEAT,
    S_BUYS,
    S_FACTORS,
    S_SEEN,
    S_SOURCE,
    TRENDING,
)
from serving.kernels.history import BOUGHT, CONTEXT

NONE, BOUGHT_THIS, VIEWED_THIS, TOGETHER, AGAIN, TASTE, POPULAR, NEW = range(8)
"""Codes as in decisions/recommend/contract.py's ReasonCode (a test compares them)."""

TASTE_MIN = 0.05
"""Factor score (1 = surely wanted) from which an item is said to fit the visitor's taste."""


@njit(cache=True, nogil=True)
def reasons(rows, picks, pick_ptr, signals, history, indptr, cols, vals, wanted):
    """For every pick: code (p,) uint8, related (p,) int32 row or -1, weight (p,) float32 in 0..1, source (p,) uint8.

    The item named is the history entry that contributed most to the item-item score, and the weight is its share of
    that score. wanted: (b,) bool, False leaves the reasons of a request out. O(history * neighbours) a request.
    """
    p = len(picks)
    code, related = np.zeros(p, np.uint8), np.full(p, -1, np.int32)
    weight, source = np.zeros(p, np.float32), np.zeros(p, np.uint8)
    n_model = len(indptr) - 1
    pick_of = np.full(n_model, -1, np.int32)
    best, total = np.zeros(p, np.float32), np.zeros(p, np.float32)
    named = np.full(p, -1, np.int64)
    for r in range(len(pick_ptr) - 1):
        if wanted[r]:
            for i in range(pick_ptr[r], pick_ptr[r + 1]):
                if rows[picks[i]] < n_model:
                    pick_of[rows[picks[i]]] = i
            for h in range(history.ptr[r], history.ptr[r + 1]):
                row = history.row[h]
                if row >= n_model or history.interest[h] <= 0:
                    continue
                for at in range(indptr[row], indptr[row + 1]):
                    i = pick_of[cols[at]]
                    if i >= 0:
                        part = history.interest[h] * vals[at]
                        total[i] += part
                        if part > best[i]:
                            best[i], named[i] = part, h
        for i in range(pick_ptr[r], pick_ptr[r + 1]):
            line = signals[picks[i]]
            row = rows[picks[i]]
            source[i] = np.uint8(line[S_SOURCE])
            if not wanted[r]:
                continue
            if row < n_model:
                pick_of[row] = -1
            if line[S_BUYS] > 0:
                code[i], weight[i] = AGAIN, 1.0
                continue
            if line[S_SEEN] > 0:
                code[i], weight[i] = VIEWED_THIS, 1.0
                continue
            if named[i] >= 0:
                kind = history.kind[named[i]]
                code[i] = TOGETHER if kind == CONTEXT else BOUGHT_THIS if kind == BOUGHT else VIEWED_THIS
                related[i], weight[i] = history.row[named[i]], best[i] / total[i]
                continue
            if source[i] == FRESH:
                code[i], weight[i] = NEW, 1.0
            elif line[S_FACTORS] >= TASTE_MIN:
                code[i], weight[i] = TASTE, min(line[S_FACTORS], np.float32(1.0))
            else:
                code[i], weight[i] = POPULAR, 1.0
    return code, related, weight, source


SOURCES = (ITEM_ITEM, FACTORS, REPEAT, TRENDING, FRESH, GIVEN)
