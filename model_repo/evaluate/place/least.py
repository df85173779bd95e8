"""How short batches can be at best: a linear programme over all batches that there are, where they are not too many.

Each order is covered by shares of batches that add up to one or more; whole batches are one way to do so, and so no
better. [1] Gademann, van de Velde 2005, IIE Transactions 37(1): set covering for order batching, its columns added as
their reduced costs ask for it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from scipy.optimize import linprog
from scipy.sparse import csc_array

from serving.decisions.place.batching import task_of
from serving.decisions.place.contract import F64, I64, BatchQuery
from serving.kernels.batching import Task, fits, union_metres

BATCHES: Final = 300_000
"""Most that are looked at."""
AT_ONCE: Final = 3_000
"""Columns that one round of the programme takes up."""
EDGE: Final = 1e-6
"""Metres; less is rounding."""


def least_metres(query: BatchQuery) -> float | None:
    """Metres that no batches of a checked query fall below; None where there are more than BATCHES of them."""
    found = every_batch(task_of(query), BATCHES)
    if found is None:
        return None
    start, orders, metres = found
    covers = csc_array((np.ones(len(orders)), orders, start), shape=(len(query.orders), len(metres)))
    active = np.diff(start) == 1
    while True:
        columns = np.flatnonzero(active)
        solved = linprog(metres[columns], A_ub=-covers[:, columns], b_ub=-np.ones(len(query.orders)), method="highs")
        worth = np.maximum(-solved.ineqlin.marginals, 0.0)
        reduced = metres - covers.T @ worth
        wanted = np.flatnonzero((reduced < -EDGE) & ~active)
        if not len(wanted):
            # by duality, whatever the solver's rounding: scaled until no batch is worth more than its metres
            return float(worth.sum() * min(1.0, float((metres / np.maximum(metres - reduced, EDGE)).min())))
        active[wanted[np.argsort(reduced[wanted])[:AT_ONCE]]] = True


def every_batch(task: Task, most: int) -> tuple[I64, I64, F64] | None:
    """All batches within the limits: where each begins (b + 1,), their orders one after the other, metres (b,) of the
    walk of each. None where there are more than `most`."""
    lists = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    count, lines = _list_batches(task, *lists, most)
    if count > most:
        return None
    start, orders, metres = np.zeros(count + 1, np.int64), np.empty(lines, np.int64), np.empty(count)
    _list_batches(task, start, orders, metres, most)
    return start, orders, metres


@njit(cache=True, nogil=True)
def _list_batches(task, start, orders, metres, most):
    """By depth; how many, and how many orders in all. Written where `metres` has room for it."""
    n, width, d = len(task.solo), task.bits.shape[1], task.load.shape[1]
    room, chosen = np.empty(64 * width, np.int64), np.empty(n, np.int64)
    bits, load = np.zeros((n + 1, width), np.uint64), np.zeros((n + 1, d))
    depth, order, count, lines = 0, 0, 0, 0
    while depth > 0 or order < n:
        if order == n:
            depth -= 1
            order = chosen[depth] + 1
            continue
        if fits(load[depth], task.load[order], task.bound):
            if count == most:
                return most + 1, lines
            chosen[depth] = order
            depth += 1
            load[depth] = load[depth - 1] + task.load[order]
            for word in range(width):
                bits[depth, word] = bits[depth - 1, word] | task.bits[order, word]
            if len(metres) > 0:
                orders[lines : lines + depth] = chosen[:depth]
                start[count + 1] = lines + depth
                metres[count] = union_metres(task.ground, bits[depth], bits[depth], room)
            lines, count = lines + depth, count + 1
        order += 1
    return count, lines
