"""Demand of asked items as distributions of their protection intervals: given in the request, or by the forecast."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput
from serving.decisions.replenish.contract import Moments, Quantiles
from serving.kernels.lead_days import level_nodes
from serving.kernels.lead_time import (
    CELLS,
    lattice_step,
    protection,
    protection_of_moments,
    protection_of_quantiles,
)

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

ALL_LOCATIONS: Final = -1
WEEK: Final = 7
LEVEL_SD_MAX: Final = 1.5
LEVEL_SD_MIN: Final = 0.02
"""Less is not told from nothing."""
SIZE_MAX: Final = 1e6
"""Of a negative binomial: beyond it is a Poisson."""


class DailyCounts(Protocol):
    """Zero-inflated negative binomials, (n, h) each: a count is 0 with `zero_share`, otherwise it is negative binomial
    with mean m = mu / (1 - zero_share) and variance m + dispersion m^2."""

    @property
    def mu(self) -> F32: ...

    @property
    def dispersion(self) -> F32: ...

    @property
    def zero_share(self) -> F32: ...


class DemandModel(Protocol):
    """One release of the forecast; immutable, works from any thread."""

    @property
    def item_ids(self) -> tuple[str, ...]: ...

    @property
    def locations(self) -> tuple[str, ...]: ...

    @property
    def first_day(self) -> int:
        """The day after the last one it has seen, in days since 1970-01-01."""
        ...

    @property
    def horizon_max(self) -> int:
        """Days that it reaches from first_day on."""
        ...

    @property
    def version(self) -> str: ...

    def counts(
        self, rows: I32, horizon: int, *, lead: int = 0, location: int = ALL_LOCATIONS, price: I64 | None = None,
        block_days: int = 1,
    ) -> DailyCounts:  # fmt: skip
        """rows: (n,) places in item_ids; lead: days from first_day to the first one asked for; price: (n,) minor units,
        0 = the last one it has seen; block_days: 7 = weeks, horizon a multiple of it."""
        ...


@dataclass(frozen=True, slots=True)
class Interval:
    """Whose demand, and of which days. lead: (l,) chances of a lead time of 0, 1, ... days."""

    lead: F64
    review: int
    demand: Moments | Quantiles | None
    row: int = -1
    """Of the forecast; only where no demand is given."""
    location: int = ALL_LOCATIONS
    price: int = 0
    order_days: float = 0.0
    """Cost of an order in days of holding a unit: with it, orders cover more than the interval."""

    @property
    def days(self) -> int:
        return len(self.lead) - 1 + self.review

    def batch(self, daily: float) -> float:
        """Units that an order may bring beyond the interval's, of `daily` needed: twice the economic quantity."""
        return 2 * sqrt(2 * self.order_days * daily)


def lead_of(model: DemandModel, field: str, first_day: int | None) -> int:
    """Days between the model's first one and `first_day`, None = none. Raises InvalidInput beyond the model's reach."""
    if first_day is None:
        return 0
    last = model.first_day + model.horizon_max - 1
    if not model.first_day <= first_day <= last:
        expected = f"{day_text(model.first_day)} to {day_text(last)}, which the model reaches"
        raise InvalidInput(field, day_text(first_day), expected, reason="BEYOND_THE_MODEL")
    return first_day - model.first_day


def day_text(day: int) -> str:
    """An RFC 3339 date."""
    return str(np.datetime64(day, "D"))


