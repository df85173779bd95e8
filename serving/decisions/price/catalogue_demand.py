"""Demand of a catalogue's items: by the model where it knows them, else as demand usually changes with the price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.core.errors import ModelFailed
from serving.core.ports import F32, I32, I64
from serving.decisions.price.demand import DemandModel, PriceContext
from serving.kernels.pricing import Facts


@dataclass(frozen=True, slots=True)
class CatalogueDemand:
    """A pipeline.Demand of the items `facts`. model_row: (n,), -1 = the model does not know the item."""

    model: DemandModel | None
    facts: Facts
    model_row: I32
    day: int
    prior: float
    """Elasticity where no model knows the item: then units are not known, and only their ratio counts."""

    @property
    def period_days(self) -> float:
        """See Demand."""
        return float(self.model.period_days) if self.model else 1.0

    def units(self, at: I64, prices: I64) -> tuple[F32, F32]:
        """See Demand. Raises ModelFailed."""
        known = self._known(at)
        units = np.full(prices.shape, np.nan, np.float32)
        counted = units if known.all() else self._usual(at, prices)
        if known.any():
            units[known] = found = self._asked(at[known], prices[known], None)
            counted[known] = found
        return units, counted

    def drawn(self, at: I64, prices: I64, normal: F32) -> F32:
        """See Demand. Raises ModelFailed."""
        known = self._known(at)
        out = self._usual(at, prices)
        if known.any():
            out[known] = self._asked(at[known], prices[known], normal[known])
        return out

    def _known(self, at: I64) -> np.ndarray:
        return (self.model_row[at] >= 0) & (self.model is not None)

    def _usual(self, at: I64, prices: I64) -> F32:
        """By a constant elasticity: 1 at the catalogue's price."""
        ratio = np.clip(prices / np.maximum(self.facts.price[at], 1)[:, None], 1e-3, 1e3)
        usual: F32 = (ratio**self.prior).astype(np.float32)
        return usual

    def _asked(self, at: I64, prices: I64, normal: F32 | None) -> F32:
        assert self.model is not None
        m = len(at)
        # The stock rule needs what would be sold if there were enough, so the model is not told what is on hand.
        untracked = np.full(m, -1, np.int64)
        context = PriceContext(self.day, np.zeros(m, np.bool_), self.facts.competitor[at], untracked)
        units = self.model.units(self.model_row[at], prices, context, normal)
        if not np.isfinite(units).all() or (units < 0).any():
            raise ModelFailed(f"price {self.model.version}", "it expects units that are no number, or below 0")
        return units
