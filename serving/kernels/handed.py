"""What one step knows and later ones need, as one block of bytes.

Between two kernels that a search in an index separates, everything would become Python objects, some twenty short
arrays, and be looked at again: one block is one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.candidates import Recalled
from serving.kernels.history import USER_STATS, History
from serving.kernels.scratch import LINEAR

WORD = 8
"""Bytes that every array begins at a multiple of."""
SIZES = 6
"""Words at the beginning: requests, history entries, rows a request bought, viewed and new, session rows."""


@njit(cache=True, nogil=True)
def pack(history, users, recalled):
    """A block (z,) uint8 that `unpack` reads: a copy of all arrays."""
    b, h, m = len(history.ptr) - 1, len(history.row), len(recalled.session_rows)
    bought, viewed, fresh = recalled.bought.shape[1], recalled.viewed.shape[1], recalled.fresh.shape[1]
    room = SIZES + 2 * (b + 1) + b * (len(USER_STATS) + bought + viewed + fresh) + h * (10 + LINEAR) + 2 * m
    block = np.empty(room * WORD, np.uint8)
    sizes = block[: SIZES * WORD].view(np.int64)
    sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5] = b, h, bought, viewed, fresh, m
    known, users_now, found = unpack(block)
    known.ptr[:], known.row[:], known.interest[:] = history.ptr, history.row, history.interest
    known.buys[:], known.buy_decay[:], known.seen[:] = history.buys, history.buy_decay, history.seen
    known.last_buy_s[:], known.kind[:] = history.last_buy_s, history.kind
    known.rank[:], known.viewed_s[:] = history.rank, history.viewed_s
    users_now[:] = users
    found.bought[:], found.viewed[:], found.fresh[:] = recalled.bought, recalled.viewed, recalled.fresh
    found.weights[:], found.session_ptr[:] = recalled.weights, recalled.session_ptr
    found.session_rows[:], found.session_scores[:] = recalled.session_rows, recalled.session_scores
    return block


@njit(cache=True, nogil=True)
def unpack(block):
    """History, user statistics (b, u) float32 and Recalled: views of the block."""
    sizes = block[: SIZES * WORD].view(np.int64)
    b, h, bought, viewed, fresh, m = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]
    at = np.int64(SIZES * WORD)
    ptr, at = _i64(block, at, b + 1)
    last_buy_s, at = _i64(block, at, h)
    viewed_s, at = _i64(block, at, h)
    session_ptr, at = _i64(block, at, b + 1)
    row, at = _i32(block, at, h)
    rank, at = _i32(block, at, h)
    bought_rows, at = _i32(block, at, b * bought)
    viewed_rows, at = _i32(block, at, b * viewed)
    fresh_rows, at = _i32(block, at, b * fresh)
    session_rows, at = _i32(block, at, m)
    interest, at = _f32(block, at, h)
    buys, at = _f32(block, at, h)
    buy_decay, at = _f32(block, at, h)
    seen, at = _f32(block, at, h)
    users, at = _f32(block, at, b * len(USER_STATS))
    weights, at = _f32(block, at, LINEAR * h)
    session_scores, at = _f32(block, at, m)
    kind = block[at : at + h]
    history = History(ptr, row, interest, buys, buy_decay, seen, last_buy_s, kind, rank, viewed_s)
    recalled = Recalled(
        bought_rows.reshape((b, bought)),
        viewed_rows.reshape((b, viewed)),
        weights.reshape((LINEAR, h)),
        session_ptr,
        session_rows,
        session_scores,
        fresh_rows.reshape((b, fresh)),
    )
    return history, users.reshape((b, len(USER_STATS))), recalled


@njit(cache=True, nogil=True)
def _i64(block, at, count):
    end = at + count * 8
    return block[at:end].view(np.int64), end


@njit(cache=True, nogil=True)
def _i32(block, at, count):
    end = at + count * 4
    return block[at:end].view(np.int32), (end + WORD - 1) // WORD * WORD


@njit(cache=True, nogil=True)
def _f32(block, at, count):
    end = at + count * 4
    return block[at:end].view(np.float32), (end + WORD - 1) // WORD * WORD