class Distributions:
    """(k, 4, m) distributions with their steps, in chunks, for intervals in any order."""

    def __init__(self, model: Callable[[], DemandModel], lead: int, level_share: float) -> None:
        """model: asked for only when some interval needs it. level_share: see Params."""
        self._model, self._lead, self._level_share = model, lead, level_share

    def of(self, intervals: Sequence[Interval], pmf: F64, step: I64) -> None:
        """Writes pmf (n, 4, m) and step (n,) of the intervals, n of each."""
        for group in _alike(intervals):
            if intervals[group[0]].demand is None:
                self._forecast(intervals, group, pmf, step)
        for i, interval in enumerate(intervals):
            if isinstance(interval.demand, Moments):
                _of_moments(interval, interval.demand, pmf[i], step[i : i + 1])
            elif isinstance(interval.demand, Quantiles):
                _of_quantiles(interval, interval.demand, pmf[i], step[i : i + 1])

    def _forecast(self, intervals: Sequence[Interval], group: Sequence[int], pmf: F64, step: I64) -> None:
        """Of a group at one location."""
        model, mine = self._model(), [intervals[i] for i in group]
        days = max(interval.days for interval in mine)
        horizon = min(days, model.horizon_max - self._lead)
        back = min(max(WEEK - horizon, 0), self._lead) if days > horizon else 0  # a whole week is to be repeated
        start = self._lead - back
        counts = model.counts(
            np.array([interval.row for interval in mine], np.int32), back + horizon, lead=start,
            location=mine[0].location, price=np.array([interval.price for interval in mine], np.int64),
        )  # fmt: skip
        repeat = beyond(back + horizon, back + days)
        mu, dispersion, zero = (
            np.asarray(values, np.float64)[:, repeat] for values in (counts.mu, counts.dispersion, counts.zero_share)
        )
        zero = np.clip(zero, 0.0, 0.999)
        mean, size = np.maximum(mu, 0.0) / (1 - zero), 1 / np.maximum(dispersion, 1 / SIZE_MAX)
        level = self._level_share * self._levels(mine, start, mean * (1 - zero), spread_of(mean, size, zero))
        mean, size, zero = (np.ascontiguousarray(values[:, back:]) for values in (mean, size, zero))
        leads = np.zeros((len(group), max(len(interval.lead) for interval in mine)))
        for line, interval in zip(leads, mine, strict=True):
            line[: len(interval.lead)] = interval.lead
        inside = np.arange(days) < np.array([interval.days for interval in mine])[:, None]
        total = ((1 - zero) * mean * inside).sum(1)
        spread = (spread_of(mean, size, zero) * inside).sum(1)
        spread += (level * total) ** 2
        room = total + [interval.batch(float(t) / interval.days) for interval, t in zip(mine, total, strict=True)]
        steps, found = lattice_step(room, spread), np.zeros((len(group), 4, pmf.shape[2]))
        factor, share = level_nodes(level)
        review = np.array([interval.review for interval in mine], np.int64)
        protection(mean, size, zero, leads, review, factor, share, steps, found)
        pmf[group], step[group] = found, steps

    def _levels(self, mine: Sequence[Interval], start: int, mean: F64, variance: F64) -> F64:
        """(n,) what is not known of a week's level, as a share of it: weeks vary more than their days would, if these
        were independent, by level^2 mean^2. mean, variance (n, days): of the days from `start`, a lead, on."""
        model, weeks = self._model(), mean.shape[1] // WEEK
        known = (model.horizon_max - start) // WEEK
        if self._level_share <= 0 or min(weeks, known) < 1:
            return np.zeros(len(mine))
        days = min(weeks, known) * WEEK
        counts = model.counts(
            np.array([interval.row for interval in mine], np.int32), days, lead=start, location=mine[0].location,
            price=np.array([interval.price for interval in mine], np.int64), block_days=WEEK,
        )  # fmt: skip
        mu, zero = np.asarray(counts.mu, np.float64), np.clip(np.asarray(counts.zero_share, np.float64), 0.0, 0.999)
        size = 1 / np.maximum(np.asarray(counts.dispersion, np.float64), 1 / SIZE_MAX)
        together = spread_of(np.maximum(mu, 0.0) / (1 - zero), size, zero).sum(1)
        apart = variance[:, :days].sum(1)
        units = np.square(mean[:, :days].reshape(len(mine), -1, WEEK).sum(2)).sum(1)
        found: F64 = np.sqrt(np.clip((together - apart) / np.maximum(units, 1e-9), 0.0, LEVEL_SD_MAX**2))
        return np.where(found < LEVEL_SD_MIN, 0.0, found)


def spread_of(mean: F64, size: F64, zero: F64) -> F64:
    """Variances of zero-inflated negative binomials, as in kernels/lead_time.py."""
    return (1 - zero) * (mean + mean**2 / size + zero * mean**2)


def empty(n: int) -> tuple[F64, I64]:
    """Room for `Distributions.of`."""
    return np.zeros((n, 4, CELLS)), np.ones(n, np.int64)


def beyond(horizon: int, days: int) -> I64:
    """(days,) which of `horizon` known days stands for each day: beyond their end the last week repeats."""
    every = np.arange(days, dtype=np.int64)
    week = min(WEEK, horizon)
    return np.where(every < horizon, every, horizon - week + (every - horizon) % week)


def _alike(intervals: Sequence[Interval]) -> Iterator[list[int]]:
    """Places of the intervals, by location."""
    groups: dict[tuple[bool, int], list[int]] = {}
    for i, interval in enumerate(intervals):
        groups.setdefault((interval.demand is None, interval.location), []).append(i)
    yield from groups.values()


def _of_moments(interval: Interval, demand: Moments, pmf: F64, step: I64) -> None:
    variance = demand.sd * demand.sd
    total = demand.mean * interval.days + interval.batch(demand.mean)
    step[:] = lattice_step(np.array([total]), np.array([variance * interval.days]))
    protection_of_moments(demand.mean, variance, interval.lead, interval.review, step[0], pmf)


def _of_quantiles(interval: Interval, demand: Quantiles, pmf: F64, step: I64) -> None:
    values = np.array(demand.units)[beyond(len(demand.units), interval.days)]
    levels = np.array(demand.levels)
    upper, lower = values[:, -1], values[:, 0]
    # generous: the whole width as a standard deviation, with the tail that is given by the last two quantiles
    spread = np.square((upper - lower + 1) / max(levels[-1], 0.5)).sum(keepdims=True)
    step[:] = lattice_step(upper.sum(keepdims=True) + interval.batch(float(upper.mean())), spread)
    protection_of_quantiles(levels, values, interval.lead, interval.review, step[0], pmf)
