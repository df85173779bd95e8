"""The shortest walk through a warehouse of parallel aisles that picks at given points and comes back: its length.

[1] Ratliff & Rosenthal 1983, Operations Research 31(3): a dynamic programme over aisles from left to right; linear in
the number of aisles. The tables come from picker_states.py, so that the same programme is exact with a middle cross
aisle too, with unequal aisles, and for a walk that ends elsewhere than it began.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.picker_block import block_metres
from serving.kernels.picker_matrix import matrix_length
from serving.kernels.picker_states import DOUBLE, EMPTY, FROM_BACK, FROM_FRONT, GAP, SINGLE, WAYS

FAR = 1e18


@njit(cache=True, nogil=True, inline="always")
def walk_metres(ground, points, count):
    """Metres of the shortest walk over points[:count], ascending and each once. 0 where there are none.

    With a matrix: of a good walk, which is the shortest where `count` is small (picker_matrix.py).
    """
    metres = 0.0
    if count > 0 and len(ground.metres) > 0:
        metres = matrix_length(ground.metres, points, count)
    elif count > 0 and len(ground.cross_y) == 2 and ground.begin == ground.end:
        metres = block_metres(
            ground.column_x, ground.shelves, ground.cross_y[0], ground.cross_y[1], ground.begin,
            ground.column, ground.y, points, count,
        )  # fmt: skip
    elif count > 0:
        metres = blocks_metres(ground, points, count)
    return metres


@njit(cache=True, nogil=True)
def blocks_metres(ground, points, count):
    """The same by the tables, for any number of cross aisles; 1 or more points, and no matrix."""
    states = len(ground.meet)
    cost, after, ways = np.full(states, FAR), np.empty(states), np.empty(WAYS)
    cost[0] = 0.0
    first = min(ground.column[points[0]], ground.begin, ground.end)
    last = max(ground.column[points[count - 1]], ground.begin, ground.end)
    k = np.int64(0)
    for column in range(first, last + 1):
        cost, after = _met(ground, column, cost, after)
        if ground.shelves[column]:
            for segment in range(len(ground.cross_y) - 1):
                upto = k
                while upto < count and in_segment(ground, points[upto], column, segment):
                    upto += 1
                ways_of(ground, points, k, upto, segment, ways)
                k = upto
                after[:] = FAR
                for row in range(ground.vertical_start[segment], _stop(ground, segment)):
                    price = cost[ground.vertical[row, 2]] + ways[ground.vertical[row, 1]]
                    if price < after[ground.vertical[row, 3]]:
                        after[ground.vertical[row, 3]] = price
                cost, after = after, cost
        if column < last:
            step = ground.column_x[column + 1] - ground.column_x[column]
            after[:] = FAR
            for row in range(len(ground.horizontal)):
                price = cost[ground.horizontal[row, 0]] + step * ground.horizontal[row, 2]
                if price < after[ground.horizontal[row, 1]]:
                    after[ground.horizontal[row, 1]] = price
            cost, after = after, cost
    best = FAR
    for state in range(states):
        if ground.final[state] and cost[state] < best:
            best = cost[state]
    return best


@njit(cache=True, nogil=True, inline="always")
def in_segment(ground, point, column, segment):
    return ground.column[point] == column and ground.segment[point] == segment


@njit(cache=True, nogil=True)
def _stop(ground, segment):
    """Row of `vertical` where the next segment begins."""
    return ground.vertical_start[segment + 1]


@njit(cache=True, nogil=True)
def _met(ground, column, cost, after):
    """The begin of the walk in this column, and its end."""
    for which in range(2):
        here = ground.begin if which == 0 else ground.end
        if column != here or (which == 1 and ground.begin == ground.end):
            continue
        after[:] = FAR
        for state in range(len(cost)):
            to = ground.meet[state]
            if to >= 0 and cost[state] < after[to]:
                after[to] = cost[state]
        cost, after = after, cost
    return cost, after


@njit(cache=True, nogil=True)
def ways_of(ground, points, start, stop, segment, ways):
    """Metres of each way to serve points[start:stop], all in one segment, into `ways` (WAYS,)."""
    low, high = ground.cross_y[segment], ground.cross_y[segment + 1]
    length = high - low
    ways[:] = FAR
    ways[SINGLE] = length
    ways[DOUBLE] = 2.0 * length
    if start == stop:
        ways[EMPTY] = 0.0
        return
    ways[FROM_BACK] = 2.0 * (high - ground.y[points[start]])
    ways[FROM_FRONT] = 2.0 * (ground.y[points[stop - 1]] - low)
    gap = 0.0
    for k in range(start + 1, stop):
        gap = max(gap, ground.y[points[k]] - ground.y[points[k - 1]])
    ways[GAP] = 2.0 * (length - gap)


@njit(cache=True, nogil=True)
def walks_metres(ground, points, start, out):
    """Of many sets, set k is points[start[k]:start[k + 1]], into `out` (n,); their sum."""
    total = 0.0
    for k in range(len(start) - 1):
        out[k] = walk_metres(ground, points[start[k] : start[k + 1]], start[k + 1] - start[k])
        total += out[k]
    return total
