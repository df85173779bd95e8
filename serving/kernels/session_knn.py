"""Session kNN: the stored visits most like the present one vote for their items.

[1] Kersbergen, Sprangers, Schelter 2022, "Serenade: low-latency session-based recommendation in e-commerce at scale",
section 3 (VMIS-kNN): an index of the newest sessions of each item, so that a request costs what its items do and not
what the store holds. [2] Garg, Gupta, Malhotra, Vig, Shroff 2019, "Sequence and time aware neighborhood for
session-based recommendations: STAN", section 3: weights within the session, cosine, decay of old sessions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from serving.kernels.heap import offer

QUERY_MAX = 20
"""Items of the present visit that are looked up: its heaviest."""


class Sessions(NamedTuple):
    """s stored visits, oldest first, over n items; a visit's number is its age's rank.

    item_ptr (n + 1,) int64 and item_sessions (k,) int32: the sessions with an item, newest (highest) first, at most
    so many as the builder keeps; session_ptr (s + 1,) int64 and session_items (e,) int32: the distinct items of a
    session; session_time_s (s,) int64: epoch seconds of its last event.
    """

    item_ptr: npt.NDArray[np.int64]
    item_sessions: npt.NDArray[np.int32]
    session_ptr: npt.NDArray[np.int64]
    session_items: npt.NDArray[np.int32]
    session_time_s: npt.NDArray[np.int64]


class SessionScratch(NamedTuple):
    """Workspace of one thread, zero between calls, so that no call pays for the store or the catalogue.

    overlap (s,) float32; score (n,) float32; own (n,) float32.
    """

    overlap: npt.NDArray[np.float32]
    score: npt.NDArray[np.float32]
    own: npt.NDArray[np.float32]


def session_scratch(sessions: Sessions, n_items: int) -> SessionScratch:
    """A clean workspace for these sessions over n_items items."""
    stored = len(sessions.session_time_s)
    return SessionScratch(*(np.zeros(size, np.float32) for size in (stored, n_items, n_items)))


@njit(cache=True, nogil=True)
def session_knn(ptr, row, weight, now_s, sessions, neighbours, half_life_s, scratch, out_keep):
    """The best items of b visits: out_ptr (b + 1,) int64, rows int32, scores float32 > 0; at most out_keep each,
    in no order.

    ptr (b + 1,) int64, row (h,) int32, weight (h,) float32: the entries ptr[r]:ptr[r + 1] with weight > 0 are visit r,
    no row twice; rows the sessions do not know are left out, and so are all but the QUERY_MAX heaviest. now_s: epoch
    seconds; neighbours, out_keep: at least 1; half_life_s: age at which a session's vote counts half.

    similarity of session n = sum over shared items of weight * damping / sqrt(items of n); the `neighbours` most
    similar vote, the newer of equal ones first. score of item i = damping(i) * sum over them of what the similarity
    is without i itself * 2^(-age / half_life_s): as in EASE, an item says nothing for itself.
    damping(i) = log(1 + sessions / sessions with i), of those that are kept for it.
    O(QUERY_MAX * sessions kept an item + neighbours * items of a session) a visit, with the heaps' logarithms.
    """
    b = len(ptr) - 1
    out_ptr = np.zeros(b + 1, np.int64)
    rows, scores = np.empty(b * out_keep, np.int32), np.empty(b * out_keep, np.float32)
    query, query_key = np.empty(QUERY_MAX, np.int32), np.empty(QUERY_MAX, np.int64)
    near, near_key = np.empty(neighbours, np.int32), np.empty(neighbours, np.int64)
    best, best_key = np.empty(out_keep, np.int32), np.empty(out_keep, np.int64)
    for r in range(b):
        asked = _heaviest(ptr[r], ptr[r + 1], row, weight, len(sessions.item_ptr) - 1, query_key, query)
        met = _overlaps(query[:asked], row, weight, sessions, scratch)
        found = _nearest(met, sessions, scratch.overlap, neighbours, near_key, near)
        voted = _votes(near[:found], now_s, half_life_s, sessions, scratch)
        size = _best(voted, sessions, scratch.score, out_keep, best_key, best)
        fill = out_ptr[r]
        for k in range(size):
            rows[fill + k], scores[fill + k] = best[k], scratch.score[best[k]]
        out_ptr[r + 1] = fill + size
        for k in range(asked):
            scratch.own[row[query[k]]] = 0.0
        for k in range(len(met)):
            scratch.overlap[met[k]] = 0.0
        for k in range(len(voted)):
            scratch.score[voted[k]] = 0.0
    return out_ptr, rows[: out_ptr[b]], scores[: out_ptr[b]]


@njit(cache=True, nogil=True)
def _heaviest(start, stop, row, weight, n, heap_key, heap):
    """Positions of the heaviest known entries into `heap`, the first of equal ones; returns how many."""
    size = 0
    bits = weight.view(np.int32)
    for i in range(start, stop):
        if weight[i] > 0 and row[i] < n:
            key = np.int64(bits[i]) << 32 | np.int64(0x7FFFFFFF - (i - start))
            size = offer(heap_key, heap, size, len(heap), key, i)
    return size


@njit(cache=True, nogil=True)
def _overlaps(query, row, weight, sessions, scratch):
    """Adds up what is shared in `overlap`, and writes what each item adds to `own`; returns the sessions met."""
    room = np.int64(0)
    for i in query:
        room += sessions.item_ptr[row[i] + 1] - sessions.item_ptr[row[i]]
    met = np.empty(room, np.int32)
    count = 0
    for i in query:
        own = weight[i] * _damping(sessions, row[i])
        scratch.own[row[i]] = own
        for p in range(sessions.item_ptr[row[i]], sessions.item_ptr[row[i] + 1] if own > 0 else 0):
            session = sessions.item_sessions[p]
            if scratch.overlap[session] == 0:
                met[count] = session
                count += 1
            scratch.overlap[session] += own
    return met[:count]


@njit(cache=True, nogil=True)
def _nearest(met, sessions, overlap, neighbours, heap_key, heap):
    """The most similar of the sessions met into `heap`, their `overlap` turned into the similarity; returns how many.

    Most lengths are never looked up: they are a miss of the cache each, and a session of one item has no other to
    vote for, so that no similarity that counts is above overlap / sqrt(2).
    """
    size = 0
    bits = overlap.view(np.int32)
    shortest, least = np.float32(1.0 / np.sqrt(2.0)), np.float32(0.0)
    for session in met:
        if overlap[session] * shortest < least:
            continue
        overlap[session] *= _per_length(sessions, session)
        # positive floats are ordered as their bits are, so (similarity, recency) is one integer
        size = offer(heap_key, heap, size, neighbours, np.int64(bits[session]) << 32 | np.int64(session), session)
        if size == neighbours:
            least = overlap[heap[0]]
    return size


@njit(cache=True, nogil=True)
def _votes(near, now_s, half_life_s, sessions, scratch):
    """Adds up the neighbours' votes in `score`; returns the items that got any."""
    room = np.int64(0)
    for session in near:
        room += sessions.session_ptr[session + 1] - sessions.session_ptr[session]
    voted = np.empty(room, np.int32)
    count = 0
    for session in near:
        age_s = max(now_s - sessions.session_time_s[session], 0.0)
        decay = np.float32(2.0 ** (-age_s / half_life_s))
        similarity, per_length = scratch.overlap[session], _per_length(sessions, session)
        for p in range(sessions.session_ptr[session], sessions.session_ptr[session + 1]):
            item = sessions.session_items[p]
            own = scratch.own[item]
            if own > 0 and session < sessions.item_sessions[sessions.item_ptr[item + 1] - 1]:
                own = np.float32(0.0)  # too old to be kept for the item: it was met through others alone
            vote = (similarity - own * per_length) * decay
            if vote > 0:
                if scratch.score[item] == 0:
                    voted[count] = item
                    count += 1
                scratch.score[item] += vote
    return voted[:count]


