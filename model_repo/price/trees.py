"""Trees that bend the curves of demand: what price, promotion, season and level say beyond level and elasticity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

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

Settings = dict[str, Any]
"""Of LightGBM."""


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


@dataclass(frozen=True, slots=True)
class _Rows:
    """What is learnt from, (m,) each. known: log units believed before; weight: what a residual of them tells."""

    features: F32
    units: F64
    known: F64
    weight: F64

    def where(self, mask: npt.NDArray[np.bool_]) -> _Rows:
        return _Rows(self.features[mask], self.units[mask], self.known[mask], self.weight[mask])

    def data(self, settings: Settings, reference: Any = None) -> Any:
        """As LightGBM takes them; reference: what gives the bins."""
        import lightgbm

        return lightgbm.Dataset(
            self.features, label=self.units, weight=self.weight, init_score=self.known, params=settings,
            reference=reference,
        )  # fmt: skip

    def losses(self) -> tuple[float, float]:
        """What LightGBM's metric "poisson" says of no trees at all, and of foretelling every row exactly."""
        exact = self.units - self.units * np.log(np.maximum(self.units, 1e-12))
        without = self.weight * (np.exp(self.known) - self.units * self.known)
        return float(without.sum() / self.weight.sum()), float((self.weight * exact).sum() / self.weight.sum())


def bend_trees(
    panel: Panel, prior: Prior, before: F64, offsets: F64, shape: float, middle: float, params: Params, *, seed: int
) -> Trees | None:
    """LightGBM on what was believed of each row before it; None = there is too little to learn, or to gain.

    before: (N, 3) of Past; offsets: (N,). Units never rise with what moves with the price (monotone_constraints).
    A row's weight is what its residual tells of log units under the negative binomial.
    """
    import lightgbm  # with the system's OpenMP, which only those who train trees must have

    chosen = np.flatnonzero((before[:, 2] >= params.past_min) & ~panel.sold_out)
    if len(chosen) > params.rows_max:
        chosen = np.sort(chosen[np.argsort(-panel.period[chosen], kind="stable")[: params.rows_max]])
    if len(chosen) < params.rows_min:
        return None
    rows = _rows(panel, prior, before, offsets, shape, middle, chosen)
    settings: Settings = {
        "objective": "poisson", "num_leaves": params.leaves, "learning_rate": params.learning_rate,
        "min_data_in_leaf": params.leaf_rows, "monotone_constraints": list(FALLING), "max_bin": 63, "seed": seed,
        "deterministic": True, "force_row_wise": True, "num_threads": THREADS, "verbosity": -1,
        "lambda_l2": 1.0, "poisson_max_delta_step": 0.2,
    }  # fmt: skip
    newest = panel.period[chosen] >= np.quantile(panel.period[chosen], 1.0 - params.judged)
    if newest.all():
        return None
    kept = _worth(rows.where(~newest), rows.where(newest), settings, params)
    if not kept:
        return None
    booster = lightgbm.train(settings, rows.data(settings), kept)
    # Only the trees' sum is wanted, in log units; the objective would have it exponentiated
    text = booster.model_to_string().replace("objective=poisson", "objective=regression")
    return Trees(in_float32(text), len(FEATURES))


def _rows(
    panel: Panel, prior: Prior, before: F64, offsets: F64, shape: float, middle: float, chosen: npt.NDArray[np.intp]
) -> _Rows:
    at, distance = panel.series[chosen], distances(panel, prior.usual)[chosen]
    features = tree_rows(
        distance[:, None], prior.usual[at], middle, before[chosen, :2], panel.promo[chosen], panel.competitor[chosen],
        panel.day[chosen],
    )  # fmt: skip
    if panel.end_day - panel.first_day < SEASON_DAYS_MIN:
        features[:, SEASON] = 0.0  # a season seen once may be anything; a constant is never split on
    known = before[chosen, 0] + before[chosen, 1] * curve(distance, shape) + offsets[chosen]
    known = np.clip(known, -15.0, 25.0)
    return _Rows(features, panel.units[chosen], known, 1.0 / (1.0 + np.exp(known) / prior.size[panel.group[at]]))


def _worth(older: _Rows, newest: _Rows, settings: Settings, params: Params) -> int:
    """How many trees grown on the older rows foretell the newest best; 0 = they gain less than they must."""
    import lightgbm

    told: dict[str, dict[str, list[float]]] = {}
    data = older.data(settings)
    lightgbm.train(
        settings | {"metric": "poisson"}, data, params.trees, [newest.data(settings, data)], ["newest"],
        callbacks=[lightgbm.record_evaluation(told)],
    )  # fmt: skip
    losses = np.array(told["newest"]["poisson"])
    without, exact = newest.losses()
    gained = without - float(losses.min())
    return int(losses.argmin()) + 1 if gained >= params.gain_min * (without - exact) and gained > 0 else 0


def to_file(trees: Trees) -> bytes:
    """bend.onnx."""
    return to_onnx(trees, FEATURES)
