"""The rerank kernel read page by page: a longer page begins with the shorter one, whatever rules it has."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pages import page_of, shown

from serving.kernels.diversity import DPP, MMR
from serving.kernels.signals import FRESH, PINNED, TRENDING

N, D, FIRST = 120, 16, 10


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"diversity": 0.5, "method": MMR},
        {"diversity": 0.5, "method": DPP},
        {"max_brand": 4, "max_category": 9},
        {"explore": 0.5, "seed": 7},
        {"diversity": 0.3, "method": DPP, "explore": 0.3, "max_brand": 6},
    ],
)
@pytest.mark.parametrize("fresh", [0, 1])
def test_a_longer_page_goes_on_where_a_shorter_one_ended(
    rules: dict[str, Any], pinned: bool, fresh: int, seed: int
) -> None:
    """More candidates than the pool holds, so that its end is passed; new arrivals at the bottom of the order."""
    rng = np.random.default_rng(seed)
    units = rng.standard_normal((N, D)).astype(np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    scores, sources = rng.random(N).astype(np.float32), np.full(N, TRENDING)
    sources[np.argsort(scores)[20:23]] = FRESH
    pins = [[(3, 1), (4, 9), (5, 40)]] if pinned else None
    sources[3:6] = PINNED
    brand, category = rng.integers(0, 6, N).astype(np.int32), rng.integers(0, 5, N).astype(np.int32)
    answers = []
    for size in (FIRST, 2 * FIRST, 50, 80, N):
        page = page_of(1, pins, size=size, first=FIRST, fresh_slots=fresh, **rules)
        [(picks, chances)] = shown(page, np.arange(N), scores, units, brand, category, sources=sources)
        assert len(picks) == len(set(picks))
        answers.append((picks, chances))
    for (short, chance), (long, chances) in pairwise(answers):
        assert long[: len(short)] == short
        assert chances[: len(short)] == chance
    if fresh:
        assert FRESH in sources[answers[0][0]]
    if pinned:
        assert {3, 4, 5} & set(answers[0][0])
