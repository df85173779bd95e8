"""Kernels that follow each other, compiled as one: what passes between them never becomes Python objects, which at one
request a batch would cost as much as the work itself."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.decisions.recommend.sources.recall import recall
from serving.events.fold import fold
from serving.features import Inputs, compute
from serving.features.context import context
from serving.kernels.candidates import candidates, likeness
from serving.kernels.fold_in import fold_in
from serving.kernels.reasons import reasons
from serving.kernels.rerank import rerank
from serving.kernels.texts import content_taste


@njit(cache=True, nogil=True)
def know(
    records, record_ptr, context_rows, context_ptr, hash_keys, hash_rows, price, now_s, half_life_s,
    short_half_life_s, vectors, gram, alpha, content, slot, asking, popularity, newest, sessions, session_scratch, how,
):  # fmt: skip
    """What is known of b visitors: History, statistics (b, u), factor tastes (b, d), content tastes (b, c), Recalled.

    Arguments as in events/fold.py, kernels/fold_in.py, kernels/texts.py and sources/recall.py.
    """
    history, users = fold(
        records, record_ptr, context_rows, context_ptr, hash_keys, hash_rows, price, now_s, half_life_s,
        short_half_life_s, slot,
    )  # fmt: skip
    contents = content_taste(history, content)
    recalled = recall(
        history, contents, asking, now_s, popularity, content, newest, sessions, session_scratch, how
    )  # fmt: skip
    return history, users, fold_in(history, vectors, gram, alpha), contents, recalled


@njit(cache=True, nogil=True)
def collect(
    history, users, tastes, contents, now_s, request, found, matrices, popular, trending, masks, vectors, content,
    stats, category, brand, n_categories, n_brands, context_ptr, scratch,
):  # fmt: skip
    """The candidates of b requests: rows (m,), signals (m, s), ptr (b + 1,) and features (m, f).

    Arguments as in kernels/candidates.py, features/context.py and features/inputs.py.
    """
    rows, signals, ptr = candidates(history, now_s, request, found, matrices, popular, trending, masks, scratch)
    likeness(rows, ptr, signals, tastes, vectors, contents, content)
    peaks, affinity = context(rows, ptr, signals, history, category, brand, n_categories, n_brands)
    on_page = np.empty(len(ptr) - 1, np.bool_)
    for r in range(len(on_page)):
        on_page[r] = context_ptr[r + 1] > context_ptr[r]
    return rows, signals, ptr, compute(Inputs(rows, signals, stats, users, peaks, affinity, on_page), ptr)


@njit(cache=True, nogil=True)
def present(
    rows, scores, ptr, signals, page, units, brand, category, history, weights, matrices, wanted, slot
):  # fmt: skip
    """The pages of b requests: what kernels/rerank.py gives (picks, ptr, propensity), then what kernels/reasons.py
    gives for them (code, related, weight, source), in one tuple."""
    picks, pick_ptr, propensity = rerank(rows, scores, ptr, signals, page, units, brand, category, slot)
    code, related, weight, source = reasons(rows, picks, pick_ptr, signals, history, weights, matrices, wanted)
    return picks, pick_ptr, propensity, code, related, weight, source
