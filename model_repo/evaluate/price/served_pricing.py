"""The served pricing code as a contender: the model that training publishes, its posterior updated day by day."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from model_repo.datasets.panel import Panel, joined
from model_repo.evaluate.price.contenders import Known, Morning, best
from model_repo.evaluate.price.market import I64, Seen
from model_repo.price.build import Params, build
from serving.decisions.price.demand import PriceContext, Sales

RETRAIN_DAYS: Final = 7
EXPLORING: Final = 0.005


class Served:
    """A Thompson draw a day and item, kept within what it may cost by the mean of the posterior.

    The posterior takes every day's sales; every `retrain_days` the model is trained anew on all of the past, as a shop
    does with `storegate retrain` (0 = never). exploring: share of the greedy price's expected margin that an explored
    price may give up at most.
    """

    name = "served"

    def __init__(
        self, known: Known, exploring: float = EXPLORING, params: Params | None = None, retrain_days: int = RETRAIN_DAYS
    ) -> None:
        self.panel, self.params, self.seed = known.panel, params or Params(), known.seed
        self.exploring, self.retrain_days = exploring, retrain_days
        self.rows = np.arange(len(known.listed), dtype=np.int32)
        self.rng = np.random.default_rng(np.random.SeedSequence([known.seed, 4]))
        self.days: list[Panel] = []
        self._train()

    def _train(self) -> None:
        self.model = build(self.panel, seed=self.seed, params=self.params).model

    def choose(self, morning: Morning) -> I64:
        context = self._context(morning)
        units = self.model.units(self.rows, morning.ladder, context)
        if not self.exploring:
            return best(units, morning)
        normals = self.rng.standard_normal((len(self.rows), 2), dtype=np.float32)
        drawn = self.model.units(self.rows, morning.ladder, context, normals)
        gain = (morning.ladder - morning.cost[:, None]).astype(np.float64)
        margin = gain * units
        allowed = margin >= (1 - self.exploring) * margin.max(axis=1, keepdims=True)
        at = np.where(allowed, gain * drawn, -np.inf).argmax(axis=1)
        return morning.ladder[self.rows, at]

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None:
        self.days.append(self._day(morning, prices, seen))
        if self.retrain_days and len(self.days) == self.retrain_days:
            self.panel, self.days = joined([self.panel, *self.days]), []
            self._train()
            return
        sales = Sales(self.rows, seen.units.astype(np.float32), prices, seen.sold_out, self._context(morning))
        self.model = self.model.update(sales)

    def _day(self, morning: Morning, prices: I64, seen: Seen) -> Panel:
        n = len(self.rows)
        period = (self.model.curves.first_day - self.panel.first_day) + len(self.days)
        return replace(
            self.panel, series=self.rows, period=np.full(n, period, np.int32), units=seen.units.astype(np.float64),
            price=prices, promo=np.zeros(n), competitor=morning.rival, sold_out=seen.sold_out,
        )  # fmt: skip

    def _context(self, morning: Morning) -> PriceContext:
        n = len(self.rows)
        day = self.model.curves.first_day + len(self.days)
        return PriceContext(day, np.zeros(n, np.bool_), morning.rival, morning.on_hand)
