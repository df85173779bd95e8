"""Hierarchical elasticities by empirical Bayes: each item shrunk to its category, each category to the shop.

A negative binomial regression of units on a level and a slope per item, a promotion effect and a cross-elasticity per
category, and one effect per period; means and variances of the levels are estimated from the items (Rossi, Allenby &
McCulloch 2005, chapter 3, with modes and curvatures in place of draws).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_repo.datasets.panel import Panel
from serving.core.ranges import check_ranges
from serving.kernels.demand_curve import REACH, SLOPE_MAX, SLOPE_MIN

F64 = npt.NDArray[np.float64]
LOG_UNITS_MAX = 25.0
SIZE_MIN, SIZE_MAX = 0.05, 1000.0


@dataclass(frozen=True, slots=True)
class Params:
    """What is believed before any sale.

    elasticity: -10..0 of a shop without price variation, and its deviation elasticity_sd .05..5: means of published
    ones lie around -1.8 (Tellis 1988) to -2.6 (Bijmolt, van Heerde & Pieters 2005). group_sd: .01..5, deviation of the
    categories around the shop; item_sd: .01..5, of the items around their category, to begin with. rounds: 1..100.
    """

    elasticity: float = -2.2
    elasticity_sd: float = 1.0
    group_sd: float = 0.5
    item_sd: float = 0.5
    rounds: int = 12

    def __post_init__(self) -> None:
        check_ranges(
            self, "price", ("elasticity", -10, 0), ("elasticity_sd", 0.05, 5), ("group_sd", 0.01, 5),
            ("item_sd", 0.01, 5), ("rounds", 1, 100),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prior:
    """What the items of a category have in common."""

    usual: F64
    """(n,) usual price of each series, minor units."""
    usual_competitor: F64
    """(n,) minor units, 0 = unknown."""
    level: F64
    """(g,) mean log units a period at the usual price."""
    slope: F64
    """(g,) mean elasticity."""
    variance: F64
    """(2,) of level and slope of the items around their category."""
    promo: F64
    """(g,)."""
    cross: F64
    """(g,) >= 0."""
    size: F64
    """(g,) of the negative binomial."""
    common: F64
    """(periods,) what moved the whole shop, log units."""
    moved: npt.NDArray[np.bool_]
    """(n,) series whose price ever moved."""


def curve(x: F64, shape: float) -> F64:
    """(N,) g of the distance; see kernels/demand_curve.py."""
    return x if shape < 1e-6 else np.expm1(shape * x) / shape


def distances(panel: Panel, usual: F64) -> F64:
    """(N,) log(price / usual)."""
    return np.clip(np.log(panel.price / usual[panel.series]), -REACH, REACH)


def competition(panel: Panel, usual_competitor: F64) -> F64:
    """(N,) log(competitor / usual), 0 = unknown."""
    usual = usual_competitor[panel.series]
    known = (panel.competitor > 0) & (usual > 0)
    return np.where(known, np.log(np.where(known, panel.competitor, 1) / np.where(known, usual, 1.0)), 0.0)


def usual_of(values: npt.NDArray[np.int64], series: npt.NDArray[np.int32], n: int) -> F64:
    """(n,) geometric mean of each series' values above 0, 0 = there are none."""
    known = values > 0
    count = np.bincount(series[known], minlength=n)
    logs = np.bincount(series[known], np.log(values[known].astype(np.float64)), n)
    return np.where(count > 0, np.exp(logs / np.maximum(count, 1)), 0.0)


def fit_prior(panel: Panel, shape: float, params: Params) -> Prior:
    """The prior of a panel; needs at least one row. Deterministic."""
    n = len(panel.ids)
    usual = usual_of(panel.price, panel.series, n)
    usual_competitor = usual_of(panel.competitor, panel.series, n)
    # An item without sales is believed to cost what the middle one does; its units are the category's.
    usual = np.where(usual > 0, usual, np.median(usual[usual > 0]))
    fit = _Fit(panel, usual, usual_competitor, shape, params)
    for _ in range(params.rounds):
        fit.round()
    return Prior(
        usual, usual_competitor, fit.group_level, fit.group_slope, np.array([fit.var_level, fit.var_slope]),
        fit.promo, fit.cross, fit.size, fit.season, fit.moved,
    )  # fmt: skip


