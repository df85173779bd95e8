"""Trees that bend the curves of demand: what price, promotion, season and level say beyond level and elasticity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_repo.datasets.panel import Panel
from model_repo.price.prior import F64, Prior, curve, distances
from model_repo.ranker.onnx_file import to_onnx
from model_repo.ranker.trees import THREADS, Trees, in_float32
from serving.core.ranges import check_ranges
from serving.decisions.price.price_features import FALLING, FEATURES, tree_rows


@dataclass(frozen=True, slots=True)
class Params:
    """How the trees are grown.

    trees: 1..500; leaves: 2..256 of each; learning_rate: 1e-3..1; leaf_rows: 1..1e6, rows that a leaf must hold.
    past_min: 1..1000, periods that an item must have behind it for its row to be learnt from. rows_min: 1..1e9, with
    fewer of these there are no trees. rows_max: 1000..1e8, learnt from at most, the newest.
    """

    trees: int = 40
    leaves: int = 12
    learning_rate: float = 0.1
    leaf_rows: int = 200
    past_min: int = 4
    rows_min: int = 4000
    rows_max: int = 400_000

    def __post_init__(self) -> None:
        check_ranges(
            self, "price.trees", ("trees", 1, 500), ("leaves", 2, 256), ("learning_rate", 1e-3, 1),
            ("leaf_rows", 1, 1e6), ("past_min", 1, 1000), ("rows_min", 1, 1e9), ("rows_max", 1000, 1e8),
        )  # fmt: skip


def bend_trees(
    panel: Panel, prior: Prior, before: F64, offsets: F64, shape: float, middle: float, params: Params, *, seed: int
) -> Trees | None:
    """LightGBM on what was believed of each row before it; None = there is too little to learn from.

    before: (N, 3) of Past; offsets: (N,). Units never rise with what moves with the price (monotone_constraints).
    A row's weight is what its residual tells of log units under the negative binomial.
    """
    import lightgbm  # with the system's OpenMP, which only those who train trees must have

    rows = np.flatnonzero((before[:, 2] >= params.past_min) & ~panel.sold_out)
    if len(rows) > params.rows_max:
        rows = np.sort(rows[np.argsort(-panel.period[rows], kind="stable")[: params.rows_max]])
    if len(rows) < params.rows_min:
        return None
    at, distance = panel.series[rows], distances(panel, prior.usual)[rows]
    features = tree_rows(
        distance[:, None], prior.usual[at], middle, before[rows, :2], panel.promo[rows], panel.competitor[rows],
        panel.day[rows],
    )  # fmt: skip
    known = before[rows, 0] + before[rows, 1] * curve(distance, shape) + offsets[rows]
    known = np.clip(known, -15.0, 25.0)
    weight = 1.0 / (1.0 + np.exp(known) / prior.size[panel.group[at]])
    settings = {
        "objective": "poisson", "num_leaves": params.leaves, "learning_rate": params.learning_rate,
        "min_data_in_leaf": params.leaf_rows, "monotone_constraints": list(FALLING), "max_bin": 63, "seed": seed,
        "deterministic": True, "force_row_wise": True, "num_threads": THREADS, "verbosity": -1,
        "lambda_l2": 1.0, "poisson_max_delta_step": 0.2,
    }  # fmt: skip
    data = lightgbm.Dataset(features, label=panel.units[rows], weight=weight, init_score=known, params=settings)
    booster = lightgbm.train(settings, data, params.trees)
    # Only the trees' sum is wanted, in log units; the objective would have it exponentiated
    text = booster.model_to_string().replace("objective=poisson", "objective=regression")
    return Trees(in_float32(text), len(FEATURES))


def to_file(trees: Trees) -> bytes:
    """bend.onnx."""
    return to_onnx(trees, FEATURES)
