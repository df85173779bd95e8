"""Visits of others that are like this one."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.decisions.recommend.contract import Source as Code
from serving.kernels.recency import recency
from serving.kernels.session_knn import session_knn

CODE, QUOTA = Code.SESSION, "from_session"

DECAY = np.array([1, 1 / 2, 1 / 3, 0], np.float32)
"""Only what was touched within the three newest visits is the session."""


@njit(cache=True, nogil=True)
def votes(history, context_ptr, now_s, sessions, scratch, how):
    """ptr, rows and scores of kernels/session_knn.py: items of the newest visits, or of the page, count by how new
    they are. how: recall.Habits."""
    weights = np.empty(len(history.row), np.float32)
    recency(history, context_ptr, DECAY, weights)
    return session_knn(
        history.ptr, history.row, weights, now_s, sessions, how.neighbours, how.half_life_s, scratch, how.keep
    )
