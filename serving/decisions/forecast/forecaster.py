"""Forecasts from one release: the global model, the bank where it cannot answer, neighbours where nothing was sold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput
from serving.core.ports import F32, I32, I64
from serving.decisions.forecast.features import (
    HORIZON_TRAINED,
    day_features,
    is_cut,
    pairs,
    price_ratio,
    rows,
    weekdays,
)
from serving.decisions.forecast.models import (
    BLOCKS,
    BUCKETS,
    CONFIDENCE,
    GRID,
    HORIZON_KEPT,
    HORIZON_MAX,
    METHODS,
    ForecastModel,
)
from serving.kernels.demand_counts import count_quantiles

__all__ = ["CONFIDENCE", "HORIZON_MAX", "METHODS", "DailyCounts", "Forecaster", "Forecasts"]

LOG_SIZE: Final = 6.0
RATIO_LOG: Final = 6.0
MEMBERS_MAX: Final = 4096
"""Rows that are computed at a time: bounds the memory of a call."""


@dataclass(frozen=True, slots=True, eq=False)
class DailyCounts:
    """Zero-inflated negative binomial distributions, see kernels/demand_counts.py; after calibration."""

    mu: F32
    """(n, h) mean."""
    dispersion: F32
    """(n, h)"""
    zero_share: F32
    """(n, h) extra zeros."""


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """n rows, h days or blocks of days, q quantiles."""

    mean: F32
    """(n, h) units."""
    quantiles: F32
    """(n, h, q) whole units, non-decreasing over q."""
    method: npt.NDArray[np.uint8]
    """(n,) position in METHODS."""
    confidence: npt.NDArray[np.uint8]
    """(n,) position in CONFIDENCE."""


class Forecaster:
    """Immutable; any number of threads may ask it.

    Rows 0..len(item_ids) - 1 are items; row len(item_ids) + k is groups[k]: a category, or the whole shop ("").
    """

    def __init__(self, model: ForecastModel, version: str) -> None:
        self.model: Final = model
        self.item_ids: Final = model.item_ids
        self.groups: Final = model.groups
        self.locations: Final = model.locations
        self.methods: Final = METHODS
        self.first_day: Final = model.first_day
        self.horizon_max: Final = HORIZON_MAX
        self.version: Final = version

    def forecast(
        self,
        rows: I32,
        horizon: int,
        quantiles: npt.NDArray[np.float64],
        *,
        lead: int = 0,
        location: int = -1,
        price: I64 | None = None,
        promo: npt.NDArray[np.bool_] | None = None,
        block_days: int = 1,
        statistical: bool = False,
    ) -> Forecasts:
        """rows: (n,); quantiles: (q,) ascending in (0, 1); the first day is first_day + lead.

        horizon: days; with block_days = 7 the answer has horizon / 7 columns, each of seven days together. location:
        position in locations, -1 = all. price: (n,) minor units, 0 or None = the last one. promo: (n, horizon), None =
        what the price says. statistical: by the bank alone, without the model. Raises InvalidInput naming the
        argument, ModelFailed when the model cannot be run.
        """
        levels = np.asarray(quantiles, np.float64)
        _check_levels(levels)
        counts = self.counts(
            rows, horizon, lead=lead, location=location, price=price, promo=promo, block_days=block_days,
            statistical=statistical,
        )  # fmt: skip
        model, n, h = self.model, len(rows), counts.mu.shape[1]
        kind, bucket = model.kind[rows].astype(np.int32), buckets(lead, horizon, block_days)
        block = BLOCKS.index(block_days)
        table = np.array([[np.interp(levels, GRID, line) for line in lines] for lines in model.level_map[block]])
        out = np.empty((n * h, len(levels)), np.float32)
        count_quantiles(
            counts.mu.ravel(), counts.dispersion.ravel(), counts.zero_share.ravel(),
            table.reshape(-1, len(levels)), (kind[:, None] * (len(BUCKETS) + 1) + bucket).ravel().astype(np.int32), out,
        )  # fmt: skip
        method = model.bank_method[rows] if statistical or model.mean is None else model.method[rows]
        confidence = model.confidence[rows]
        if lead + horizon > HORIZON_TRAINED:
            confidence = np.minimum(confidence, 1)
        if statistical:
            confidence = np.minimum(confidence, 1)
        return Forecasts(counts.mu, out.reshape(n, h, len(levels)), method, confidence.astype(np.uint8))

    def counts(
        self,
        rows: I32,
        horizon: int,
        *,
        lead: int = 0,
        location: int = -1,
        price: I64 | None = None,
        promo: npt.NDArray[np.bool_] | None = None,
        block_days: int = 1,
        statistical: bool = False,
    ) -> DailyCounts:
        """Arguments as of `forecast`; with block_days = 7 the distributions of weeks."""
        rows = np.asarray(rows, np.int32)
        self._check(rows, horizon, lead, location, price, promo, block_days)
        n, h = len(rows), horizon // block_days
        mu, log_size = np.empty((n, horizon), np.float32), np.empty((n, horizon), np.float32)
        step = max(1, MEMBERS_MAX // max(1, horizon // 28))
        for at in range(0, n, step):
            part = slice(at, at + step)
            mu[part], log_size[part] = self.daily(
                rows[part], horizon, lead, None if price is None else np.asarray(price)[part],
                None if promo is None else np.asarray(promo)[part], statistical,
            )  # fmt: skip
        model = self.model
        if location >= 0:
            mu *= model.share[rows, location][:, None]
        if block_days > 1:
            mu, log_size = block_sums(mu, log_size, block_days)
        block, bucket = BLOCKS.index(block_days), buckets(lead, horizon, block_days)
        kind = model.kind[rows]
        log_size = np.clip(log_size + model.size_shift[block][kind][:, bucket], -LOG_SIZE, LOG_SIZE)
        zero_share = model.zero_share[block][kind][:, bucket]
        assert mu.shape == (n, h)
        return DailyCounts(mu, np.exp(-log_size).astype(np.float32), zero_share.astype(np.float32))

    def daily(
        self, at: I32, horizon: int, lead: int, price: I64 | None, promo: npt.NDArray[np.bool_] | None,
        statistical: bool,
    ) -> tuple[F32, F32]:  # fmt: skip
        """Mean and log of the size, (n, horizon) each, before calibration."""
        model = self.model
        days = model.first_day + lead + np.arange(horizon, dtype=np.int64)
        weekday = weekdays(days)
        opened = ~model.closed[lead : lead + horizon]
        bank = model.bank[at][:, weekday] * opened, np.repeat(model.bank_log_size[at][:, None], horizon, axis=1)
        if statistical or model.mean is None or model.spread is None:
            return bank
        last = model.price[at]
        ratio = price_ratio(last if price is None else np.where(price > 0, price, last), model.usual_price[at])
        if promo is None:
            promo = np.repeat(is_cut(ratio)[:, None], horizon, axis=1)
        outside = model.outside_item[at][:, None, :] + model.outside_day[:, lead : lead + horizon].T[None]
        features = rows(
            model.items[at], model.week[at], days, day_features(days, model.first_day - 1, model.year_known),
            pairs(ratio, promo, outside),
        )  # fmt: skip
        shape = (len(at), horizon)
        score = np.clip(model.mean.score(features).reshape(shape), -RATIO_LOG, RATIO_LOG)
        mu = model.base[at][:, None] * (model.shop_week[weekday] * opened) * np.exp(score)
        kept = _kept(lead, horizon)
        mu *= model.factor[model.group[at]][:, kept]
        log_size = model.spread.score(features).reshape(shape) + np.float32(model.spread_at)
        group = at >= len(model.item_ids)
        if group.any():
            mu[group] = model.group_mean[at[group] - len(model.item_ids)][:, kept] * opened
        old = (model.method[at] > 0)[:, None]
        return np.where(old, bank[0], mu), np.where(old, bank[1], log_size)

    def _check(
        self, at: I32, horizon: int, lead: int, location: int, price: I64 | None,
        promo: npt.NDArray[np.bool_] | None, block_days: int,
    ) -> None:  # fmt: skip
        total = len(self.model.base)
        wrong = (at < 0) | (at >= total)
        if wrong.any():
            raise InvalidInput("rows", int(at[wrong][0]), f"0..{total - 1}")
        if lead < 0:
            raise InvalidInput("lead", lead, "0 or more days")
        if not 1 <= horizon <= self.horizon_max - lead:
            raise InvalidInput("horizon", horizon, f"1..{self.horizon_max - lead} days")
        if block_days not in BLOCKS:
            raise InvalidInput("block_days", block_days, f"one of {', '.join(map(str, BLOCKS))}")
        if horizon % block_days:
            raise InvalidInput("horizon", horizon, f"a multiple of {block_days} days")
        if not -1 <= location < len(self.locations):
            raise InvalidInput("location", location, f"-1 (all) or a position below {len(self.locations)}")
        if price is not None and (np.shape(price) != at.shape or (np.asarray(price) < 0).any()):
            raise InvalidInput("price", price, "one price for each row, 0 or more minor units")
        if promo is not None and np.shape(promo) != (len(at), horizon):
            raise InvalidInput("promo", np.shape(promo), f"({len(at)}, {horizon})")


def _kept(lead: int, horizon: int) -> I64:
    """(h,) columns of what is kept for HORIZON_KEPT days."""
    ahead = lead + np.arange(horizon)
    return np.where(ahead < HORIZON_KEPT, ahead, HORIZON_KEPT - 7 + (ahead - HORIZON_KEPT) % 7)


def buckets(lead: int, horizon: int, block_days: int) -> I32:
    """(h,) bucket of each day or block, by the middle of its days."""
    ahead = lead + 1 + np.arange(0, horizon, block_days) + block_days // 2
    return np.searchsorted(BUCKETS, ahead, side="left").astype(np.int32)


def block_sums(mu: F32, log_size: F32, block: int) -> tuple[F32, F32]:
    """Mean and log of the size of sums of days, as if the days were independent: the calibration knows better."""
    n, horizon = mu.shape
    shape = (n, horizon // block, block)
    total = mu.reshape(shape).sum(axis=2)
    extra = (np.exp(-log_size) * mu * mu).reshape(shape).sum(axis=2)
    log = np.where(extra > 0, 2 * np.log(np.maximum(total, 1e-12)) - np.log(np.maximum(extra, 1e-30)), 0.0)
    return total.astype(np.float32), log.astype(np.float32)


def _check_levels(levels: npt.NDArray[np.float64]) -> None:
    ordered = levels.ndim == 1 and len(levels) > 0 and bool((np.diff(levels) > 0).all())
    if not ordered or not bool(((levels > 0) & (levels < 1)).all()):
        raise InvalidInput("quantiles", levels.tolist(), "ascending numbers between 0 and 1")
