"""Small worlds of prices whose right answer is obvious."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from serving.core.errors import ModelFailed
from serving.decisions.price.chance import Chance
from serving.decisions.price.demand import LADDER_MAX, PriceContext
from serving.kernels.pricing import Facts


def facts_of(price: Sequence[int], **columns: Sequence[int | bool]) -> Facts:
    """Items; what is not given is not known."""
    n = len(price)
    absent = {"on_hand": np.full(n, -1, np.int64), "policy": np.zeros(n, np.int32)}
    absent |= {name: np.zeros(n, np.bool_) for name in ("foreign", "cooling")}

    def column(name: str) -> np.ndarray:
        empty = absent.get(name, np.zeros(n, np.int64))
        return np.array(columns[name], empty.dtype) if name in columns else empty

    return Facts(np.array(price, np.int64), *(column(name) for name in Facts._fields[1:]))


def chances(n: int) -> Chance:
    return Chance(np.arange(1, n + 1, dtype=np.uint64), 0, 0)


class EverythingSells:
    """A pipeline.Demand: one piece a period at any price, so the dearest allowed price is the best."""

    period_days = 1.0

    def units(self, at: np.ndarray, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        units = np.ones(prices.shape, np.float32)
        return units, units

    def drawn(self, at: np.ndarray, prices: np.ndarray, normal: np.ndarray) -> np.ndarray:
        return np.ones(prices.shape, np.float32)


@dataclass
class Model:
    """A DemandModel: units = level * (price / usual) ** slope for every item it knows."""

    item_ids: tuple[str, ...]
    usual: float = 1000.0
    level: float = 10.0
    slope: float = -2.0
    version: str = "m1"
    currency: str = ""
    period_days: int = 7
    failing: bool = False
    asked: list[int] = field(default_factory=list)
    """How many items in each run."""

    def units(
        self, rows: np.ndarray, prices: np.ndarray, context: PriceContext, draw: np.ndarray | None = None
    ) -> np.ndarray:
        assert prices.shape == (len(rows), min(prices.shape[1], LADDER_MAX))
        self.asked.append(len(rows))
        if self.failing:
            raise ModelFailed("price", "it was told to")
        slope = np.full((len(rows), 1), self.slope) + (0 if draw is None else draw[:, :1])
        return (self.level * (prices / self.usual) ** slope).astype(np.float32)

    def elasticity(self, rows: np.ndarray) -> np.ndarray:
        return np.full(len(rows), self.slope, np.float32)

    def doubt(self, rows: np.ndarray) -> np.ndarray:
        return np.ones(len(rows), np.float32)

    def update(self, sales: object) -> Model:
        return self
