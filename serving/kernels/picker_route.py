"""The stops of the shortest walk in their order: the dynamic programme of picker_walk.py with its choices kept.

The choices are edges of a connected graph in which every meeting has an even degree (but the two ends of a walk that
ends elsewhere), so a walk goes through each edge once: [1] Hierholzer 1873, Mathematische Annalen 6.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.picker_matrix import EXACT, matrix_walk
from serving.kernels.picker_states import DOUBLE, EMPTY, FROM_BACK, GAP, SINGLE, WAYS
from serving.kernels.picker_walk import FAR, in_segment, ways_of

MEETING, SERVED, WALKED = range(3)
"""Kinds of step."""


@njit(cache=True, nogil=True)
def walk_route(ground, points, count, nodes):
    """The walk over points[:count] into `nodes`: a point as its number, a crossing as -1 - (column * c + cross aisle).

    Returns how many nodes there are. nodes: (room_of(ground, count),) int64. With a matrix there are points alone.
    """
    if count == 0:
        return 0
    if len(ground.metres) > 0:
        matrix_walk(ground.metres, points, count, np.int64(EXACT), nodes)
        return count
    steps = _steps(ground, points, count)
    edge_a, edge_b, edges = _edges(ground, points, count, steps)
    return _through(ground, count, points, edge_a[:edges], edge_b[:edges], nodes)


@njit(cache=True, nogil=True)
def room_of(ground, count):
    """Most nodes that a walk over `count` points can have."""
    cross = len(ground.cross_y)
    return 2 * (count + 2 * cross * len(ground.column_x)) + 8


@njit(cache=True, nogil=True)
def _steps(ground, points, count):
    """Rows (kind, column, segment, way or row of `horizontal`, first pick, one after the last) of the best walk."""
    states, cross = len(ground.meet), len(ground.cross_y)
    first = min(ground.column[points[0]], ground.begin, ground.end)
    last = max(ground.column[points[count - 1]], ground.begin, ground.end)
    most = (last - first + 1) * (cross + 1) + 2
    step = np.zeros((most, 5), np.int64)
    cost = np.full((most + 1, states), FAR)
    came, how = np.zeros((most + 1, states), np.int64), np.zeros((most + 1, states), np.int64)
    cost[0, 0] = 0.0
    ways = np.empty(WAYS)
    n, k = 0, np.int64(0)
    for column in range(first, last + 1):
        for which in range(2):
            here = ground.begin if which == 0 else ground.end
            if column != here or (which == 1 and ground.begin == ground.end):
                continue
            for state in range(states):
                to = ground.meet[state]
                if to >= 0 and cost[n, state] < cost[n + 1, to]:
                    cost[n + 1, to], came[n + 1, to] = cost[n, state], state
            step[n, 0] = MEETING
            n += 1
        if ground.shelves[column]:
            for segment in range(cross - 1):
                upto = k
                while upto < count and in_segment(ground, points[upto], column, segment):
                    upto += 1
                ways_of(ground, points, k, upto, segment, ways)
                for row in range(ground.vertical_start[segment], ground.vertical_start[segment + 1]):
                    way, state, to = ground.vertical[row, 1], ground.vertical[row, 2], ground.vertical[row, 3]
                    if cost[n, state] + ways[way] < cost[n + 1, to]:
                        cost[n + 1, to] = cost[n, state] + ways[way]
                        came[n + 1, to], how[n + 1, to] = state, way
                step[n, 0], step[n, 1], step[n, 2], step[n, 3], step[n, 4] = SERVED, column, segment, k, upto
                n, k = n + 1, upto
        if column < last:
            width = ground.column_x[column + 1] - ground.column_x[column]
            for row in range(len(ground.horizontal)):
                state, to = ground.horizontal[row, 0], ground.horizontal[row, 1]
                price = cost[n, state] + width * ground.horizontal[row, 2]
                if price < cost[n + 1, to]:
                    cost[n + 1, to], came[n + 1, to], how[n + 1, to] = price, state, row
            step[n, 0], step[n, 1] = WALKED, column
            n += 1
    state, best = 0, FAR
    for s in range(states):
        if ground.final[s] and cost[n, s] < best:
            state, best = s, cost[n, s]
    rows = np.zeros((n, 6), np.int64)
    for at in range(n, 0, -1):
        rows[at - 1, 0], rows[at - 1, 1], rows[at - 1, 2] = step[at - 1, 0], step[at - 1, 1], step[at - 1, 2]
        rows[at - 1, 3], rows[at - 1, 4], rows[at - 1, 5] = how[at, state], step[at - 1, 3], step[at - 1, 4]
        state = came[at, state]
    return rows


@njit(cache=True, nogil=True)
def _edges(ground, points, count, rows):
    """Ends of the edges that the steps take. Nodes: picks 0 .. count - 1, then crossings."""
    cross = len(ground.cross_y)
    most = room_of(ground, count)
    a, b, n, none = np.empty(most, np.int64), np.empty(most, np.int64), np.int64(0), np.int64(-1)
    for row in range(len(rows)):
        kind, column, segment, how, start, stop = rows[row]
        if kind == WALKED:
            for aisle in range(cross):
                for _ in range(ground.edges[how, aisle]):
                    a[n], b[n] = count + column * cross + aisle, count + (column + 1) * cross + aisle
                    n += 1
        elif kind == SERVED:
            low = count + column * cross + segment
            high = low + 1
            cut = stop
            if how == FROM_BACK:
                cut = start
            elif how == GAP:
                cut = _largest_gap(ground, points, start, stop)
            if how == SINGLE:
                n = _chain(low, start, stop, high, a, b, n)
            elif how == DOUBLE:
                n = _chain(low, start, stop, high, a, b, n)
                n = _chain(low, start, stop, high, a, b, n)
            elif how != EMPTY:
                for _ in range(2):
                    n = _chain(low, start, cut, none, a, b, n)
                    n = _chain(none, cut, stop, high, a, b, n)
    return a, b, n


@njit(cache=True, nogil=True)
def _largest_gap(ground, points, start, stop):
    """The pick behind the largest gap; `stop` where there is one pick alone."""
    best, cut = -1.0, stop
    for k in range(start + 1, stop):
        gap = ground.y[points[k]] - ground.y[points[k - 1]]
        if gap > best:
            best, cut = gap, k
    return cut


@njit(cache=True, nogil=True)
def _chain(low, start, stop, high, a, b, n):
    """low - picks - high, where -1 = no such end."""
    before = low
    for k in range(start, stop):
        if before >= 0:
            a[n], b[n] = before, k
            n += 1
        before = k
    if high >= 0 and before >= 0:
        a[n], b[n] = before, high
        n += 1
    return n


@njit(cache=True, nogil=True)
def _through(ground, count, points, edge_a, edge_b, nodes):
    """Each edge once, from the begin to the end, as node numbers of `walk_route`."""
    cross = len(ground.cross_y)
    size = count + cross * len(ground.column_x)
    head, following = np.full(size, -1), np.empty(2 * len(edge_a), np.int64)
    for e in range(len(edge_a)):
        following[2 * e], head[edge_a[e]] = head[edge_a[e]], 2 * e
        following[2 * e + 1], head[edge_b[e]] = head[edge_b[e]], 2 * e + 1
    used = np.zeros(len(edge_a), np.bool_)
    stack = np.empty(len(edge_a) + 1, np.int64)
    # found backwards, so it starts from the end of the walk
    stack[0], depth, n = count + ground.end * cross, 1, 0
    while depth > 0:
        node = stack[depth - 1]
        half = head[node]
        while half >= 0 and used[half // 2]:
            half = following[half]
        if half < 0:
            head[node] = -1
            depth -= 1
            nodes[n] = points[node] if node < count else -1 - (node - count)
            n += 1
        else:
            head[node] = following[half]
            used[half // 2] = True
            edge = half // 2
            stack[depth] = edge_b[edge] if half % 2 == 0 else edge_a[edge]
            depth += 1
    return n


@njit(cache=True, nogil=True)
def visits(ground, points, start, rank):
    """When each point is come to first, into `rank` like `points`; set k is points[start[k]:start[k + 1]].

    Returns the metres of each set's walk, (n,)."""
    place = np.zeros(len(ground.column), np.int64)
    metres = np.zeros(len(start) - 1)
    for k in range(len(start) - 1):
        low, high = start[k], start[k + 1]
        nodes = np.empty(room_of(ground, high - low), np.int64)
        count = walk_route(ground, points[low:high], high - low, nodes)
        metres[k] = _along(ground, nodes, count)
        for at in range(count - 1, -1, -1):
            if nodes[at] >= 0:
                place[nodes[at]] = at
        for at in range(low, high):
            rank[at] = place[points[at]]
    return metres


@njit(cache=True, nogil=True)
def _along(ground, nodes, count):
    """Metres from node to node."""
    total = 0.0
    if len(ground.metres) > 0:
        begin, end = len(ground.metres) - 2, len(ground.metres) - 1
        before = begin
        for at in range(count):
            total += ground.metres[before, nodes[at]]
            before = nodes[at]
        return total + ground.metres[before, end] if count > 0 else 0.0
    for at in range(1, count):
        ax, ay = _where(ground, nodes[at - 1])
        bx, by = _where(ground, nodes[at])
        total += abs(ax - bx) + abs(ay - by)
    return total


@njit(cache=True, nogil=True)
def _where(ground, node):
    cross = len(ground.cross_y)
    if node >= 0:
        return ground.column_x[ground.column[node]], ground.y[node]
    return ground.column_x[(-1 - node) // cross], ground.cross_y[(-1 - node) % cross]