class _Fit:
    """The rounds' state. Sums over rows of a series, a category or a period are bincounts."""

    def __init__(self, panel: Panel, usual: F64, usual_competitor: F64, shape: float, params: Params) -> None:
        self.panel, self.params = panel, params
        self.n, self.g = len(panel.ids), len(panel.groups)
        x = distances(panel, usual)
        self.x, self.c = curve(x, shape), competition(panel, usual_competitor)
        self.z = panel.promo.astype(np.float64)
        self.of_group = panel.group[panel.series]
        self.periods = int(panel.period.max()) + 1
        self.y = panel.units
        # What was sold out says little of demand and nothing of its slope
        self.sure = (~panel.sold_out).astype(np.float64)
        rows = np.maximum(self.by_series(self.sure), 1e-9)
        self.level = np.log((self.by_series(self.y * self.sure) + 0.5) / (rows + 0.5))
        self.slope = np.full(self.n, params.elasticity)
        low, high = np.full(self.n, np.inf), np.full(self.n, -np.inf)
        np.minimum.at(low, panel.series, x)
        np.maximum.at(high, panel.series, x)
        self.moved = high > low + 1e-6
        self.var_level, self.var_slope = 1.0, params.item_sd**2
        seen = np.bincount(panel.group, (rows > 0.5).astype(np.float64), self.g)
        sums = np.bincount(panel.group, np.where(rows > 0.5, self.level, 0.0), self.g)
        everywhere = float(self.level[rows > 0.5].mean()) if (rows > 0.5).any() else 0.0
        self.group_level = (sums + everywhere) / (seen + 1.0)
        self.group_slope = np.full(self.g, params.elasticity)
        self.promo, self.cross, self.size = np.zeros(self.g), np.zeros(self.g), np.full(self.g, 2.0)
        self.season = np.zeros(self.periods)

    def by_series(self, values: F64) -> F64:
        return np.bincount(self.panel.series, values, self.n)

    def by_group(self, values: F64) -> F64:
        return np.bincount(self.of_group, values, self.g)

    def round(self) -> None:
        self._items()
        self._common()
        self._means()
        self._sizes()

    def _fitted(self) -> tuple[F64, F64, F64]:
        """(N,) mean units, weights and weighted residuals of the working regression."""
        at, of = self.panel.series, self.of_group
        log_mu = self.level[at] + self.slope[at] * self.x + self.promo[of] * self.z + self.cross[of] * self.c
        mu = np.exp(np.clip(log_mu + self.season[self.panel.period], -LOG_UNITS_MAX, LOG_UNITS_MAX))
        spread = 1.0 + mu / self.size[of]
        return mu, self.sure * mu / spread, self.sure * (self.y - mu) / spread

    def _items(self) -> None:
        """Two damped Newton steps of every item's level and slope towards their mode."""
        group, x = self.panel.group, self.x
        for _ in range(2):
            _, w, u = self._fitted()
            a = self.by_series(w) + 1.0 / self.var_level
            b = self.by_series(w * x)
            d = self.by_series(w * x * x) + 1.0 / self.var_slope
            e = self.by_series(u) - (self.level - self.group_level[group]) / self.var_level
            f = self.by_series(u * x) - (self.slope - self.group_slope[group]) / self.var_slope
            determinant = a * d - b * b
            self.level = self.level + np.clip((d * e - b * f) / determinant, -1, 1)
            self.slope = np.clip(self.slope + np.clip((a * f - b * e) / determinant, -1, 1), SLOPE_MIN, SLOPE_MAX)
            self.var_of_level, self.var_of_slope = d / determinant, a / determinant

    def _common(self) -> None:
        """One step of the effects of promotion, competitor and period, each drawn to the shop's or to none."""
        for name, what, spread in (("promo", self.z, 0.3), ("cross", self.c, 0.3)):
            _, w, u = self._fitted()
            now = getattr(self, name)
            weight, pull = self.by_group(w * what * what), self.by_group(u * what)
            whole = float((weight * now).sum() + pull.sum()) / (float(weight.sum()) + 1.0)
            step = (pull - (now - whole) / spread**2) / (weight + 1.0 / spread**2)
            moved = now + np.clip(step, -0.5, 0.5)
            setattr(self, name, np.clip(moved, 0.0, 5.0) if name == "cross" else np.clip(moved, -3.0, 3.0))
        _, w, u = self._fitted()
        period = self.panel.period
        weight = np.bincount(period, w, self.periods)
        pull = np.bincount(period, u, self.periods) - self.season / 0.5**2
        self.season = self.season + np.clip(pull / (weight + 1.0 / 0.5**2), -0.5, 0.5)
        self.season -= self.season.mean()

    def _means(self) -> None:
        """Means and variances of the levels above, from what the items' own sales say."""
        group, params = self.panel.group, self.params
        _, w, _ = self._fitted()
        a, b = self.by_series(w), self.by_series(w * self.x)
        told = np.maximum(self.by_series(w * self.x * self.x) - b * b / np.maximum(a, 1e-9), 0.0)
        told = np.where(self.moved, told, 0.0)
        # The item's own estimate (its mode with the prior's pull taken off), times its weight 1 / (1 / told + var)
        share = 1.0 / (1.0 + self.var_slope * told)
        weight = told * share
        own = (told * self.slope + (self.slope - self.group_slope[group]) / self.var_slope) * share
        own = np.where(told > 0, own, 0.0)
        group_weight, group_own = np.bincount(group, weight, self.g), np.bincount(group, own, self.g)
        between = params.group_sd**2
        shrunk = 1.0 / (1.0 + between * group_weight)
        shop_weight = float((group_weight * shrunk).sum()) + 1.0 / params.elasticity_sd**2
        shop = (float((group_own * shrunk).sum()) + params.elasticity / params.elasticity_sd**2) / shop_weight
        self.group_slope = np.clip((group_own + shop / between) / (group_weight + 1.0 / between), SLOPE_MIN, SLOPE_MAX)
        told_share = self.var_slope * weight
        spread = self.var_of_slope + (self.slope - self.group_slope[group]) ** 2
        first = 5.0
        self.var_slope = float((told_share * spread).sum() + first * params.item_sd**2) / float(
            told_share.sum() + first
        )
        seen = (a > 0).astype(np.float64)
        sums, counts = np.bincount(group, seen * self.level, self.g), np.bincount(group, seen, self.g)
        middle = float((seen * self.level).sum() / max(seen.sum(), 1.0))
        self.group_level = (sums + middle) / (counts + 1.0)
        spread = seen * (self.var_of_level + (self.level - self.group_level[group]) ** 2)
        self.var_level = float(spread.sum() + 1.0) / float(seen.sum() + 1.0)

    def _sizes(self) -> None:
        """By moments: variance - mean = mean^2 / size; few rows are drawn to the shop's."""
        mu, _, _ = self._fitted()
        over = self.sure * ((self.y - mu) ** 2 - mu) / np.maximum(mu, 1e-9) ** 2
        weight = self.sure * mu / (1.0 + mu)  # relative residuals of hardly any units tell nothing
        whole = float((weight * over).sum() / max(float(weight.sum()), 1e-9))
        inverse = (self.by_group(weight * over) + 20.0 * whole) / (self.by_group(weight) + 20.0)
        self.size = np.clip(1.0 / np.maximum(inverse, 1e-9), SIZE_MIN, SIZE_MAX)
