"""How pickers are told to walk where nobody computes the shortest walk: lengths of the usual rules.

Each uses the front and the back cross aisle alone, and goes home to the front. [1] Roodbergen & de Koster 2001, IJPR
39(9), section 3; [2] Petersen 1997, IJOPM 17(11); `combined` is the dynamic programme over aisles of [1] for one block.
A walk that ends elsewhere than it began goes on from the depot to its end along the front.
"""

from __future__ import annotations

import numpy as np
from numba import njit

S_SHAPE, LARGEST_GAP, RETURN, COMBINED = range(4)


@njit(cache=True, nogil=True)
def policy_metres(ground, points, count, policy):
    """Metres of the walk over points[:count], ascending and each once, by one of the rules above."""
    if count == 0:
        return 0.0
    x, begin = ground.column_x, ground.column_x[ground.begin]
    left, right = x[ground.column[points[0]]], x[ground.column[points[count - 1]]]
    across = 2.0 * (max(right, begin) - min(left, begin)) + abs(begin - x[ground.end])
    if policy == S_SHAPE:
        return across + _s_shape(ground, points, count)
    if policy == LARGEST_GAP:
        return across + _largest_gap(ground, points, count)
    if policy == RETURN:
        return across + _return(ground, points, count)
    return across + _combined(ground, points, count)


@njit(cache=True, nogil=True)
def policies_metres(ground, points, start, policy, out):
    """Of many sets, set k is points[start[k]:start[k + 1]], into `out` (n,)."""
    for k in range(len(start) - 1):
        out[k] = policy_metres(ground, points[start[k] : start[k + 1]], start[k + 1] - start[k], policy)


@njit(cache=True, nogil=True)
def _aisle(ground, points, count, k):
    """One after the last pick in the aisle of pick k."""
    upto = k + 1
    while upto < count and ground.column[points[upto]] == ground.column[points[k]]:
        upto += 1
    return upto


@njit(cache=True, nogil=True)
def _s_shape(ground, points, count):
    """Through every aisle with picks, one after the other; where they are odd, back again in the last."""
    front, back = ground.cross_y[0], ground.cross_y[-1]
    total, through, k = 0.0, 0, np.int64(0)
    while k < count:
        k = _aisle(ground, points, count, k)
        through += 1
        if k == count and through % 2 == 1:
            total += 2.0 * (ground.y[points[count - 1]] - front)
        else:
            total += back - front
    return total


@njit(cache=True, nogil=True)
def _return(ground, points, count):
    """Into every aisle from the front, and back."""
    total, k = 0.0, np.int64(0)
    while k < count:
        k = _aisle(ground, points, count, k)
        total += 2.0 * (ground.y[points[k - 1]] - ground.cross_y[0])
    return total


@njit(cache=True, nogil=True)
def _largest_gap(ground, points, count):
    """Through the first and the last aisle; into those between from both ends, up to the largest gap."""
    front, back = ground.cross_y[0], ground.cross_y[-1]
    total, k, aisles = 0.0, np.int64(0), 0
    while k < count:
        start, k = k, _aisle(ground, points, count, k)
        aisles += 1
        if start == 0 and k == count:
            return 2.0 * (ground.y[points[count - 1]] - front)
        if start == 0 or k == count:
            total += back - front
            continue
        gap = max(ground.y[points[start]] - front, back - ground.y[points[k - 1]])
        for pick in range(start + 1, k):
            gap = max(gap, ground.y[points[pick]] - ground.y[points[pick - 1]])
        total += 2.0 * (back - front - gap)
    return total


@njit(cache=True, nogil=True)
def _combined(ground, points, count):
    """Each aisle through or back again, whichever is best for all: the least metres to stand in front, and behind."""
    front, back = ground.cross_y[0], ground.cross_y[-1]
    length, k = back - front, np.int64(0)
    before, behind = 0.0, 1e18
    while k < count:
        start, k = k, _aisle(ground, points, count, k)
        from_front = 2.0 * (ground.y[points[k - 1]] - front)
        from_back = 2.0 * (back - ground.y[points[start]])
        before, behind = min(before + from_front, behind + length), min(behind + from_back, before + length)
    return before
