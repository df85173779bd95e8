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

from serving.kernels.selecting import TIE_MAX, key, least_of_best

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
    """Workspace of one thread, so that no call pays for the store or the catalogue; all float32.

    overlap (s,), score (n,), own (n,): zero between calls. damping (n,): see session_knn; per_length (s,): 1 / sqrt of
    the items of a session.
    """

    overlap: npt.NDArray[np.float32]
    score: npt.NDArray[np.float32]
    own: npt.NDArray[np.float32]
    damping: npt.NDArray[np.float32]
    per_length: npt.NDArray[np.float32]


def session_scratch(sessions: Sessions, n_items: int) -> SessionScratch:
    """A clean workspace for these sessions over n_items items."""
    stored, kept = len(sessions.session_time_s), np.diff(sessions.item_ptr).astype(np.float32)
    damping = np.zeros(n_items, np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        damping[: len(kept)] = np.where(kept > 0, np.log1p(np.float32(stored) / kept), np.float32(0.0))
        per_length = np.float32(1.0) / np.sqrt(np.diff(sessions.session_ptr).astype(np.float32))
    return SessionScratch(*(np.zeros(size, np.float32) for size in (stored, n_items, n_items)), damping, per_length)


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
    O(QUERY_MAX * sessions kept an item + neighbours * items of a session) a visit, but for choosing the best of them.
    """
    b = len(ptr) - 1
    out_ptr = np.zeros(b + 1, np.int64)
    rows, scores = np.empty(b * out_keep, np.int32), np.empty(b * out_keep, np.float32)
    longest = _longest(ptr)
    query, query_keys = np.empty(longest, np.int32), np.empty(longest, np.int64)
    for r in range(b):
        asked = _heaviest(ptr[r], ptr[r + 1], row, weight, len(sessions.item_ptr) - 1, query_keys, query)
        met = _overlaps(query[:asked], row, weight, sessions, scratch)
        keys = np.empty(len(met), np.int64)
        voted = _votes(_nearest(met, scratch, neighbours, keys), now_s, half_life_s, sessions, scratch)
        fill = out_ptr[r]
        out_ptr[r + 1] = fill + _best(voted, scratch, out_keep, rows[fill:], scores[fill:])
        for k in range(asked):
            scratch.own[row[query[k]]] = 0.0
        for k in range(len(met)):
            scratch.overlap[met[k]] = 0.0
        for k in range(len(voted)):
            scratch.score[voted[k]] = 0.0
    return out_ptr, rows[: out_ptr[b]], scores[: out_ptr[b]]


@njit(cache=True, nogil=True)
def _longest(ptr):
    """Entries of the longest visit."""
    longest = np.int64(0)
    for r in range(len(ptr) - 1):
        longest = max(longest, ptr[r + 1] - ptr[r])
    return longest


@njit(cache=True, nogil=True)
def _heaviest(start, stop, row, weight, n, keys, positions):
    """Positions of the QUERY_MAX heaviest known entries, the first of equal ones; returns how many."""
    bits = weight.view(np.int32)
    count = 0
    for i in range(start, stop):
        if weight[i] > 0 and row[i] < n:
            keys[count], positions[count] = key(np.int64(bits[i]), TIE_MAX - (i - start)), i
            count += 1
    return _keep(keys, positions, count, QUERY_MAX)


@njit(cache=True, nogil=True)
def _keep(keys, values, count, most):
    """Moves the values of the `most` largest keys to the front, in their order; returns how many there are."""
    least = least_of_best(keys, count, most)
    kept = 0
    for i in range(count):
        values[kept] = values[i]
        kept += keys[i] >= least
    return kept


@njit(cache=True, nogil=True)
def _overlaps(query, row, weight, sessions, scratch):
    """Adds up what is shared in `overlap`, and writes what each item adds to `own`; returns the sessions met."""
    room = np.int64(0)
    for i in query:
        room += sessions.item_ptr[row[i] + 1] - sessions.item_ptr[row[i]]
    met = np.empty(room, np.int32)
    count = 0
    for i in query:
        own = weight[i] * scratch.damping[row[i]]
        scratch.own[row[i]] = own
        for p in range(sessions.item_ptr[row[i]], sessions.item_ptr[row[i] + 1] if own > 0 else 0):
            session = sessions.item_sessions[p]
            if scratch.overlap[session] == 0:
                met[count] = session
                count += 1
            scratch.overlap[session] += own
    return met[:count]


@njit(cache=True, nogil=True)
def _nearest(met, scratch, neighbours, keys):
    """The most similar of the sessions met, whose `overlap` is turned into the similarity; keys: as long as met."""
    bits = scratch.overlap.view(np.int32)
    for i in range(len(met)):
        session = met[i]
        scratch.overlap[session] *= scratch.per_length[session]
        keys[i] = key(np.int64(bits[session]), np.int64(session))
    near = met.copy()
    return near[: _keep(keys, near, len(near), neighbours)]


@njit(cache=True, nogil=True)
def _votes(near, now_s, half_life_s, sessions, scratch):
    """Adds up the neighbours' votes in `score`; returns the items that got any."""
    begin, end = np.empty(len(near), np.int64), np.empty(len(near), np.int64)
    decay = np.empty(len(near), np.float32)
    room = np.int64(0)
    # The sessions lie far apart in memory. No branch here waits for one, so that many are fetched at a time; the loop
    # below, whose branches depend on them, then finds them in the cache.
    for n in range(len(near)):
        session = np.uint32(near[n])
        begin[n], end[n] = sessions.session_ptr[session], sessions.session_ptr[session + np.uint32(1)]
        age_s = max(now_s - sessions.session_time_s[session], 0.0)
        decay[n] = np.exp2(np.float32(-age_s / half_life_s))
        room += end[n] - begin[n]
    voted = np.empty(room, np.int32)
    count = 0
    for n in range(len(near)):
        session = near[n]
        similarity, per_length = scratch.overlap[session], scratch.per_length[session]
        for p in range(np.uint64(begin[n]), np.uint64(end[n])):
            item = sessions.session_items[p]
            own = scratch.own[item]
            if own > 0 and session < sessions.item_sessions[sessions.item_ptr[item + 1] - 1]:
                own = np.float32(0.0)  # too old to be kept for the item: it was met through others alone
            vote = (similarity - own * per_length) * decay[n]
            if vote > 0:
                if scratch.score[item] == 0:
                    voted[count] = item
                    count += 1
                scratch.score[item] += vote
    return voted[:count]


@njit(cache=True, nogil=True)
def _best(voted, scratch, most, rows, scores):
    """Writes the items with the highest damped scores, the lower row of equal ones; returns how many."""
    score, bits = scratch.score, scratch.score.view(np.int32)
    keys, count = np.empty(len(voted), np.int64), 0
    for i in range(len(voted)):
        item = voted[i]
        score[item] *= scratch.damping[item]
        keys[i] = key(np.int64(bits[item]), TIE_MAX - np.int64(item))
    least = least_of_best(keys, len(voted), most)
    for i in range(len(voted)):
        if keys[i] >= least and score[voted[i]] > 0:
            rows[count], scores[count] = voted[i], score[voted[i]]
            count += 1
    return count
