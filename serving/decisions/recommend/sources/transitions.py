"""What follows what: a Markov chain with skips, for shops where the order of things says much
(model_repo/transitions)."""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.core.ports import F32
from serving.decisions.recommend.contract import Source as Code
from serving.kernels.recency import recency

CODE, QUOTA = Code.TRANSITIONS, "from_transitions"

VISITS_MAX = 32
"""What was touched more visits ago counts as if it were so many."""


def decay(half_life_visits: float) -> F32:
    """By visits since: after `half_life_visits` an item counts half."""
    weights: F32 = np.exp2(-np.arange(VISITS_MAX, dtype=np.float32) / np.float32(half_life_visits))
    return weights


@njit(cache=True, nogil=True)
def weigh(history, context_ptr, decay, out):
    """By visits since the item was last touched; on an item page the page alone counts; out (h,) float32."""
    recency(history, context_ptr, decay, out)
