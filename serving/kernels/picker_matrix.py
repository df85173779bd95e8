"""A short walk over points with given walking distances, for warehouses of any shape.

Cheapest insertion, then 2-opt and or-opt moves until none is left that shortens it. [1] Croes 1958, Operations Research
6(6); [2] Or 1976, thesis, Northwestern University. Few points by dynamic programming: [3] Held & Karp 1962, SIAM 10(1).
"""

from __future__ import annotations

import numpy as np
from numba import njit

EXACT_QUICK = 5
"""Points for which the dynamic programme is quicker than the moves."""
EXACT = 11
"""Points for which an answer's walk is the shortest for certain."""
GAIN = 1e-9
"""Metres; less is rounding."""


@njit(cache=True, nogil=True)
def matrix_length(metres, points, count):
    """Metres of the walk that `matrix_walk` finds."""
    order = np.empty(count, np.int64)
    return matrix_walk(metres, points, count, np.int64(EXACT_QUICK), order)


@njit(cache=True, nogil=True)
def matrix_walk(metres, points, count, exact, order):
    """points[:count] in the order of the walk into `order`; its metres, the least for up to `exact` points.

    metres (p + 2, p + 2): begin and end last.
    """
    if count <= exact:
        return _shortest(metres, points, count, order)
    begin, end = len(metres) - 2, len(metres) - 1
    tour = np.empty(count + 2, np.int64)
    tour[0], tour[1] = begin, end
    for k in range(count):
        point, best, where = points[k], np.inf, 0
        for at in range(k + 1):
            extra = metres[tour[at], point] + metres[point, tour[at + 1]] - metres[tour[at], tour[at + 1]]
            if extra < best:
                best, where = extra, at
        for at in range(k + 1, where, -1):
            tour[at + 1] = tour[at]
        tour[where + 1] = point
    while _turn_back(metres, tour) or _shift(metres, tour):
        pass
    total = 0.0
    for at in range(count + 1):
        total += metres[tour[at], tour[at + 1]]
    order[:count] = tour[1 : count + 1]
    return total


@njit(cache=True, nogil=True)
def _turn_back(metres, tour):
    """2-opt: walks a part in the other direction. Whether anything was gained."""
    n, better = len(tour), False
    for i in range(n - 3):
        for j in range(i + 2, n - 1):
            a, b, c, d = tour[i], tour[i + 1], tour[j], tour[j + 1]
            if metres[a, c] + metres[b, d] < metres[a, b] + metres[c, d] - GAIN:
                tour[i + 1 : j + 1] = tour[i + 1 : j + 1][::-1].copy()
                better = True
    return better


@njit(cache=True, nogil=True)
def _shift(metres, tour):
    """or-opt: moves up to three stops in a row to elsewhere, turned or not. Whether anything was gained."""
    n = len(tour)
    for size in range(1, 4):
        for i in range(1, n - size):
            a, first, last, b = tour[i - 1], tour[i], tour[i + size - 1], tour[i + size]
            freed = metres[a, first] + metres[last, b] - metres[a, b]
            if freed <= GAIN:
                continue
            for j in range(n - 1):
                if i - 1 <= j < i + size:
                    continue
                c, d = tour[j], tour[j + 1]
                straight = metres[c, first] + metres[last, d]
                turned = metres[c, last] + metres[first, d]
                if min(straight, turned) - metres[c, d] < freed - GAIN:
                    _move(tour, i, size, j, turned < straight)
                    return True
    return False


@njit(cache=True, nogil=True)
def _move(tour, i, size, j, turned):
    """Stops i .. i + size - 1 to behind stop j."""
    part = tour[i : i + size].copy()
    if turned:
        part = part[::-1].copy()
    if j > i:
        for k in range(i, j - size + 1):
            tour[k] = tour[k + size]
        tour[j - size + 1 : j + 1] = part
    else:
        for k in range(i + size - 1, j + size, -1):
            tour[k] = tour[k - size]
        tour[j + 1 : j + 1 + size] = part


@njit(cache=True, nogil=True)
def _shortest(metres, points, count, order):
    begin, end = len(metres) - 2, len(metres) - 1
    if count == 0:
        return metres[begin, end]
    full = 1 << count
    best = np.full((full, count), np.inf)
    came = np.zeros((full, count), np.int64)
    for k in range(count):
        best[1 << k, k] = metres[begin, points[k]]
    for have in range(1, full):
        for k in range(count):
            if best[have, k] == np.inf:
                continue
            for to in range(count):
                if not have >> to & 1:
                    price = best[have, k] + metres[points[k], points[to]]
                    if price < best[have | 1 << to, to]:
                        best[have | 1 << to, to] = price
                        came[have | 1 << to, to] = k
    last, total = 0, np.inf
    for k in range(count):
        price = best[full - 1, k] + metres[points[k], end]
        if price < total:
            last, total = k, price
    have = full - 1
    for at in range(count - 1, -1, -1):
        order[at] = points[last]
        before = came[have, last]
        have ^= 1 << last
        last = before
    return total
