"""The served model of demand: each item's believed level and elasticity, times the trees that bend the curve."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput
from serving.core.ports import F32, I32, I64, Scorer
from serving.decisions.price.demand import LADDER_MAX, PriceContext, Sales
from serving.decisions.price.price_features import F64, KNOTS, USUAL, tree_rows
from serving.kernels import demand_curve

SLICE_ROWS = 4096
"""Items whose tree rows are made at a time: they stay in the cache, and memory does not grow with the catalogue."""


COMMON_UNITS = 100.0
"""Expected units that weigh as much as the belief that the period is like those before it."""
COMMON_STEP = 0.1
"""Of the way that the belief in the next period goes towards what moved this one."""


@dataclass(frozen=True, slots=True)
class Curves:
    """What was learnt of n items and does not change until the next training."""

    item_ids: tuple[str, ...]
    usual: F64
    """(n,) usual price, minor units, above 0."""
    usual_competitor: F64
    """(n,) minor units, 0 = unknown."""
    promo: F64
    """(n,) what a promotion adds to log units."""
    cross: F64
    """(n,) elasticity to the competitor's price, >= 0."""
    size: F64
    """(n,) of the negative binomial: variance = mu + mu^2 / size."""
    group: I32
    """(n,) number of the category that the item was shrunk to."""
    drift: F64
    """(2,) variance that level and slope gain a period."""
    prior: F64
    """(2,) variance of level and slope before any sale."""
    shape: float
    """Of the curve: 0 = log-log, 1 = semi-log; see kernels/demand_curve.py."""
    middle: float
    """Middle usual price of the shop."""
    first_day: int
    """Days since 1970-01-01: the day after the history ends."""
    period_days: int
    currency: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class PosteriorDemand:
    """A DemandModel. trees: reads price_features.FEATURES, answers what to add to log units; None = nothing."""

    curves: Curves
    mean: F64
    """(n, 2) level (log units a period at the usual price) and slope (elasticity there)."""
    cov: F64
    """(n, 3) variance of the level, covariance, variance of the slope."""
    trees: Scorer | None = None
    common: float = 0.0
    """What is believed to move the whole shop in the next period, log units."""

    @property
    def version(self) -> str:
        return self.curves.version

    @property
    def item_ids(self) -> tuple[str, ...]:
        return self.curves.item_ids

    @property
    def period_days(self) -> int:
        return self.curves.period_days

    @property
    def currency(self) -> str:
        return self.curves.currency

    def units(self, rows: I32, prices: I64, context: PriceContext, draw: F32 | None = None) -> F32:
        """See DemandModel. One run of the trees over the knots, then the kernel over the ladder."""
        rows, prices = np.asarray(rows, np.int32), np.asarray(prices, np.int64)
        self._check(rows, prices, context, draw)
        out = np.empty(prices.shape, np.float32)
        normals = np.zeros((0, 2)) if draw is None else np.asarray(draw, np.float64)
        for lo in range(0, len(rows), SLICE_ROWS):
            part = slice(lo, lo + SLICE_ROWS)
            some, asked = rows[part], _cut(context, part)
            state = np.empty((len(some), 2))
            demand_curve.bounded(self.mean[some], self.cov[some], normals[part], state)
            demand_curve.ladder(
                np.ascontiguousarray(prices[part]), self.curves.usual[some], state,
                self._shift(some, asked) + self.common, KNOTS, self._bends(some, asked), self.curves.shape,
                asked.on_hand, out[part],
            )  # fmt: skip
        return out

    def elasticity(self, rows: I32) -> F32:
        """See DemandModel: the slope, and that of the bend around the usual price, with nothing promoted."""
        state = np.empty((len(rows), 2))
        demand_curve.bounded(self.mean[rows], self.cov[rows], np.zeros((0, 2)), state)
        bends = self._bends(rows, PriceContext.plain(self.curves.first_day, len(rows)))
        low, high = USUAL - 1, USUAL + 1
        fall = (bends[:, high].astype(np.float64) - bends[:, low]) / (KNOTS[high] - KNOTS[low])
        total: F32 = (state[:, 1] + np.minimum(fall, 0.0)).astype(np.float32)
        return total

    def doubt(self, rows: I32) -> F32:
        """See DemandModel."""
        deviation: F32 = np.sqrt(np.maximum(self.cov[rows, 2], 0.0)).astype(np.float32)
        return deviation

    def update(self, sales: Sales) -> PosteriorDemand:
        """See DemandModel. Raises InvalidInput naming the column."""
        rows = np.asarray(sales.rows, np.int32)
        prices = np.asarray(sales.prices, np.int64)
        self._check(rows, prices[:, None], sales.context, None)
        if len(np.unique(rows)) != len(rows):
            raise InvalidInput("sales.rows", "a row twice", "each item at most once a period")
        units = np.asarray(sales.units, np.float32)
        if units.shape != rows.shape or not (np.isfinite(units) & (units >= 0)).all():
            raise InvalidInput("sales.units", _first_bad(units), "a finite number >= 0 for each row")
        shift, bends = self._shift(rows, sales.context), self._bends(rows, sales.context)
        moved = self._moved(rows, units, prices, shift, bends, sales)
        mean, cov, c = self.mean.copy(), self.cov.copy(), self.curves
        demand_curve.learn(
            rows, units, prices, np.asarray(sales.sold_out, np.bool_), c.usual, shift + moved, KNOTS, bends, c.shape,
            c.size, c.drift, c.prior, mean, cov,
        )  # fmt: skip
        return replace(self, mean=mean, cov=cov, common=next_common(self.common, moved))

    def _moved(self, rows: I32, units: F32, prices: I64, shift: F64, bends: F32, sales: Sales) -> float:
        """What moved the whole shop in the period, log units: a weekday, a season, the weather."""
        state, expected = np.empty((len(rows), 2)), np.empty((len(rows), 1), np.float32)
        demand_curve.bounded(self.mean[rows], self.cov[rows], np.zeros((0, 2)), state)
        untracked = np.full(len(rows), -1, np.int64)
        demand_curve.ladder(
            prices[:, None], self.curves.usual[rows], state, shift, KNOTS, bends, self.curves.shape, untracked, expected
        )
        sure = ~np.asarray(sales.sold_out, np.bool_)
        return common_of(float(units[sure].sum()), float(expected[sure].sum()), self.common)

    def _shift(self, rows: I32, context: PriceContext) -> F64:
        """(n,) what promotion and competitor add to log units."""
        c = self.curves
        known = (context.competitor > 0) & (c.usual_competitor[rows] > 0)
        ratio = np.where(known, context.competitor / np.where(known, c.usual_competitor[rows], 1.0), 1.0)
        shift: F64 = c.promo[rows] * context.promo + c.cross[rows] * np.log(ratio)
        return shift

    def _bends(self, rows: I32, context: PriceContext) -> F32:
        """(n, knots) what the trees add to log units."""
        n, c = len(rows), self.curves
        if self.trees is None or not n:
            return np.zeros((n, len(KNOTS)), np.float32)
        features = tree_rows(
            np.broadcast_to(KNOTS, (n, len(KNOTS))), c.usual[rows], c.middle, self.mean[rows], context.promo,
            context.competitor, np.full(n, context.day, np.int64),
        )  # fmt: skip
        return np.ascontiguousarray(self.trees.score(features).reshape(n, len(KNOTS)))

    def _check(self, rows: I32, prices: I64, context: PriceContext, draw: F32 | None) -> None:
        n = len(rows)
        if n and not (int(rows.min()) >= 0 and int(rows.max()) < len(self.item_ids)):
            raise InvalidInput("rows", f"{rows.min()}..{rows.max()}", f"rows from 0 to {len(self.item_ids) - 1}")
        if prices.ndim != 2 or len(prices) != n or not 1 <= prices.shape[1] <= LADDER_MAX:
            raise InvalidInput("prices", prices.shape, f"({n}, k) with k from 1 to {LADDER_MAX}")
        if n and int(prices.min()) < 1:
            raise InvalidInput("prices", int(prices.min()), "at least 1 minor unit")
        for name in ("promo", "competitor", "on_hand"):
            if len(getattr(context, name)) != n:
                raise InvalidInput(f"context.{name}", len(getattr(context, name)), f"one value for each of {n} rows")
        if draw is not None and (draw.shape != (n, 2) or not np.isfinite(draw).all()):
            raise InvalidInput("draw", draw.shape, f"finite numbers of shape ({n}, 2)")


def common_of(units: float, expected: float, believed: float) -> float:
    """What moved a period in which so many pieces were sold in all and so many expected, log units."""
    return float(np.log((units + COMMON_UNITS * np.exp(believed)) / (expected + COMMON_UNITS)))


def next_common(believed: float, moved: float) -> float:
    """The belief in the next period (exponential smoothing)."""
    return believed + COMMON_STEP * (moved - believed)


def _cut(context: PriceContext, part: slice) -> PriceContext:
    return PriceContext(context.day, context.promo[part], context.competitor[part], context.on_hand[part])


def _first_bad(units: npt.NDArray[np.float32]) -> object:
    bad = ~np.isfinite(units) | (units < 0)
    return float(units[bad][0]) if bad.any() else units.shape
