"""Better batches by exchanges between two of them: an order goes to where a similar one is picked, others come back.

Walks that are nearly full leave no room for an order more: what changes its batch is balanced by what returns, until
both are within their limits. An exchange costs two walks, so that many can be tried. [1] Kirkpatrick, Gelatt, Vecchi
1983, Science 220: some that cost a little are taken too; [2] Albareda-Sambola et al. 2009, Asia-Pacific Journal of
Operational Research 26(5): exchanges of several orders between batches.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.batching import GAIN, union_metres
from serving.kernels.batching_search import below, draw

MOVING = 5
"""Most orders that change their batch in one exchange."""
LONELY = 0.5
"""Share of the exchanges in which nothing comes back though there is room."""


@njit(cache=True, nogil=True)
def swap(task, batches, near, best, total, warmth, random, tries):
    """`tries` exchanges. Writes the batches of now, `best` (n,) and total (2,): metres of now and of the best.

    near (n, q): orders like each; warmth: metres that are given away easily.
    """
    n, width = len(task.solo), task.bits.shape[1]
    room, both = np.empty(64 * width, np.int64), np.empty((2, width), np.uint64)
    head, after = np.full(n, -1, np.int64), np.empty(n, np.int64)
    for order in range(n):
        after[order], head[batches.of[order]] = head[batches.of[order]], order
    moving, moves = np.empty(MOVING, np.int64), np.zeros(n, np.bool_)
    for _ in range(tries):
        order = below(random, n)
        friend = near[order, below(random, near.shape[1])]
        a, b = batches.of[order], batches.of[friend]
        if a == b:
            continue
        count = _balance(task, batches, head, after, order, friend, moving, moves, random)
        if count > 0:
            _unite(task, head, after, moves, a, b, both)
            new_a = union_metres(task.ground, both[0], both[0], room)
            new_b = union_metres(task.ground, both[1], both[1], room)
            change = new_a + new_b - batches.metres[a] - batches.metres[b]
            if change < -GAIN or (warmth > 0.0 and change < -warmth * np.log(max(draw(random), 1e-12))):
                for k in range(count):
                    batches.of[moving[k]] = a + b - batches.of[moving[k]]
                _relink(task, batches, head, after, a, b)
                batches.bits[a], batches.bits[b] = both[0], both[1]
                batches.metres[a], batches.metres[b] = new_a, new_b
                total[0] += change
                if total[0] < total[1] - GAIN:
                    total[1] = total[0]
                    best[:] = batches.of
        for k in range(abs(count)):
            moves[moving[k]] = False


@njit(cache=True, nogil=True)
def _balance(task, batches, head, after, order, friend, moving, moves, random):
    """Chooses what moves with `order`; how many, below 0 where no balance was found."""
    a, b = batches.of[order], batches.of[friend]
    moving[0], moves[order] = order, True
    count, left_a, left_b = 1, batches.size[a] - 1, batches.size[b] - 1  # `friend` stays
    alone = draw(random) < LONELY
    while True:
        over_a, over_b = False, False
        for k in range(len(task.bound)):
            to_b = 0.0
            for m in range(count):
                load = task.load[moving[m], k]
                to_b += load if batches.of[moving[m]] == a else -load
            over_a |= batches.load[a, k] - to_b > task.bound[k]
            over_b |= batches.load[b, k] + to_b > task.bound[k]
        if not over_a and not over_b and (alone or count > 1 or left_b == 0):
            return count
        if count == MOVING or (over_a and over_b) or (over_a and left_a == 0) or (not over_a and left_b == 0):
            return -count
        row, left = (a, left_a) if over_a else (b, left_b)
        skip, other = below(random, left), head[row]
        while True:
            if not moves[other] and other != friend:
                if skip == 0:
                    break
                skip -= 1
            other = after[other]
        moving[count], moves[other] = other, True
        count += 1
        if over_a:
            left_a -= 1
        else:
            left_b -= 1


@njit(cache=True, nogil=True)
def _unite(task, head, after, moves, a, b, out):
    """Points of both batches after the exchange, into `out` (2, width)."""
    out[:] = 0
    for side in range(2):
        order = head[a if side == 0 else b]
        while order >= 0:
            to = side ^ int(moves[order])
            for word in range(out.shape[1]):
                out[to, word] |= task.bits[order, word]
            order = after[order]


@njit(cache=True, nogil=True)
def _relink(task, batches, head, after, a, b):
    """Chains, sizes and loads of both, where `of` has changed."""
    first_a, first_b = head[a], head[b]
    head[a], head[b] = -1, -1
    batches.size[a], batches.size[b] = 0, 0
    batches.load[a], batches.load[b] = 0.0, 0.0
    for order in (first_a, first_b):
        while order >= 0:
            later, row = after[order], batches.of[order]
            after[order], head[row] = head[row], order
            batches.size[row] += 1
            for k in range(task.load.shape[1]):
                batches.load[row, k] += task.load[order, k]
            order = later
