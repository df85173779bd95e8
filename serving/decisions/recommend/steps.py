"""Kernels that follow each other, compiled as one: what passes between them never becomes Python objects, which at one
request a batch would cost as much as the work itself."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.decisions.recommend.sources.recall import recall
from serving.events.fold import fold
from serving.features import Inputs, compute
from serving.features.context import context
from serving.kernels.candidates import Found, candidates, likeness
from serving.kernels.fold_in import fold_in
from serving.kernels.handed import pack, unpack
from serving.kernels.reasons import reasons
from serving.kernels.rerank import rerank
from serving.kernels.texts import content_taste


@njit(cache=True, nogil=True)
def know(
    records, record_ptr, context_rows, context_ptr, hash_keys, hash_rows, price, now_s, half_life_s,
    short_half_life_s, vectors, gram, alpha, content, slot, asking, popularity, newest, sessions, session_scratch, how,
):  # fmt: skip
    """What is known of b visitors: a block of kernels/handed.py, factor tastes (b, d) and content tastes (b, c).

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
    return pack(history, users, recalled), fold_in(history, vectors, gram, alpha), contents


@njit(cache=True, nogil=True)
def collect(
    block, tastes, contents, now_s, request, by_factors, by_content, quotas, matrices, popular, trending, masks,
    vectors, content, stats, category, brand, n_categories, n_brands, context_ptr, scratch,
):  # fmt: skip
    """The candidates of b requests: rows (m,), signals (m, s), ptr (b + 1,) and features (m, f).

    block: of `know`; by_factors, by_content, quotas: the last fields of Found. Other arguments as in
    kernels/candidates.py, features/context.py and features/inputs.py.
    """
    history, users, recalled = unpack(block)
    found = Found(
        recalled.bought, recalled.viewed, recalled.weights, recalled.session_ptr, recalled.session_rows,
        recalled.session_scores, recalled.fresh, by_factors, by_content, quotas,
    )  # fmt: skip
    rows, signals, ptr = candidates(history, now_s, request, found, matrices, popular, trending, masks, scratch)
    likeness(rows, ptr, signals, tastes, vectors, contents, content)
    peaks, affinity = context(rows, ptr, signals, history, category, brand, n_categories, n_brands)
    on_page = np.empty(len(ptr) - 1, np.bool_)
    for r in range(len(on_page)):
        on_page[r] = context_ptr[r + 1] > context_ptr[r]
    return rows, signals, ptr, compute(Inputs(rows, signals, stats, users, peaks, affinity, on_page), ptr)


@njit(cache=True, nogil=True)
def present(
    rows, scores, ptr, signals, page, units, brand, category, block, matrices, wanted, slot
):  # fmt: skip
    """The pages of b requests: what kernels/rerank.py gives (picks, ptr, propensity), then what kernels/reasons.py
    gives for them (code, related, weight, source), in one tuple."""
    history, _, recalled = unpack(block)
    picks, pick_ptr, propensity = rerank(rows, scores, ptr, signals, page, units, brand, category, slot)
    code, related, weight, source = reasons(
        rows, picks, pick_ptr, signals, history, recalled.weights, matrices, wanted
    )  # fmt: skip
    return picks, pick_ptr, propensity, code, related, weight, source
