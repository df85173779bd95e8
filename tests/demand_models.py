"""A forecast of counts whose right answer can be worked out by hand: Poisson demand, the same every day."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FIRST_DAY = 15_318
"""2011-12-10."""


@dataclass(frozen=True)
class Counts:
    mu: npt.NDArray[np.float32]
    dispersion: npt.NDArray[np.float32]
    zero_share: npt.NDArray[np.float32]


@dataclass
class PoissonDemand:
    """A DemandModel of replenishment: item i sells i units a day in all, shared evenly by the locations; on days
    beyond the first `busy_from` ten times as many."""

    item_ids: tuple[str, ...] = ("i0", "i1", "i2", "i3")
    locations: tuple[str, ...] = ("main", "shop")
    first_day: int = FIRST_DAY
    horizon_max: int = 56
    version: str = "v1"
    busy_from: int = 10_000
    weekly_dispersion: float = 0.0
    closed_every: int = -1
    """Of the days of a week, from first_day on: nothing is sold."""
    asked: list[tuple[int, int, int]] = field(default_factory=list)
    """(rows, horizon, lead) of each call."""

    def counts(self, rows, horizon, *, lead=0, location=-1, price=None, block_days=1):  # type: ignore[no-untyped-def]  # as the Protocol says
        if block_days > 1:
            return self._weeks(self.counts(rows, horizon, lead=lead, location=location))
        self.asked.append((len(rows), horizon, lead))
        share = 1.0 if location < 0 else 1.0 / len(self.locations)
        busy = np.where(lead + np.arange(horizon) >= self.busy_from, 10.0, 1.0)
        open_ = (lead + np.arange(horizon)) % 7 != self.closed_every
        mu = (rows[:, None] * share * busy * open_).astype(np.float32)
        return Counts(mu, np.zeros_like(mu), np.zeros_like(mu))

    def _weeks(self, days: Counts) -> Counts:
        self.asked.pop()
        mu = days.mu.reshape(len(days.mu), -1, 7).sum(axis=2)
        return Counts(mu, np.full_like(mu, self.weekly_dispersion), np.zeros_like(mu))
