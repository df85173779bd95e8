"""A matrix of travel as it came: rounded and looked through in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

TILE = 64
"""Rows and columns of a part that stays in the nearest cache while it is compared with its mirror."""


@njit(cache=True, nogil=True, error_model="numpy")
def rounded(values, most, out):
    """Writes values (m,) float64 into out (m,) int32, rounded, `most` where they are infinite.

    Returns (whether each is 0 or more and below `most`, or infinite; the largest number written). What is written is
    of no use where one is not.
    """
    fine, largest, bound = True, np.int32(0), float(most)
    for at in range(len(values)):
        value = values[at]
        fine &= (value >= 0.0) & ((value < bound) | (value == np.inf))
        number = np.int32(np.rint(min(value, bound)))
        out[at] = number
        largest = max(largest, number)
    return fine, largest


@njit(cache=True, nogil=True)
def mirrored(values, count):
    """Whether the matrix values (count * count,) is the same the other way."""
    for top in range(0, count, TILE):
        for left in range(top, count, TILE):
            same = True
            for i in range(top, min(top + TILE, count)):
                for j in range(left, min(left + TILE, count)):
                    same &= values[i * count + j] == values[j * count + i]
            if not same:
                return False
    return True
