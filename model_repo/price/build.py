"""The pricing model of a shop, from a panel of its sales: prior, then the past in order, then trees on what is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from model_repo.datasets.panel import Panel, panel_of
from model_repo.datasets.tables import Dataset
from model_repo.price import prior as hierarchy
from model_repo.price.prior import F64, Prior, competition, curve, distances, fit_prior
from model_repo.price.trees import Params as TreeParams
from model_repo.price.trees import bend_trees, to_file
from model_repo.ranker.trees import Trees
from serving.adapters.price_files import dump_price_model, load_price_model
from serving.core.errors import InvalidInput
from serving.core.ranges import check_ranges
from serving.decisions.price.posterior import Curves, PosteriorDemand, next_common
from serving.decisions.price.price_features import tree_rows
from serving.kernels.demand_curve import run_history

SHAPES = (0.0, 0.5, 1.0, 2.0, 3.0)
DRIFTS = (0.0, 0.002, 0.01, 0.04)
"""Variance that an item's log level gains a period; which of them, the past itself says (one step ahead)."""
SLOPE_DRIFT_SHARE = 0.1
"""Of the level's drift: tastes change more slowly than sales do."""


@dataclass(frozen=True, slots=True)
class Params:
    """ahead: 1..52, periods between what is known and what is foretold. trees: None = no trees."""

    prior: hierarchy.Params = field(default_factory=hierarchy.Params)
    trees: TreeParams | None = field(default_factory=TreeParams)
    ahead: int = 1

    def __post_init__(self) -> None:
        check_ranges(self, "price", ("ahead", 1, 52))


@dataclass(frozen=True, slots=True)
class Past:
    """A panel as the kernel walks it, and what was believed before each row."""

    before: F64
    """(N, 3) level, slope, observations they rest on."""
    mean: F64
    cov: F64
    likelihood: float
    expected: F64
    """(N,) what was believed to move the whole shop in the row's period."""
    common: float
    """The same of the period after the last."""


@dataclass(frozen=True, slots=True)
class Built:
    """files: of the release. metrics: what metrics.json says. model: the same as the gateway loads it."""

    files: Mapping[str, bytes]
    metrics: Mapping[str, float]
    model: PosteriorDemand
    prior: Prior


def build_from(dataset: Dataset, *, seed: int = 0, params: Params | None = None) -> Built | None:
    """Of a shop's history; None = nothing was sold at a price, so there is nothing to price by."""
    try:
        panel = panel_of(dataset)
    except InvalidInput:
        return None
    return build(panel, seed=seed, params=params)


def build(panel: Panel, *, seed: int = 0, params: Params | None = None) -> Built:
    """The same panel and seed give the same bytes. Raises InvalidInput for a panel that says nothing of demand."""
    params = params or Params()
    if not len(panel):
        raise InvalidInput("panel", "no rows", "at least one period of one item")
    if not (panel.units > 0).any():
        raise InvalidInput("panel.units", "all zero", "at least one sale: demand cannot be learnt from none")
    shape, drift, prior, past = _chosen(panel, params)
    middle = float(np.median(prior.usual))
    trees, bend = None, np.zeros(len(panel))
    if params.trees is not None:
        trees = bend_trees(
            panel, prior, past.before, _offsets(panel, prior) + past.expected, shape, middle, params.trees, seed=seed
        )
    if trees is not None:
        bend = _bent(panel, prior, past.before, middle, trees)
        past = _walk(panel, prior, shape, drift, params.ahead, bend)
    of = panel.group
    curves = Curves(
        item_ids=panel.ids,
        usual=prior.usual,
        usual_competitor=prior.usual_competitor,
        promo=prior.promo[of],
        cross=prior.cross[of],
        size=prior.size[of],
        group=of,
        drift=np.array([drift, SLOPE_DRIFT_SHARE * drift]),
        prior=prior.variance,
        shape=shape,
        middle=middle,
        first_day=panel.end_day,
        period_days=panel.period_days,
        currency=panel.currency,
    )
    files = dump_price_model(
        PosteriorDemand(curves, past.mean, past.cov, common=past.common), None if trees is None else to_file(trees)
    )
    model = load_price_model(files)
    return Built(files, _metrics(panel, prior, model, shape, drift, seed), model, prior)


