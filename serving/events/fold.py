"""Folds stored event records into what a request knows of its visitor. Pure: records and a clock in, arrays out."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.events.types import CART, PURCHASE, RETURN, UNCART, VIEW, WISHLIST
from serving.kernels.history import BOUGHT, CARTED, CONTEXT, DAY_S, SEEN, USER_STATS, History, lookup

TYPE_INTEREST = np.zeros(256, np.float32)
"""How much one event of a type says about interest, against one purchase. A place for every code that a record can
carry: a newer replica may have written types that are not known here."""
for _code, _interest in ((PURCHASE, 1.0), (CART, 0.5), (UNCART, -0.3), (VIEW, 0.2), (WISHLIST, 0.4), (RETURN, -1.0)):
    TYPE_INTEREST[_code] = _interest

CART_HOLD_S = DAY_S
"""An item put into the cart stays there so long, unless it is taken out or bought."""

CONTEXT_WEIGHT = 1.0
CONTEXT_DAMP = 0.15
"""With context items (an item page) the page counts fully and the long memory is turned down to this; what was bought
or viewed then says something of taste alone, and is no reason to be shown again: the page is about its item."""


@njit(cache=True, nogil=True)
def fold(
    records, ptr, context, context_ptr, hash_keys, hash_rows, price, now_s, half_life_s, short_half_life_s, slot_of
):
    """Folds the records of b requests. O(records); each record is read once.

    records: (m,) events.records.RECORD; those of request r are ptr[r]:ptr[r+1], oldest first. context: (c,) int32 rows
    of context items with context_ptr (b + 1,). price: (n,) int64 minor units. slot_of: slots of kernels/scratch.py.
    Returns History and the user statistics (b, len(USER_STATS)) float32. Events in the future count as now; items the
    catalogue does not know are left out.
    """
    b = len(ptr) - 1
    size = len(records) + len(context)
    out_ptr = np.zeros(b + 1, np.int64)
    row = np.empty(size, np.int32)
    interest = np.zeros(size, np.float32)
    buys = np.zeros(size, np.float32)
    buy_decay = np.zeros(size, np.float32)
    seen = np.zeros(size, np.float32)
    last_buy = np.zeros(size, np.int64)
    kind = np.zeros(size, np.uint8)
    rank = np.zeros(size, np.int32)
    viewed = np.zeros(size, np.int64)
    stats = np.zeros((b, len(USER_STATS)), np.float32)
    fill = 0
    for r in range(b):
        start = fill
        first_s, last_s, basket_s = np.int64(0), np.int64(0), np.int64(-1)
        baskets, bought, log_price = 0.0, 0.0, 0.0
        visit, visit_s, visit_code = np.int32(0), np.int64(-1), np.uint8(0)
        on_page = context_ptr[r + 1] > context_ptr[r]
        damp = np.float32(CONTEXT_DAMP if on_page else 1.0)
        for i in range(ptr[r], ptr[r + 1]):
            record = records[i]
            at, code = np.int64(record.time_s), record.type
            if first_s == 0 or at < first_s:
                first_s = at
            last_s = max(last_s, at)
            found = lookup(hash_keys, hash_rows, record.item) if record.item != 0 else np.int32(-1)
            if found < 0:
                continue
            slot = slot_of[found]
            if slot < 0:
                slot = fill
                slot_of[found] = slot
                row[slot] = found
                fill += 1
            if not (code == PURCHASE and visit_code == PURCHASE and at == visit_s):
                visit += np.int32(1)
                visit_s, visit_code = at, code
            age = max(now_s - at, 0.0)
            short = np.float32(2.0 ** (-age / short_half_life_s))
            interest[slot] += TYPE_INTEREST[code] * np.float32(2.0 ** (-age / half_life_s)) * damp
            if TYPE_INTEREST[code] > 0:
                rank[slot] = visit
            if code == VIEW:
                viewed[slot] = max(viewed[slot], at)
            if code == PURCHASE:
                if not on_page:
                    buys[slot] += np.float32(1.0)
                    buy_decay[slot] += short
                    last_buy[slot] = max(last_buy[slot], at)
                kind[slot] = BOUGHT
                bought += 1.0
                log_price += np.log1p(np.float64(price[found]))
                if at != basket_s:
                    baskets += 1.0
                    basket_s = at
            elif code == RETURN:
                buys[slot] = max(buys[slot] - np.float32(1.0), np.float32(0.0))
            elif TYPE_INTEREST[code] > 0:
                if not on_page:
                    seen[slot] += short
                if code == CART and age < CART_HOLD_S:
                    kind[slot] = CARTED
                elif kind[slot] == 0:
                    kind[slot] = SEEN
            elif code == UNCART and kind[slot] == CARTED:
                kind[slot] = BOUGHT if buys[slot] > 0 else SEEN
        repeats = 0.0
        for slot in range(start, fill):
            interest[slot] = max(interest[slot], np.float32(0.0))
            rank[slot] = visit - rank[slot] + np.int32(on_page)
            repeats += 1.0 if buys[slot] > 1 else 0.0
        for i in range(context_ptr[r], context_ptr[r + 1]):
            slot = slot_of[context[i]]
            if slot < 0:
                slot = fill
                slot_of[context[i]] = slot
                row[slot] = context[i]
                fill += 1
            interest[slot] = np.float32(CONTEXT_WEIGHT)
            kind[slot] = CONTEXT
            rank[slot] = 0
        for slot in range(start, fill):
            slot_of[row[slot]] = -1
        out_ptr[r + 1] = fill
        distinct = np.float64(max(fill - start, 1))
        stats[r, 0] = baskets
        stats[r, 1] = bought
        stats[r, 2] = fill - start
        stats[r, 3] = max(now_s - last_s, 0.0) / DAY_S if last_s > 0 else 0.0
        stats[r, 4] = max(now_s - first_s, 0.0) / DAY_S if first_s > 0 else 0.0
        stats[r, 5] = log_price / bought if bought > 0 else 0.0
        stats[r, 6] = repeats / distinct
        stats[r, 7] = (last_s - first_s) / DAY_S / (baskets - 1.0) if baskets > 1 else 0.0
    history = History(
        out_ptr, row[:fill], interest[:fill], buys[:fill], buy_decay[:fill], seen[:fill], last_buy[:fill], kind[:fill],
        rank[:fill], viewed[:fill],
    )  # fmt: skip
    return history, stats
