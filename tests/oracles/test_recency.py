"""Weights by visits since: the kernel equals its twin, on item pages and off them."""

from __future__ import annotations

import numpy as np
import pytest
from histories import random_history

from serving.kernels.history import CONTEXT
from serving.kernels.recency import recency

B = 6


@pytest.mark.parametrize("seed", range(4))
def test_recency_equals_its_twin(seed: int) -> None:
    """Odd requests are item pages; whatever is older than the table counts as its last entry."""
    rng = np.random.default_rng(seed)
    history = random_history(rng, B)
    context_ptr = np.cumsum([0, *(r % 2 for r in range(B))])
    decay = rng.random(3).astype(np.float32)
    found = np.full(len(history.row), np.nan, np.float32)
    recency(history, context_ptr, decay, found)
    on_page = np.repeat(np.arange(B) % 2 == 1, np.diff(history.ptr))
    counts = (history.interest > 0) & (~on_page | (history.kind == CONTEXT))
    expected = np.where(counts, decay[np.minimum(history.rank, 2)], 0)
    assert 0 < counts.sum() < len(counts)
    assert found.tolist() == expected.astype(np.float32).tolist()
