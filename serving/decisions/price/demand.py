"""What pricing needs to know of demand: units at any price, how sure that is, and how sales change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32, I32, I64

Bools = npt.NDArray[np.bool_]

LADDER_MAX = 64
"""Candidate prices of one item in one run."""


@dataclass(frozen=True, slots=True)
class PriceContext:
    """What besides the price moves demand, for the n items of one run. Nothing in it says who asks."""

    day: int
    """Days since 1970-01-01, UTC: the first day of the period that is priced."""
    promo: Bools
    """(n,) whether the item is promoted."""
    competitor: I64
    """(n,) minor units, 0 = unknown."""
    on_hand: I64
    """(n,) pieces, -1 = untracked."""

    @classmethod
    def plain(cls, day: int, n: int) -> PriceContext:
        """No promotion, no competitor and no stock known."""
        return cls(day, np.zeros(n, np.bool_), np.zeros(n, np.int64), np.full(n, -1, np.int64))


@dataclass(frozen=True, slots=True)
class Sales:
    """What n items sold in one period, one row an item; an item that was out of stock says `sold_out`."""

    rows: I32
    """(n,) the model's rows, each at most once."""
    units: F32
    """(n,) pieces sold, >= 0."""
    prices: I64
    """(n,) minor units that were asked."""
    sold_out: Bools
    """(n,) whether more would have been sold: `units` is then only a lower bound of demand."""
    context: PriceContext


class DemandModel(Protocol):
    """Demand of the items of one release. Immutable and safe to share; `update` makes another one."""

    @property
    def version(self) -> str: ...

    @property
    def item_ids(self) -> tuple[str, ...]:
        """One a row."""
        ...

    @property
    def period_days(self) -> int:
        """Days in which `units` sell."""
        ...

    @property
    def currency(self) -> str:
        """ISO 4217, of all prices."""
        ...

    def units(self, rows: I32, prices: I64, context: PriceContext, draw: F32 | None = None) -> F32:
        """Expected units a period, (n, k) float32, never above what is on hand.

        rows: (n,). prices: (n, k) minor units, k <= LADDER_MAX; where they ascend along k, units never rise.
        draw: (n, 2) standard normal numbers that choose one curve out of the posterior (Thompson sampling); the same
        numbers choose the same curve. None = the mean of the posterior.
        Raises InvalidInput for rows out of range, prices below 1, shapes that do not match.
        """
        ...

    def elasticity(self, rows: I32) -> F32:
        """(n,) change of demand in per cent for 1 % more, at the item's usual price; never above 0."""
        ...

    def doubt(self, rows: I32) -> F32:
        """(n,) standard deviation of `elasticity` in the posterior: how much exploring can still tell."""
        ...

    def update(self, sales: Sales) -> Self:
        """The posterior after one more period; items that are not in `sales` keep theirs."""
        ...