def _chosen(panel: Panel, params: Params) -> tuple[float, float, Prior, Past]:
    """Shape of the curve and drift of the level under which the past was foretold best."""
    varied = _varies(panel)
    best: tuple[float, float, Prior, Past] | None = None
    for shape in SHAPES if varied else SHAPES[:1]:
        prior = fit_prior(panel, shape, params.prior)
        for drift in DRIFTS:
            past = _walk(panel, prior, shape, drift, params.ahead, np.zeros(len(panel)))
            if best is None or past.likelihood > best[3].likelihood:
                best = shape, drift, prior, past
    assert best is not None
    return best


def _varies(panel: Panel) -> bool:
    """Whether any series was ever sold at two prices."""
    same = panel.series[1:] == panel.series[:-1]
    return bool((same & (panel.price[1:] != panel.price[:-1])).any())


def _offsets(panel: Panel, prior: Prior) -> F64:
    """(N,) what promotion and competitor add to log units."""
    of = panel.group[panel.series]
    return prior.promo[of] * panel.promo + prior.cross[of] * competition(panel, prior.usual_competitor)


def _walk(panel: Panel, prior: Prior, shape: float, drift: float, ahead: int, bend: F64) -> Past:
    """The past in order, as the served model would have learnt it."""
    n, of = len(panel.ids), panel.group
    mean, cov, before = np.empty((n, 2)), np.empty((n, 3)), np.empty((len(panel), 3))
    common, expected, last = _common(panel, prior, ahead)
    likelihood = run_history(
        panel.starts(), panel.period, curve(distances(panel, prior.usual), shape), _offsets(panel, prior) + bend,
        common, expected, panel.units, panel.sold_out, prior.size[of],
        np.stack([prior.level[of], prior.slope[of]], axis=1), prior.variance,
        np.array([drift, SLOPE_DRIFT_SHARE * drift]), ahead, before, mean, cov,
    )  # fmt: skip
    return Past(before, mean, cov, likelihood, expected, last)


def _common(panel: Panel, prior: Prior, ahead: int) -> tuple[F64, F64, float]:
    """(N,) what moved the shop in each row's period, (N,) what was believed of it before, and of the next period."""
    believed = np.zeros(len(prior.common) + 1)
    for period, moved in enumerate(prior.common):
        believed[period + 1] = next_common(believed[period], moved)
    known = np.maximum(panel.period - (ahead - 1), 0)
    return prior.common[panel.period], believed[known], float(believed[-1])


def _bent(panel: Panel, prior: Prior, before: F64, middle: float, trees: Trees) -> F64:
    """(N,) what the trees add to log units."""
    rows = tree_rows(
        distances(panel, prior.usual)[:, None], prior.usual[panel.series], middle, before[:, :2], panel.promo,
        panel.competitor, panel.day,
    )  # fmt: skip
    return trees.score(rows).astype(np.float64)


def _metrics(
    panel: Panel, prior: Prior, model: PosteriorDemand, shape: float, drift: float, seed: int
) -> dict[str, float]:
    slopes = model.elasticity(np.arange(len(panel.ids), dtype=np.int32))
    return {
        "rows": float(len(panel)),
        "series": float(len(panel.ids)),
        "series_with_price_changes": float(prior.moved.sum()),
        "prior_only": float(not prior.moved.any()),
        "shape": shape,
        "drift": drift,
        "elasticity_median": float(np.median(slopes)),
        "elasticity_p10": float(np.quantile(slopes, 0.1)),
        "elasticity_p90": float(np.quantile(slopes, 0.9)),
        "period_days": float(panel.period_days),
        "trees": float(model.trees is not None),
        "seed": float(seed),
    }
