"""The same search for every baseline: as many configurations, one seed, judged on one tuning split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from model_repo.evaluate.baselines import Contender
from model_repo.evaluate.baselines.interactions import Interactions
from model_repo.evaluate.baselines.protocol import Baseline
from model_repo.evaluate.metrics import hits_of, per_customer
from model_repo.evaluate.splits import Split
from serving.core.errors import InvalidInput

BUDGET = 16
"""Configurations tried for each baseline (fewer where its space is smaller)."""
TARGET_K = 10
"""NDCG at this k decides."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the search found."""

    values: Mapping[str, Any]
    ndcg: float
    """NDCG@10 on the tuning split."""
    tried: int


def configurations(space: Mapping[str, tuple[Any, ...]], budget: int, seed: int) -> Iterator[dict[str, Any]]:
    """The default (first values), then distinct draws from the grid without replacement; `budget` in all at most."""
    sizes = [len(values) for values in space.values()]
    cells = int(np.prod(sizes))
    drawn = np.random.default_rng(seed).permutation(cells)
    order = [0, *drawn[drawn != 0]][:budget]  # cell 0 is the first value of everything
    for cell in order:
        places = np.unravel_index(cell, sizes)
        yield {name: values[place] for (name, values), place in zip(space.items(), places, strict=True)}


def search(
    contender: Contender,
    known: Interactions,
    split: Split,
    *,
    seed: int,
    budget: int = BUDGET,
    progress: Callable[[str], None] = lambda line: None,
) -> Chosen:
    """The configuration with the best NDCG@10 on `split`; of equals, the earlier one.

    From the default, one parameter after the other is changed and kept where that is better, until no single change
    is; what is left of the budget goes to seeded draws from the whole grid.
    """
    if budget < 1:
        raise InvalidInput("budget", budget, "at least 1 configuration")
    tried: dict[tuple[Any, ...], float] = {}
    best: dict[str, Any] = {}

    def attempt(values: dict[str, Any]) -> bool:
        """Whether `values` are the new best; nothing is done twice, or beyond the budget."""
        nonlocal best
        key = tuple(values.values())
        if key in tried or len(tried) >= budget:
            return False
        quality = judge(build(contender, values, seed), known, split)
        better = not tried or quality > max(tried.values())
        tried[key] = quality
        best = values if better else best
        progress(f"{contender.name} {len(tried)}: NDCG@{TARGET_K} {quality:.4f} with {spelt(values)}")
        return better

    draws = configurations(contender.space, int(np.prod([len(v) for v in contender.space.values()])), seed)
    moved = attempt(next(draws))
    while moved:
        moved = False
        for name, values in contender.space.items():
            for value in values:
                moved |= attempt({**best, name: value})
    for draw in draws:
        attempt(draw)
    return Chosen(best, tried[tuple(best.values())], len(tried))


def build(contender: Contender, values: Mapping[str, Any], seed: int) -> Baseline:
    return contender.make(**values, seed=seed) if contender.seeded else contender.make(**values)


def judge(method: Baseline, known: Interactions, split: Split) -> float:
    """NDCG@10 of `method`, fitted on `known`, against the truth of `split`."""
    method.fit(known)
    lists = method.recommend(known.of_users(split.users), TARGET_K)
    size = np.diff(split.truth_ptr)
    hits = hits_of(lists, np.repeat(np.arange(len(split)), size), split.truth)
    return float(per_customer(hits, size, TARGET_K)["ndcg"].mean())


def spelt(values: Mapping[str, Any]) -> str:
    """The values for people: `half_life=14 popular=0.1`."""
    return " ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )
