"""Orders into walks, first by the order of arrival and by savings: what the search of batching_search.py starts from.

n orders, d things that a walk's limits count. A batch is a row of `Batches`; rows without orders are free.
[1] Clarke & Wright 1964, Operations Research 12(4); [2] de Koster, van der Poort, Wolters 1999, IJPR 37(7): savings for
batches, computed anew after each merge.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from serving.kernels.picker_walk import walk_metres
from serving.kernels.point_bits import U64, points_of_two

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

GAIN = 1e-7
"""Metres; less is rounding."""


class Task(NamedTuple):
    """What is to be put into batches."""

    ground: Any
    """picker_ground.Ground"""
    bits: U64
    """(n, width) points of each order."""
    load: F64
    """(n, d)"""
    bound: F64
    """(d,)"""
    solo: F64
    """(n,) metres of each order alone."""


class Batches(NamedTuple):
    """Written by the kernels. r = n rows."""

    of: I64
    """(n,) row of each order."""
    bits: U64
    """(r, width)"""
    load: F64
    """(r, d)"""
    metres: F64
    """(r,)"""
    size: I64
    """(r,) orders."""


def no_batches(task: Task) -> Batches:
    """Room for as many batches as there are orders."""
    n = len(task.solo)
    empty = np.full(n, -1, np.int64)
    return Batches(empty, np.zeros_like(task.bits), np.zeros_like(task.load), np.zeros(n), np.zeros(n, np.int64))


@njit(cache=True, nogil=True)
def alone(ground, bits, out):
    """Metres of each row of bits by itself, into `out` (n,)."""
    points = np.empty(64 * bits.shape[1], np.int64)
    for k in range(len(bits)):
        out[k] = walk_metres(ground, points, points_of_two(bits[k], bits[k], points))


@njit(cache=True, nogil=True)
def arrival(task):
    """(n,) batch of each order when a walk begins as soon as the next order would be too much for the one before."""
    n, d = task.load.shape
    of, have, batch = np.empty(n, np.int64), np.zeros(d), 0
    for order in range(n):
        if not fits(have, task.load[order], task.bound):
            batch += 1
            have[:] = 0.0
        have += task.load[order]
        of[order] = batch
    return of


@njit(cache=True, nogil=True, inline="always")
def fits(a, b, bound):
    """Whether both loads together are within the bound."""
    fine = True
    for k in range(len(bound)):
        fine &= a[k] + b[k] <= bound[k]
    return fine


@njit(cache=True, nogil=True)
def gather(task, of, batches):
    """Makes the batches that `of` (n,) says; their metres together."""
    batches.of[:] = of
    batches.bits[:] = 0
    batches.load[:] = 0.0
    batches.size[:] = 0
    batches.metres[:] = 0.0
    for order in range(len(of)):
        put_in(task, batches, order, of[order])
    points, total, ground = np.empty(64 * task.bits.shape[1], np.int64), 0.0, task.ground
    for row in range(len(batches.size)):
        if batches.size[row] > 0:
            batches.metres[row] = union_metres(ground, batches.bits[row], batches.bits[row], points)
            total += batches.metres[row]
    return total


@njit(cache=True, nogil=True)
def put_in(task, batches, order, row):
    """An order into a batch; its metres are left as they were."""
    batches.of[order] = row
    batches.size[row] += 1
    for k in range(task.load.shape[1]):
        batches.load[row, k] += task.load[order, k]
    for word in range(task.bits.shape[1]):
        batches.bits[row, word] |= task.bits[order, word]


@njit(cache=True, nogil=True, inline="always")
def union_metres(ground, a, b, points):
    """Metres of a walk for two rows of bits."""
    return walk_metres(ground, points, points_of_two(a, b, points))


@njit(cache=True, nogil=True)
def outlines(task, out):
    """What an order's places are like, into `out` (n, w): the columns that it needs; with a matrix the mean distance of
    its points from w others."""
    ground, points = task.ground, np.empty(64 * task.bits.shape[1], np.int64)
    metres, column = ground.metres, ground.column
    out[:] = 0.0
    for order in range(len(task.bits)):
        count = points_of_two(task.bits[order], task.bits[order], points)
        for k in range(count):
            if len(metres) > 0:
                for other in range(out.shape[1]):
                    out[order, other] += metres[points[k], other * len(metres) // out.shape[1]] / count
            else:
                out[order, column[points[k]]] = 1.0


@njit(cache=True, nogil=True)
def unlike(outlines, out):
    """Squared distances of the rows of outlines (n, w) into `out` (n, n), infinite on the diagonal. On one core: the
    threads of a matrix product would wait for each other on a busy machine."""
    for a in range(len(outlines)):
        out[a, a] = np.inf
        for b in range(a):
            total = 0.0
            for k in range(outlines.shape[1]):
                total += (outlines[a, k] - outlines[b, k]) ** 2
            out[a, b] = out[b, a] = total


@njit(cache=True, nogil=True)
def pair_savings(task, near, start, stop, saving):
    """Metres saved by picking orders start .. stop - 1 in one walk with each of those in near (n, q), into `saving`
    (n, n), both halves; -1 where the two are too much for one walk, or were not looked at."""
    points = np.empty(64 * task.bits.shape[1], np.int64)
    ground, bits, load, bound, solo = task.ground, task.bits, task.load, task.bound, task.solo
    for a in range(start, stop):
        for b in near[a]:
            if saving[a, b] == -1.0 and fits(load[a], load[b], bound):
                both = union_metres(ground, bits[a], bits[b], points)
                saving[a, b] = saving[b, a] = solo[a] + solo[b] - both


@njit(cache=True, nogil=True)
def best_partners(saving, best):
    """Column of the largest entry of each row into `best` (n,)."""
    for a in range(len(saving)):
        best[a] = np.argmax(saving[a])


@njit(cache=True, nogil=True)
def merge_by_savings(task, batches, saving, best, merges):
    """Joins the two batches that save most, up to `merges` times; whether more can be saved.

    saving (n, n), best (n,): of rows of `batches`; kept up to date.
    """
    points = np.empty(64 * task.bits.shape[1], np.int64)
    for _ in range(merges):
        a = np.int64(0)
        for row in range(len(best)):
            if saving[row, best[row]] > saving[a, best[a]]:
                a = row
        b = best[a]
        if saving[a, b] <= GAIN:
            return False
        batches.metres[a] += batches.metres[b] - saving[a, b]
        batches.metres[b] = 0.0
        for order in range(len(batches.of)):
            if batches.of[order] == b:
                put_in(task, batches, order, a)
        batches.size[b] = 0
        batches.load[b] = 0.0
        batches.bits[b] = 0
        _renew(task, batches, saving, best, a, b, points)
    return True


@njit(cache=True, nogil=True)
def _renew(task, batches, saving, best, a, b, points):
    """After b went into a."""
    known = np.maximum(saving[a], saving[b]) > -1.0
    saving[a], saving[b] = -1.0, -1.0
    ground, bits, load, bound, metres = task.ground, batches.bits, batches.load, task.bound, batches.metres
    for c in range(len(best)):
        saving[c, a], saving[c, b] = -1.0, -1.0
        if c == a or batches.size[c] == 0:
            continue
        if known[c] and fits(load[a], load[c], bound):
            both = union_metres(ground, bits[a], bits[c], points)
            saving[a, c] = saving[c, a] = metres[a] + metres[c] - both
        if best[c] == a or best[c] == b:
            best[c] = np.argmax(saving[c])
        elif saving[c, a] > saving[c, best[c]]:
            best[c] = a
    best[a] = np.argmax(saving[a])
    best[b] = 0
