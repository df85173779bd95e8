"""Pins: the items a shop sets on a page by hand, and the places they get."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.caps import keeps_caps


@njit(cache=True, nogil=True)
def accept_pins(r, rows, start, stop, page, brand, category, slot, mark):
    """Which pins of request r stand on its page: positions in `rows` (k,) int64 and places (k,) int64, by place.

    A pin is left out when it is no candidate of the request, when it would break a cap beside the pins before it, when
    its row is marked in `slot` (already on the shop page, or pinned twice), or when the page is full. The others
    are marked. Places end at the first page's last; pins that want the same place follow one another in the order
    given.
    """
    first, last, size = page.pin_ptr[r], page.pin_ptr[r + 1], np.int64(page.first[r])
    found, places = np.empty(last - first, np.int64), np.empty(last - first, np.int64)
    page_rows = np.empty(last - first, np.int32)
    count = 0
    for p in range(first, last):
        row = page.pin_row[p]
        at = start
        while at < stop and rows[at] != row:
            at += 1
        if at == stop or count >= size or slot[row] == mark:
            continue
        if keeps_caps(row, page_rows, count, brand, category, page.max_brand[r], page.max_category[r]):
            slot[row] = mark
            found[count], page_rows[count] = at, row
            places[count] = min(max(np.int64(page.pin_place[p]), 0), size - 1)
            count += 1
    _settle(found[:count], places[:count], size)
    return found[:count], places[:count]


@njit(cache=True, nogil=True)
def _settle(found, places, size):
    """Sorts pins by place, stable, and moves those apart that want the same place: back, and at the end forth."""
    count = len(found)
    for i in range(1, count):
        at, place, to = found[i], places[i], i
        while to > 0 and places[to - 1] > place:
            found[to], places[to] = found[to - 1], places[to - 1]
            to -= 1
        found[to], places[to] = at, place
    for i in range(1, count):
        places[i] = max(places[i], places[i - 1] + 1)
    for i in range(count - 1, -1, -1):
        places[i] = min(places[i], size - (count - i))


@njit(cache=True, nogil=True)
def last_free(places, size):
    """The last place of a page of `size` that no pin takes, -1 = none. places: as accept_pins gives them."""
    free = size - 1
    for i in range(len(places) - 1, -1, -1):
        if places[i] != free:
            break
        free -= 1
    return free
