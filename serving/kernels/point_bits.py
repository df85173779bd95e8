"""Sets of points as rows of 64-bit words: a union is an OR, and the points come out in order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

U64 = npt.NDArray[np.uint64]

_FACTOR = np.uint64(0x03F79D71B4CB0A89)
_PLACE = np.zeros(64, np.int64)
for _bit in range(64):
    _PLACE[((0x03F79D71B4CB0A89 << _bit) % 2**64) >> 58] = _bit
_ONE, _TOP = np.uint64(1), np.uint64(58)


@njit(cache=True, nogil=True)
def bits_of(points, start, width):
    """(n, width) uint64: set k is points[start[k]:start[k + 1]]."""
    rows = np.zeros((len(start) - 1, width), np.uint64)
    for k in range(len(start) - 1):
        for at in range(start[k], start[k + 1]):
            rows[k, points[at] >> 6] |= _ONE << np.uint64(points[at] & 63)
    return rows


@njit(cache=True, nogil=True)
def points_of_two(a, b, out):
    """The union of rows a and b (width,) ascending into `out` (64 width,) int64; how many. [1] Leiserson, Prokop,
    Randall 1998: the lowest bit by a de Bruijn sequence."""
    count = 0
    for word in range(len(a)):
        left = a[word] | b[word]
        while left != 0:
            lowest = left & (~left + _ONE)
            out[count] = (word << 6) + _PLACE[(lowest * _FACTOR) >> _TOP]
            count += 1
            left ^= lowest
    return count
