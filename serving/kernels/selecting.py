"""Which of many keys are the largest, without sorting them and without a heap."""

from __future__ import annotations

import numpy as np
from numba import njit

TIE_MAX = 0x7FFFFFFF
"""The largest tie of a key."""


@njit(cache=True, nogil=True)
def key(score_bits, tie):
    """An int64 ordered as (score, tie): score_bits is the int32 view of a float32 that is not negative, whose order is
    that of its bits; tie is 0..TIE_MAX, the larger first."""
    return (score_bits << 32) | tie


@njit(cache=True, nogil=True)
def least_of_best(keys, count, keep):
    """The smallest of the `keep` largest of keys[:count], int64 >= 0 and distinct where above 0; 1 where no more than
    `keep` are above 0.

    Halves the range of the keys until just `keep` are at or above its middle: at most 63 counts, in practice about
    log2(count) + 4. Counting has no branch that depends on the data and is done eight keys at a time, where a heap of
    the best mispredicts at every key that comes in.
    """
    low, high = 1, 0  # at least `keep` keys are >= low, fewer are >= high
    for i in range(count):
        high = max(high, keys[i] + 1)
    if _at_least(keys, count, low) <= keep:
        return low
    while high - low > 1:
        middle = low + ((high - low) >> 1)
        found = _at_least(keys, count, middle)
        if found == keep:
            return middle
        if found > keep:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def cut(bits, count, keep):
    """(least, ties): the `keep` largest of bits[:count] are those above `least` and the first `ties` equal to it; all
    that are above 0 where no more than `keep` are.

    bits: int32 views of float32 that are not negative; keep: 1 or more. As `least_of_best`, for scores whose place
    among all says which of equal ones comes first: half the bytes. What is wanted lies mostly within a few powers of
    two below the largest, so the search begins there.
    """
    most = np.int32(0)
    for i in range(count):
        most = max(most, bits[i])
    low, high, step = np.int64(1), np.int64(most) + 1, np.int64(1 << 22)
    while high - step > low:  # invariant: fewer than `keep` are >= high
        found = _at_least(bits, count, np.int32(high - step))
        if found == keep:
            return np.int32(high - step - 1), np.int64(0)
        if found > keep:
            low = high - step
            break
        high, step = high - step, step * 2
    if low == 1 and _at_least(bits, count, np.int32(1)) <= keep:
        return np.int32(0), np.int64(0)
    while high - low > 1:  # invariant: `keep` or more are >= low
        middle = low + ((high - low) >> 1)
        found = _at_least(bits, count, np.int32(middle))
        if found == keep:
            return np.int32(middle - 1), np.int64(0)
        if found > keep:
            low = middle
        else:
            high = middle
    return np.int32(low), keep - _at_least(bits, count, np.int32(high))


@njit(cache=True, nogil=True)
def _at_least(keys, count, least):
    found = 0
    for i in range(count):
        found += keys[i] >= least
    return found
