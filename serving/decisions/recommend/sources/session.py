"""Visits of others that are like this one."""

from __future__ import annotations

import numpy as np

from serving.core.ports import I32
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.protocol import Evidence, Scores
from serving.kernels.recency import recency
from serving.kernels.session_knn import session_knn

DECAY = np.array([1, 1 / 2, 1 / 3, 0], np.float32)
"""Only what was touched within the three newest visits is the session."""


class Session:
    """neighbours: stored visits that vote; half_life_days: age at which a stored visit's vote counts half.

    See kernels/session_knn.py; its workspace belongs to this object, which serves one thread.
    """

    code = Code.SESSION

    def __init__(self, neighbours: int, half_life_days: float, keep: int) -> None:
        self._neighbours, self._half_life_s, self._keep = neighbours, half_life_days * 86_400.0, keep

    def find(self, evidence: Evidence, quota: I32) -> Scores:
        """Items of the newest visits, or of the page, count by how new they are."""
        history, world = evidence.history, evidence.world
        weights = recency(history.ptr, history.rank, history.interest, history.kind, evidence.context_ptr, DECAY)
        ptr, rows, scores = session_knn(
            history.ptr, history.row, weights, evidence.now_s, world.models.sessions, self._neighbours,
            self._half_life_s, world.session_scratch, self._keep,
        )  # fmt: skip
        return Scores(ptr, rows, scores)
