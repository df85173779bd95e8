"""Ways to set the order-up-to position at a review, from what was sold before it. Each has one knob: its safety.

Every contender keeps what it needs of each review, so that trying another knob costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from model_repo.evaluate.replenish.world import World
from serving.kernels.demand_bank import forecast

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

WINDOWS: Final = (28, 56, 91, 182, 1000)
"""Days of history that a mean is taken of; tuned."""
METHODS: Final = ("ses", "croston", "sba", "tsb", "theta")
ERRORS: Final = 52
"""Newest sums of days whose forecasts are looked at."""
SHIFT: Final = 7
"""Days between two of them."""


KNOBS: Final = 1 - np.exp(-np.arange(0.5, 9.01, 0.25))
"""Safeties that are tried, and..."""
KNOBS_FAR: Final = np.concatenate([KNOBS, 1 - np.exp(-np.arange(9.5, 25.01, 0.5))])
"""...further ones, as a normal distribution has light tails: up to 6.7 deviations."""


class Contender(Protocol):
    """Prepared for one world."""

    @property
    def daily(self) -> F64:
        """(n, r) units of a day."""
        ...

    def upto(self, knob: float) -> F64:
        """(n, r) positions that cover the protection interval. knob: a share of demand or cycles to be safe, above 0
        and below 1."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """A contender as a policy: base-stock, or where an order costs something (R,s,S) with the economic quantity.

    s covers the protection interval; S is above it by what the economic quantity is above a review's demand.
    Silver, Pyke, Thomas: Inventory and Production Management, 4th ed. 2017, chapters 4 and 6.
    """

    contender: Contender
    world: World

    @property
    def knobs(self) -> F64:
        return KNOBS_FAR

    def pairs(self, knob: float) -> tuple[I64, I64]:
        """See Policy."""
        terms, daily = self.world.terms, np.maximum(self.contender.daily, 0)
        s = units(self.contender, knob)
        quantity = np.sqrt(2 * terms.order_cost * daily / self.world.holding[:, None])
        more = np.rint(np.maximum(quantity - daily * terms.review_days, 0)).astype(np.int64)
        return np.where(more > 0, s, s - 1), s + more


def units(contender: Contender, knob: float) -> I64:
    """(n, r) whole positions."""
    return np.maximum(np.ceil(contender.upto(knob) - 1e-9), 0).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """mean (L + R) + z sigma sqrt(L + R), z = the normal quantile of the knob: the textbook's safety stock."""

    daily: F64
    """(n, r) of a day."""
    sd: F64
    days: int

    @classmethod
    def of(cls, world: World, window: int) -> Normal:
        seen, units = world.panel.seen[world.rows], world.demand
        mean, sd = np.zeros((len(world), len(world.reviews))), np.zeros((len(world), len(world.reviews)))
        for r, column in enumerate(world.reviews):
            start = max(0, column - window)
            known = seen[:, start:column]
            days = np.maximum(known.sum(1), 1)
            y = np.where(known, units[:, start:column], 0)
            mean[:, r] = y.sum(1) / days
            sd[:, r] = np.sqrt(np.where(known, np.square(y - mean[:, r, None]), 0).sum(1) / np.maximum(days - 1, 1))
        open_share = world.panel.open[: world.reviews[0]][-56:].mean()
        return cls(mean * open_share, sd * np.sqrt(open_share), world.terms.days)

    def upto(self, knob: float) -> F64:
        out: F64 = self.daily * self.days + norm.ppf(knob) * self.sd * np.sqrt(self.days)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """A statistical forecast of the interval's sum plus a quantile of the errors that it made."""

    point: F64
    """(n, r) units of the interval."""
    errors: F64
    """(n, r, ERRORS) of the newest intervals that are over, ascending, NaN at the end where the history is shorter."""
    days: int

    @property
    def daily(self) -> F64:
        """See Contender."""
        return self.point / self.days

    @classmethod
    def of(cls, world: World, method: str) -> Residuals:
        """The same level for all open days; levels are made anew every SHIFT days."""
        terms, first = world.terms, int(world.reviews[0])
        step = [column for column in range(first % SHIFT, int(world.reviews[-1]) + 1, SHIFT) if column > 0]
        seen, demand = world.panel.seen[world.rows], world.demand
        open_days = np.concatenate([[0], np.cumsum(world.panel.open)])
        level = {column: _levels(method, demand, seen, column) for column in step if column >= 14}
        ahead = np.concatenate([np.zeros((len(world), 1)), np.cumsum(demand, axis=1)], axis=1)
        started = world.panel.start[world.rows]
        wrong: dict[int, F64] = {}
        for column, daily in level.items():
            end = column + terms.days
            if end <= demand.shape[1]:
                said = daily * (open_days[end] - open_days[column])
                wrong[column] = np.where(started < column, ahead[:, end] - ahead[:, column] - said, np.nan)
        point, errors = (
            np.zeros((len(world), len(world.reviews))),
            np.full((len(world), len(world.reviews), ERRORS), np.nan),
        )
        for r, column in enumerate(world.reviews):
            weekly = world.panel.open[max(0, column - 56) : column].mean()
            point[:, r] = level[int(column)] * weekly * terms.days
            over = [one for one in sorted(wrong) if one + terms.days <= column][-ERRORS:]
            for k, one in enumerate(over):
                errors[:, r, k] = wrong[one]
        errors[np.isnan(errors).all(axis=2), 0] = 0.0  # nothing is known of its errors
        return cls(point, np.sort(errors, axis=2), terms.days)

    def upto(self, knob: float) -> F64:
        place = knob * (np.isfinite(self.errors).sum(axis=2) - 1)
        below = np.floor(place).astype(np.int64)
        low, high = (
            np.take_along_axis(self.errors, at.astype(np.int64)[:, :, None], axis=2)[:, :, 0]
            for at in (below, np.ceil(place))
        )
        out: F64 = self.point + low + (place - below) * (high - low)
        return out


def _levels(method: str, demand: I64, seen: npt.NDArray[np.bool_], column: int) -> F64:
    """(n,) units of an open day, from the days before `column`."""
    known = seen[:, :column]
    counts = np.maximum(known.sum(1), 1)
    ptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    values = np.zeros(int(ptr[-1]))
    for i in range(len(demand)):
        line = demand[i, :column][known[i]]
        values[ptr[i] : ptr[i] + len(line)] = line
    return forecast(method, values, ptr, 1)[:, 0].astype(np.float64)
