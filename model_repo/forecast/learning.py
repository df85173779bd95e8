"""Two ensembles of trees over the same features: how much more or less than expected sells, and how wide it spreads."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_repo.forecast.examples import Examples
from model_repo.ranker.trees import Trees, in_float32
from model_repo.work import Progress
from serving.core.ports import F32
from serving.core.ranges import check_ranges
from serving.kernels.demand_counts import size_gradient

if TYPE_CHECKING:
    from lightgbm import Booster

THREADS: Final = 1
"""As of ranker/trees.py."""
LOG_SIZE: Final = 6.0
"""The log of the negative binomial's size stays within this of 0."""
MEAN_MIN: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Params:
    """How the trees are grown.

    trees: 1..1000; leaves: 2..256; learning_rate: 1e-3..1; leaf_rows: 1..1e6 examples that a leaf must hold, less where
    there are few; power: 1..1.99 of Tweedie's variance; columns: 0.1..1 of the features for each tree; bins: 4..255.
    spread_trees, spread_leaves: of the spread. group_weight: 1..1000, of an example of a category or the whole shop.
    """

    trees: int = 100
    leaves: int = 24
    learning_rate: float = 0.06
    leaf_rows: int = 300
    power: float = 1.7
    columns: float = 0.6
    bins: int = 63
    spread_trees: int = 60
    spread_leaves: int = 16
    group_weight: float = 1.0

    def __post_init__(self) -> None:
        check_ranges(
            self, "forecast",
            ("trees", 1, 1000), ("leaves", 2, 256), ("learning_rate", 1e-3, 1.0), ("leaf_rows", 1, 1e6),
            ("power", 1.0, 1.99), ("columns", 0.1, 1.0), ("bins", 4, 255), ("spread_trees", 1, 1000),
            ("spread_leaves", 2, 256), ("group_weight", 1.0, 1000.0),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Learnt:
    """Both ensembles; `Trees.score` gives logs."""

    mean: Trees
    """Log of the units sold over those expected."""
    spread: Trees
    """Log of the size (1 / dispersion) over e^spread_at."""
    spread_at: float


def learn(examples: Examples, params: Params, *, seed: int, progress: Progress | None = None) -> Learnt:
    """Tweedie deviance of the ratio for the mean; then, given that mean, the negative binomial's likelihood for the
    spread. The same examples and seed give the same trees.

    Sources: Ke et al. 2017, "LightGBM"; Jorgensen 1987 (Tweedie).
    """
    mean = _mean(examples, params, seed, _part(progress, 0.0, 0.6))
    mu = np.maximum(examples.expected * np.exp(mean.score(examples.features)), MEAN_MIN).astype(np.float32)
    spread, at = _spread(examples, mu, params, seed, _part(progress, 0.6, 0.4))
    return Learnt(mean, spread, at)


def _mean(examples: Examples, params: Params, seed: int, told: list[Any]) -> Trees:
    import lightgbm

    settings = _settings(examples, params, seed) | {
        "objective": "tweedie", "tweedie_variance_power": params.power, "num_leaves": params.leaves,
    }  # fmt: skip
    ratio = examples.units / np.maximum(examples.expected, MEAN_MIN)
    weight = np.where(examples.level > 0, params.group_weight, 1.0)
    data = lightgbm.Dataset(examples.features, label=ratio, weight=weight, params=settings)
    return _trees(lightgbm.train(settings, data, params.trees, callbacks=told), examples)


def _spread(examples: Examples, mu: F32, params: Params, seed: int, told: list[Any]) -> tuple[Trees, float]:
    import lightgbm

    units = examples.units
    gradient, hessian = np.empty(len(mu)), np.empty(len(mu))
    at = 0.0
    for _ in range(30):  # Newton's steps to the one size that fits all examples best
        size_gradient(np.full(len(mu), at), mu, units, gradient, hessian)
        at = float(np.clip(at - gradient.sum() / hessian.sum(), -LOG_SIZE, LOG_SIZE))

    def objective(scores: np.ndarray, _: Any) -> tuple[np.ndarray, np.ndarray]:
        size_gradient(np.clip(scores + at, -LOG_SIZE, LOG_SIZE), mu, units, gradient, hessian)
        return gradient, hessian

    settings = _settings(examples, params, seed) | {"objective": objective, "num_leaves": params.spread_leaves}
    data = lightgbm.Dataset(examples.features, label=units, params=settings)
    return _trees(lightgbm.train(settings, data, params.spread_trees, callbacks=told), examples), at


def _settings(examples: Examples, params: Params, seed: int) -> dict[str, Any]:
    return {
        "learning_rate": params.learning_rate, "max_bin": params.bins, "feature_fraction": params.columns,
        "min_data_in_leaf": int(min(params.leaf_rows, max(5, len(examples) // 100))),
        "lambda_l2": 1.0, "seed": seed, "deterministic": True, "force_row_wise": True, "num_threads": THREADS,
        "verbosity": -1,
    }  # fmt: skip


def _trees(booster: Booster, examples: Examples) -> Trees:
    """The ensemble with raw scores: the link is applied by who reads them."""
    text = re.sub(r"(?m)^(objective=|\[objective: )[^\]\n]*", r"\1regression", booster.model_to_string())
    if "\nobjective=" not in text:  # LightGBM knows no name for an objective of ours
        text = text.replace("\nfeature_names=", "\nobjective=regression\nfeature_names=", 1)
    return Trees(in_float32(text), examples.features.shape[1])


def _part(progress: Progress | None, begun: float, share: float) -> list[Callable[[Any], None]]:
    if progress is None:
        return []
    return [lambda now: progress(begun + share * (now.iteration + 1) / now.end_iteration)]