@njit(cache=True, nogil=True)
def _best(voted, sessions, score, keep, heap_key, heap):
    """The items with the highest damped scores into `heap`, the lower row of equal ones; returns how many.

    The damping is looked up for items only that could still come in with the largest there is.
    """
    size = 0
    bits = score.view(np.int32)
    largest, least = np.float32(np.log1p(float(len(sessions.session_time_s)))), np.float32(0.0)
    for item in voted:
        if score[item] * largest < least:
            continue
        score[item] *= _damping(sessions, item)
        size = offer(heap_key, heap, size, keep, np.int64(bits[item]) << 32 | np.int64(0x7FFFFFFF - item), item)
        if size == keep:
            least = score[heap[0]]
    return size


@njit(cache=True, nogil=True)
def _damping(sessions, item):
    """log(1 + sessions / sessions kept for the item), 0 for an item without any."""
    kept = sessions.item_ptr[item + 1] - sessions.item_ptr[item]
    return np.float32(np.log1p(len(sessions.session_time_s) / kept)) if kept > 0 else np.float32(0.0)


@njit(cache=True, nogil=True)
def _per_length(sessions, session):
    """1 / sqrt(items of the session)."""
    return np.float32(1.0 / np.sqrt(sessions.session_ptr[session + 1] - sessions.session_ptr[session]))
