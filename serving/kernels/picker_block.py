"""The shortest walk in a warehouse with no middle cross aisle, written out: what the searches call most.

The seven classes of [1] as seven numbers; the same as the tables of picker_states.py, several times as fast.
[1] Ratliff & Rosenthal 1983, Operations Research 31(3), tables 1 and 2.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FAR = 1e18


@njit(cache=True, nogil=True)
def block_metres(column_x, shelves, low, high, begin, column, y, points, count):
    """Metres from the depot over points[:count] and back. low, high: y of the front and the back; 1 or more points."""
    length = high - low
    # what matters of an aisle, gathered without a branch that would be guessed wrongly
    seen = np.empty((3, len(column_x)))
    lowest, highest, widest = seen[0], seen[1], seen[2]
    lowest[:], highest[:], widest[:] = FAR, FAR, 0.0
    for k in range(count):
        here, now = column[points[k]], y[points[k]]
        widest[here] = max(widest[here], now - highest[here])
        lowest[here], highest[here] = min(lowest[here], now), now
    first, last = min(column[points[0]], begin), max(column[points[count - 1]], begin)
    odd, back, front, both, apart, none, done = FAR, FAR, FAR, FAR, FAR, 0.0, FAR
    # odd: edges at both ends, odd; back, front: at one end, even; both: even, in one piece; apart: even, in two
    for here in range(first, last + 1):
        if here == begin:
            apart, back = min(apart, back), FAR
            front, none, done = min(front, none), FAR, FAR
        if shelves[here]:
            empty, from_back, from_front, gap = 0.0, FAR, FAR, FAR
            if highest[here] < FAR:
                empty, from_back, from_front = FAR, 2.0 * (high - lowest[here]), 2.0 * (highest[here] - low)
                gap = 2.0 * (length - widest[here])
            twice = 2.0 * length
            ends = min(min(from_back, from_front), min(gap, empty))
            any_even = min(min(back, front), min(both, min(apart, none)))
            one_end = min(min(back, front), min(apart, none))
            new_odd = min(odd + min(ends, twice), any_even + length)
            new_both = min(min(both + min(ends, twice), odd + length), one_end + twice)
            apart = min(min(apart + ends, none + gap), min(back + min(from_front, gap), front + min(from_back, gap)))
            back = min(back + min(from_back, empty), none + from_back)
            front = min(front + min(from_front, empty), none + from_front)
            odd, both, none, done = new_odd, new_both, none + empty, done + empty
        if here < last:
            step = 2.0 * (column_x[here + 1] - column_x[here])
            done = min(done, min(min(back, front), both))
            back, front = min(back, both) + step, min(front, both) + step
            odd, both, apart = odd + step, both + 2.0 * step, apart + 2.0 * step
    return min(min(back, front), min(both, done))
