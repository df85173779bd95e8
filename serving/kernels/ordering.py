"""The order by relevance as one integer a candidate, so that the best few are found without sorting the rest."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.signals import FRESH, PINNED, S_SOURCE

INSERT_MAX = 64
"""Up to so many keys are kept by insertion; for more, sorting everything is cheaper."""

_LOW, _SIGN = np.uint64(0xFFFFFFFF), np.uint64(0x80000000)


@njit(cache=True, nogil=True)
def sort_keys(rows, scores, signals, start, slot, mark, marked, keys):
    """Writes a key for each of the candidates from `start` on: keys (m,) uint64. Returns the best new arrival's, or 0.

    A larger key is a higher score; of equal scores the earlier candidate's is larger, so no two are equal. 0 is a
    candidate that may not be ranked: it stands there as a pin only, or (where `marked`) its row is marked in `slot`.
    A score that is no number ranks last.
    """
    newest = np.uint64(0)
    for i in range(len(keys)):
        source = signals[start + i, S_SOURCE]
        if source == PINNED or (marked and slot[rows[start + i]] == mark):
            keys[i] = 0
            continue
        score = np.float32(scores[start + i]) + np.float32(0.0)  # makes -0 and 0 equal
        high = np.uint64(np.float32(score).view(np.uint32))
        high ^= _LOW if high & _SIGN else _SIGN  # IEEE 754: now ordered as the numbers are
        if np.isnan(score):
            high = np.uint64(0)
        keys[i] = (high << np.uint64(32)) | (_LOW - np.uint64(i))
        if source == FRESH and keys[i] > newest:
            newest = keys[i]
    return newest


@njit(cache=True, nogil=True)
def position(key):
    """The candidate a key belongs to, counted from its request's first."""
    return np.int64(_LOW - (key & _LOW))


@njit(cache=True, nogil=True)
def best_first(keys, out):
    """Writes the largest keys above 0 to out (k,) uint64, best first; returns how many, at most k.

    By insertion O(m + k^2 log(m / k)) where the order is random, O(m * k) at worst.
    """
    keep, count = len(out), 0
    if keep > INSERT_MAX:
        ordered = np.sort(keys)
        for i in range(min(keep, len(keys))):
            out[i] = ordered[len(keys) - 1 - i]
            count += out[i] > 0
        return count
    for i in range(len(keys) if keep > 0 else 0):
        key = keys[i]
        if key <= (out[keep - 1] if count == keep else np.uint64(0)):
            continue
        count = min(count + 1, keep)
        at = count - 1
        while at > 0 and out[at - 1] < key:
            out[at] = out[at - 1]
            at -= 1
        out[at] = key
    return count
