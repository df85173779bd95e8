"""The served pricing code as a contender: the model that training publishes, its posterior updated day by day."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from model_repo.datasets.panel import Panel, joined
from model_repo.evaluate.price.contenders import Known, Morning
from model_repo.evaluate.price.market import I64, Seen
from model_repo.evaluate.price.shop_rules import CEILING_SHARE, STEP
from model_repo.price.build import Params, build
from serving.core.ids import hash64
from serving.decisions.price.catalogue_demand import CatalogueDemand
from serving.decisions.price.chance import Chance
from serving.decisions.price.demand import PriceContext, Sales
from serving.decisions.price.packs import Packs
from serving.decisions.price.pipeline import decide
from serving.decisions.price.rules import Params as RuleParams
from serving.decisions.price.rules import Rules
from serving.kernels.pricing import Facts

RETRAIN_DAYS: Final = 7


RULES: Final = Rules(
    RuleParams(
        min_margin=0.0477, step_max=STEP, endings=("0", "5"), competitor_low=0.0, competitor_high=100.0,
        cover_days=0.0, explore_share=0.1, explore_width=0.03,
    )
)  # fmt: skip
"""The shop's rules (shop_rules.py) as settings of the served ones: 1.05 times the cost is a margin of .0477 of the
price, rounded up; the list price is set to the ceiling. A tenth of the prices is left to chance, within 3 % of the
best one."""


class Served:
    """serving/decisions/price as the gateway runs it: the released model, the rules' kernel, bounded Thompson draws.

    The posterior takes every day's sales; every `retrain_days` the model is trained anew on all of the past, as a shop
    does with `storegate retrain` (0 = never).
    """

    name = "served"

    def __init__(
        self, known: Known, rules: Rules = RULES, params: Params | None = None, retrain_days: int = RETRAIN_DAYS
    ) -> None:
        self.panel, self.params, self.seed = known.panel, params or Params(), known.seed
        self.rules, self.retrain_days, self.listed = rules, retrain_days, known.listed
        self.rows = np.arange(len(known.listed), dtype=np.int32)
        self.keys = np.array([hash64(name) for name in known.panel.ids], np.uint64)
        self.days: list[Panel] = []
        self._train()

    def _train(self) -> None:
        self.model = build(self.panel, seed=self.seed, params=self.params).model

    def choose(self, morning: Morning) -> I64:
        n = len(self.rows)
        facts = Facts(
            price=morning.today, cost=morning.cost, list_price=np.floor(self.listed * CEILING_SHARE).astype(np.int64),
            map_price=np.zeros(n, np.int64), competitor=morning.rival, on_hand=morning.on_hand,
            foreign=np.zeros(n, np.bool_), cooling=morning.ladder[:, 0] == morning.ladder[:, -1],
            policy=np.zeros(n, np.int32),
        )  # fmt: skip
        demand = CatalogueDemand(self.model, facts, self.rows, self._day(), self.rules.params.prior_elasticity)
        packs = Packs(np.full(n, -1, np.int32), np.ones(n, np.int64))
        chance = Chance(self.keys, self.seed, morning.day)
        decided = decide(facts, packs, demand, self.rules, chance).price
        return np.where(decided > 0, decided, morning.today)

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None:
        self.days.append(self._as_panel(morning, prices, seen))
        if self.retrain_days and len(self.days) == self.retrain_days:
            self.panel, self.days = joined([self.panel, *self.days]), []
            self._train()
            return
        sales = Sales(self.rows, seen.units.astype(np.float32), prices, seen.sold_out, self._context(morning))
        self.model = self.model.update(sales)

    def _as_panel(self, morning: Morning, prices: I64, seen: Seen) -> Panel:
        n = len(self.rows)
        period = (self.model.curves.first_day - self.panel.first_day) + len(self.days)
        return replace(
            self.panel, series=self.rows, period=np.full(n, period, np.int32), units=seen.units.astype(np.float64),
            price=prices, promo=np.zeros(n), competitor=morning.rival, sold_out=seen.sold_out,
        )  # fmt: skip

    def _context(self, morning: Morning) -> PriceContext:
        n = len(self.rows)
        return PriceContext(self._day(), np.zeros(n, np.bool_), morning.rival, morning.on_hand)

    def _day(self) -> int:
        """Today, in days since 1970-01-01."""
        return self.model.curves.first_day + len(self.days)
