"""What follows what: a Markov chain with skips, for shops where the order of things says much."""

from __future__ import annotations

import numpy as np

from serving.core.ports import I32
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.protocol import Evidence, Sum
from serving.kernels.recency import recency

VISITS_MAX = 32
"""What was touched more visits ago counts as if it were so many."""


class Transitions:
    """half_life_visits: after so many visits an item counts half. See model_repo/transitions."""

    code = Code.TRANSITIONS

    def __init__(self, half_life_visits: float) -> None:
        self._decay = np.exp2(-np.arange(VISITS_MAX, dtype=np.float32) / np.float32(half_life_visits))

    def find(self, evidence: Evidence, quota: I32) -> Sum:
        """By visits since the item was last touched; on an item page the page alone counts."""
        history = evidence.history
        return Sum(
            recency(history.ptr, history.rank, history.interest, history.kind, evidence.context_ptr, self._decay)
        )
