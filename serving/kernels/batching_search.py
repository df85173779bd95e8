"""Better batches by adaptive large neighbourhood search: some orders are taken out and put in again, elsewhere.

[1] Ropke & Pisinger 2006, Transportation Science 40(4): removal and insertion rules whose use follows their success,
with simulated annealing; [2] Zulj, Kramer, Schneider 2018, EJOR 264(2): the same for order batching; [3] Christiaens &
Vanden Berghe 2020, Transportation Science 54(2): places are passed over now and then ("blinks").
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.batching import GAIN, fits, put_in, union_metres

RANDOM, NEAR, WHOLE = range(3)
REMOVALS = 3
CHEAPEST, REGRET, SHUFFLED = range(3)
INSERTIONS = 3
TAKEN = 16
"""Most orders that are out at a time."""
BLINK = 0.03
FAR = 1e18
BETTER, ACCEPTED = 5.0, 1.0
"""Points for a rule that led to the best so far, or to something that was kept. [1]"""


@njit(cache=True, nogil=True)
def draw(random):
    """A number in [0, 1) from the state `random` (1,) uint64. [1] Steele, Lea, Flood 2014: SplitMix64."""
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    z = random[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True)
def below(random, most):
    """A whole number in [0, most)."""
    return min(int(draw(random) * most), most - 1)


@njit(cache=True, nogil=True)
def search(task, batches, near, best, total, warmth, weights, points, used, random, rounds):
    """`rounds` rounds. Writes the batches of now, `best` (n,) and total (2,): metres of now and of the best.

    near (n, q): orders like each; warmth: metres that are given away easily; weights (6,): of the removal rules, then
    of the insertion rules; points, used (6,): what the rules earned and how often they were used.
    """
    n, width, d = len(task.solo), task.bits.shape[1], task.load.shape[1]
    room = np.empty(64 * width, np.int64)
    out = np.empty(TAKEN, np.int64)
    was = np.empty(TAKEN, np.int64)
    prices = np.empty((TAKEN, n))
    most = 2 * TAKEN + 2
    rows, marked = np.empty(most, np.int64), np.zeros(n, np.bool_)
    kept_bits, kept_load = np.empty((most, width), np.uint64), np.empty((most, d))
    kept_metres, kept_size = np.empty(most), np.empty(most, np.int64)
    high = n
    for _ in range(rounds):
        while batches.size[high - 1] == 0:
            high -= 1
        high = min(high + TAKEN, n)  # rows beyond it are free and need not be looked at
        price = prices[:, :high]
        removal, insertion = _roulette(weights[:REMOVALS], random), _roulette(weights[REMOVALS:], random)
        taken = _choose(removal, batches, near, out, random)
        touched = np.int64(0)
        for k in range(taken):
            was[k] = batches.of[out[k]]
            touched = _keep(batches, was[k], rows, marked, touched, kept_bits, kept_load, kept_metres, kept_size)
        change = _take_out(task, batches, out, taken, rows, touched, marked, room)
        for step in range(taken):
            if step == 0:
                for k in range(taken):
                    _prices(task, batches, out[k], price[k], room, random)
            k, row = _next(insertion, price, taken - step, random)
            touched = _keep(batches, row, rows, marked, touched, kept_bits, kept_load, kept_metres, kept_size)
            change += price[k, row]
            batches.metres[row] += price[k, row]
            put_in(task, batches, out[k], row)
            last = taken - step - 1
            out[k], out[last] = out[last], out[k]
            was[k], was[last] = was[last], was[k]
            price[k] = price[last]
            for other in range(last):
                price[other, row] = _price(task, batches, out[other], row, room)
                _open_row(task, batches, out[other], price[other])
        rule = removal, REMOVALS + insertion
        for which in rule:
            used[which] += 1.0
        if change < -warmth * np.log(max(draw(random), 1e-12)):
            total[0] += change
            earned = ACCEPTED if change < -GAIN else 0.0
            if total[0] < total[1] - GAIN:
                total[1] = total[0]
                best[:] = batches.of
                earned = BETTER
            for which in rule:
                points[which] += earned
        else:
            for at in range(touched):
                row = rows[at]
                batches.bits[row], batches.load[row] = kept_bits[at], kept_load[at]
                batches.metres[row], batches.size[row] = kept_metres[at], kept_size[at]
            for k in range(taken):
                batches.of[out[k]] = was[k]
        for at in range(touched):
            marked[rows[at]] = False


@njit(cache=True, nogil=True)
def _roulette(weights, random):
    left = draw(random) * weights.sum()
    for which in range(len(weights)):
        left -= weights[which]
        if left < 0.0:
            return which
    return len(weights) - 1


@njit(cache=True, nogil=True)
def _choose(removal, batches, near, out, random):
    """Orders to take out, each once; how many."""
    n = len(batches.of)
    want, taken = 1 + below(random, min(6, n)), np.int64(0)
    seed = below(random, n)
    if removal == WHOLE:
        for turn in range(1 + below(random, np.int64(3))):
            order = seed if turn == 0 else near[seed, below(random, near.shape[1])]
            row = batches.of[order]
            if taken + batches.size[row] > TAKEN or _has(out, taken, order):
                continue
            for other in range(n):
                if batches.of[other] == row:
                    out[taken] = other
                    taken += 1
    if taken == 0:
        out[0], taken = seed, np.int64(1)
        for _ in range(want - 1):
            other = near[seed, below(random, near.shape[1])] if removal == NEAR else below(random, n)
            if not _has(out, taken, other):
                out[taken] = other
                taken += 1
    return taken


@njit(cache=True, nogil=True)
def _has(out, taken, order):
    found = False
    for k in range(taken):
        found |= out[k] == order
    return found


@njit(cache=True, nogil=True)
def _keep(batches, row, rows, marked, touched, bits, load, metres, size):
    """Remembers a row before it is changed; how many are remembered."""
    if marked[row]:
        return touched
    marked[row] = True
    rows[touched] = row
    bits[touched], load[touched] = batches.bits[row], batches.load[row]
    metres[touched], size[touched] = batches.metres[row], batches.size[row]
    return touched + 1


@njit(cache=True, nogil=True)
def _take_out(task, batches, out, taken, rows, touched, marked, room):
    """Makes the touched rows anew without the orders; the change in metres."""
    for k in range(taken):
        batches.of[out[k]] = -1
    for at in range(touched):
        row = rows[at]
        batches.bits[row] = 0
        batches.load[row] = 0.0
        batches.size[row] = 0
    for order in range(len(batches.of)):
        if batches.of[order] >= 0 and marked[batches.of[order]]:
            put_in(task, batches, order, batches.of[order])
    change, ground = 0.0, task.ground
    for at in range(touched):
        row = rows[at]
        now = union_metres(ground, batches.bits[row], batches.bits[row], room)
        change += now - batches.metres[row]
        batches.metres[row] = now
    return change


@njit(cache=True, nogil=True)
def _prices(task, batches, order, price, room, random):
    """Metres more with the order in each row; FAR where it is too much, or passed over."""
    empty, ground, mine, load = True, task.ground, task.bits[order], task.load[order]
    bits, loads, metres, bound, size = batches.bits, batches.load, batches.metres, task.bound, batches.size
    for row in range(len(price)):
        price[row] = FAR
        if size[row] == 0:
            if empty:
                price[row] = task.solo[order]
            empty = False
        elif fits(loads[row], load, bound) and draw(random) >= BLINK:
            price[row] = union_metres(ground, bits[row], mine, room) - metres[row]


@njit(cache=True, nogil=True)
def _price(task, batches, order, row, room):
    price = FAR
    if fits(batches.load[row], task.load[order], task.bound):
        price = union_metres(task.ground, batches.bits[row], task.bits[order], room) - batches.metres[row]
    return price


@njit(cache=True, nogil=True)
def _open_row(task, batches, order, price):
    """One free row is always there: an order that fits nowhere else goes alone."""
    for row in range(len(price)):
        if batches.size[row] == 0:
            price[row] = task.solo[order]
            return


@njit(cache=True, nogil=True)
def _next(insertion, price, left, random):
    """Which of the orders that are still out goes next, and where."""
    if insertion == SHUFFLED:
        k = below(random, left)
        return k, int(np.argmin(price[k]))
    chosen, row, urgent = 0, 0, -FAR
    for k in range(left):
        where = int(np.argmin(price[k]))
        if insertion == CHEAPEST:
            need = -price[k, where]
        else:
            second = FAR
            for other in range(price.shape[1]):
                if other != where and price[k, other] < second:
                    second = price[k, other]
            need = second - price[k, where]
        if k == 0 or need > urgent:
            chosen, row, urgent = k, where, need
    return chosen, row
