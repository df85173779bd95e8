"""Trees that bend the curves of demand: what price, promotion, season and level say beyond level and elasticity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.panel import Panel
from model_repo.price.prior import F64, Prior, curve, distances
from model_repo.ranker.onnx_file import to_onnx
from model_repo.ranker.trees import THREADS, Trees, in_float32
from serving.core.ports import F32
from serving.core.ranges import check_ranges
from serving.decisions.price.price_features import FALLING, FEATURES, tree_rows

SEASON: Final = [FEATURES.index("season_sin"), FEATURES.index("season_cos")]
SEASON_DAYS_MIN: Final = 2 * 365 + 1


@dataclass(frozen=True, slots=True)
class Params:
    """How the trees are grown.

    trees: 1..500; leaves: 2..256 of each; learning_rate: 1e-3..1; leaf_rows: 1..1e6, rows that a leaf must hold.
    past_min: 1..1000, periods that an item must have behind it for its row to be learnt from. rows_min: 1..1e9, with
    fewer of these there are no trees. rows_max: 1000..1e8, learnt from at most, the newest. judged: .05...5, share of
    the periods, the newest, that say how many of the trees are kept. gain_min: 0...5, share of the deviance that they
    must take off there: else there are none, and the curve stays as smooth as its two numbers make it.
    """

    trees: int = 80
    leaves: int = 16
    learning_rate: float = 0.1
    leaf_rows: int = 200
    past_min: int = 4
    rows_min: int = 4000
    rows_max: int = 400_000
    judged: float = 0.2
    gain_min: float = 0.005

    def __post_init__(self) -> None:
        check_ranges(
            self, "price.trees", ("trees", 1, 500), ("leaves", 2, 256), ("learning_rate", 1e-3, 1),
            ("leaf_rows", 1, 1e6), ("past_min", 1, 1000), ("rows_min", 1, 1e9), ("rows_max", 1000, 1e8),
            ("judged", 0.05, 0.5), ("gain_min", 0, 0.5),
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
    if panel.end_day - panel.first_day < SEASON_DAYS_MIN:
        features[:, SEASON] = 0.0  # a season seen once may be anything; a constant is never split on
    settings = {
        "objective": "poisson", "num_leaves": params.leaves, "learning_rate": params.learning_rate,
        "min_data_in_leaf": params.leaf_rows, "monotone_constraints": list(FALLING), "max_bin": 63, "seed": seed,
        "deterministic": True, "force_row_wise": True, "num_threads": THREADS, "verbosity": -1,
        "lambda_l2": 1.0, "poisson_max_delta_step": 0.2,
    }  # fmt: skip

    def grown(some: npt.NDArray[np.bool_], trees: int, judge: npt.NDArray[np.bool_] | None = None) -> object:
        known_rows, told = _data(features, units, weight, known, some, settings), {}
        if judge is None:
            return lightgbm.train(settings, known_rows, trees)
        judged = _data(features, units, weight, known, judge, settings, known_rows)
        lightgbm.train(
            settings | {"metric": "poisson"}, known_rows, trees, [judged], ["newest"],
            callbacks=[lightgbm.record_evaluation(told)],
        )  # fmt: skip
        return told["newest"]["poisson"]

    units = panel.units[rows]
    newest = panel.period[rows] >= np.quantile(panel.period[rows], 1.0 - params.judged)
    if not newest.any() or newest.all():
        return None
    losses = np.array(grown(~newest, params.trees, newest))
    without, best = _poisson_losses(units[newest], known[newest], weight[newest])
    if without - losses.min() < params.gain_min * (without - best):
        return None
    booster = grown(np.ones(len(rows), np.bool_), int(losses.argmin()) + 1)
    # Only the trees' sum is wanted, in log units; the objective would have it exponentiated
    text = booster.model_to_string().replace("objective=poisson", "objective=regression")  # type: ignore[attr-defined]
    return Trees(in_float32(text), len(FEATURES))


def _data(
    features: F32, units: F64, weight: F64, known: F64, some: npt.NDArray[np.bool_], settings: dict[str, object],
    reference: object = None,
) -> object:  # fmt: skip
    import lightgbm

    return lightgbm.Dataset(
        features[some], label=units[some], weight=weight[some], init_score=known[some], params=settings,
        reference=reference,
    )  # fmt: skip


def _poisson_losses(units: F64, log_mu: F64, weight: F64) -> tuple[float, float]:
    """What LightGBM's metric "poisson" says of no trees at all, and of foretelling every row exactly."""
    exact = units - units * np.log(np.maximum(units, 1e-12))
    without = float((weight * (np.exp(log_mu) - units * log_mu)).sum() / weight.sum())
    return without, float((weight * exact).sum() / weight.sum())


def to_file(trees: Trees) -> bytes:
    """bend.onnx."""
    return to_onnx(trees, FEATURES)
