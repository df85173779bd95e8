"""What follows what: a Markov chain with skips, for shops where the order of things says much."""

from __future__ import annotations

import numpy as np

from serving.core.ports import I32
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.protocol import Evidence, Sum
from serving.kernels.history import CONTEXT


class Transitions:
    """half_life_visits: after so many visits an item counts half. See model_repo/transitions."""

    code = Code.TRANSITIONS

    def __init__(self, half_life_visits: float) -> None:
        self._decay = np.exp2(-np.arange(32, dtype=np.float32) / np.float32(half_life_visits))

    def find(self, evidence: Evidence, quota: I32) -> Sum:
        """By visits since the item was last touched; on an item page the page alone counts."""
        history = evidence.history
        weights = self._decay[np.minimum(history.rank, 31)]
        weights[history.interest <= 0] = 0.0
        on_page = np.repeat(np.diff(evidence.context_ptr) > 0, np.diff(history.ptr))
        if on_page.any():
            weights[on_page & (history.kind != CONTEXT)] = 0.0
        return Sum(weights)
