"""The same search for every baseline: as many configurations, one seed, judged on the same tuning splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from model_repo.evaluate.baselines import Contender
from model_repo.evaluate.baselines.interactions import Interactions
from model_repo.evaluate.baselines.protocol import Baseline
from model_repo.evaluate.metrics import hits_of, per_customer
from model_repo.evaluate.splits import Split
from serving.core.errors import InvalidInput
from serving.core.ports import I32

BUDGET = 16
"""Configurations tried for each baseline (fewer where its space is smaller)."""
TARGET_K = 10
"""NDCG at this k decides."""

Space = Mapping[str, tuple[Any, ...]]
"""Parameter -> the values that may be drawn; the first is the default."""
Values = dict[str, Any]
Say = Callable[[str], None]
"""Takes one line about what is being done."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the search found."""

    values: Mapping[str, Any]
    ndcg: float
    """NDCG@10 on the tuning split; the mean where there are several."""
    tried: int


@dataclass(frozen=True, slots=True)
class Fold:
    """One tuning split and the purchases before it."""

    known: Interactions
    split: Split


def configurations(space: Space, budget: int, seed: int) -> Iterator[Values]:
    """The default (first values), then distinct draws from the grid without replacement; `budget` in all at most."""
    sizes = [len(values) for values in space.values()]
    cells = int(np.prod(sizes))
    drawn = np.random.default_rng(seed).permutation(cells)
    order = [0, *drawn[drawn != 0]][:budget]  # cell 0 is the first value of everything
    for cell in order:
        places = np.unravel_index(cell, sizes)
        yield {name: values[place] for (name, values), place in zip(space.items(), places, strict=True)}


def search(
    contender: Contender, folds: Sequence[Fold], *, seed: int, budget: int = BUDGET, progress: Say = lambda line: None
) -> Chosen:
    """The configuration with the best mean NDCG@10 over `folds`; see `climb`."""
    fitted = Fitted(contender, folds, seed)
    return climb(contender.name, contender.space, fitted.judge, seed=seed, budget=budget, progress=progress)


def climb(
    name: str,
    space: Space,
    judge: Callable[[Values], float],
    *,
    seed: int,
    budget: int = BUDGET,
    progress: Say = lambda line: None,
) -> Chosen:
    """The values that `judge` finds best; of equals, the earlier ones.

    From the default, one parameter after the other is changed and kept where that is better, until no single change
    is; what is left of the budget goes to seeded draws from the whole grid.
    """
    if budget < 1:
        raise InvalidInput("budget", budget, "at least 1 configuration")
    tried: dict[tuple[Any, ...], float] = {}
    best: Values = {}

    def attempt(values: Values) -> bool:
        """Whether `values` are the new best; nothing is done twice, or beyond the budget."""
        nonlocal best
        key = tuple(values.values())
        if key in tried or len(tried) >= budget:
            return False
        quality = judge(values)
        better = not tried or quality > max(tried.values())
        tried[key] = quality
        best = values if better else best
        progress(f"{name} {len(tried)}: NDCG@{TARGET_K} {quality:.4f} with {spelt(values)}")
        return better

    draws = configurations(space, int(np.prod([len(values) for values in space.values()])), seed)
    moved = attempt(next(draws))
    while moved:
        moved = False
        for parameter, values in space.items():
            for value in values:
                moved |= attempt({**best, parameter: value})
    for draw in draws:
        attempt(draw)
    return Chosen(best, tried[tuple(best.values())], len(tried))


class Fitted:
    """Judges a contender's values, and fits anew only where they change what is learnt.

    Keeps the fits of the best values so far: that is what a climb changes one parameter of.
    """

    def __init__(self, contender: Contender, folds: Sequence[Fold], seed: int) -> None:
        self._contender, self._folds, self._seed = contender, folds, seed
        self._best = -1.0
        self._learnt: Values = {}
        self._methods: list[Baseline] = []

    def judge(self, values: Values) -> float:
        """Mean NDCG@10 over the folds."""
        learnt = {name: value for name, value in values.items() if name not in self._contender.asked}
        if self._methods and learnt == self._learnt:
            methods = [asked_with(method, values) for method in self._methods]
        else:
            methods = [build(self._contender, values, self._seed) for _ in self._folds]
            for method, fold in zip(methods, self._folds, strict=True):
                method.fit(fold.known)
        ndcg = [
            ndcg_of(method.recommend(fold.known.of_users(fold.split.users), TARGET_K), fold.split)
            for method, fold in zip(methods, self._folds, strict=True)
        ]
        quality = float(np.mean(ndcg))
        if quality > self._best:
            self._best, self._learnt, self._methods = quality, learnt, methods
        return quality


def asked_with(method: Baseline, values: Values) -> Baseline:
    """The same fit, asked with other values."""
    other = copy(method)
    for name, value in values.items():
        setattr(other, name, value)
    return other


def build(contender: Contender, values: Mapping[str, Any], seed: int) -> Baseline:
    return contender.make(**values, seed=seed) if contender.seeded else contender.make(**values)


def ndcg_of(lists: I32, split: Split) -> float:
    """Mean NDCG@10 of lists (u, >= 10) against the truth of `split`."""
    size = np.diff(split.truth_ptr)
    hits = hits_of(lists, np.repeat(np.arange(len(split)), size), split.truth)
    return float(per_customer(hits, size, TARGET_K)["ndcg"].mean())


def spelt(values: Mapping[str, Any]) -> str:
    """The values for people: `half_life=14 popular=0.1`."""
    return " ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )
