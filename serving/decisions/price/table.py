"""All quotes of a catalogue: computed when it is loaded, and for what has changed since.

A quote is a function of the catalogue, the demand model, the rules and the period. So a table of them is made aside,
and whoever needs a price reads it there: QuotePrices, and where prices are live pages, filters and objectives.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from serving.core.catalogue import Catalogue
from serving.core.errors import ModelFailed
from serving.core.ports import I64
from serving.core.prices import Quoted
from serving.decisions.price.catalogue_demand import CatalogueDemand
from serving.decisions.price.chance import Chance
from serving.decisions.price.demand import DemandModel
from serving.decisions.price.inputs import Inputs
from serving.decisions.price.pipeline import Decided, decide
from serving.decisions.price.rules import Params, Rules
from serving.kernels.pricing import Facts

DAY_S: Final = 86_400
NO_MODEL: Final = "the release has no price model: by price.prior_elasticity alone"

_log = logging.getLogger("storegate.prices")


@dataclass(frozen=True, slots=True, eq=False)
class PriceTable:
    """Immutable. Rows as in `catalogue`."""

    inputs: Inputs
    decided: Decided
    model: DemandModel | None
    offered: DemandModel | None
    """The release's; `model`, unless that failed."""
    model_rows: dict[str, int]
    """Item id -> row of the offered model."""
    rules: Rules
    currency: str
    """The one that is priced, '' = any."""
    period: int
    degraded: str
    """Why the model was not asked; '' = it was."""
    encoded: dict[int, bytes] = field(init=False, default_factory=dict, repr=False)
    """Row -> its quote as it was sent, for the codec; -1 -> what all of them were made of. The codec bounds it."""

    @property
    def catalogue(self) -> Catalogue:
        """Of which it was made."""
        return self.inputs.catalogue

    @property
    def start_s(self) -> int:
        """When its period begins, epoch seconds."""
        return self.period * self.rules.params.period_s

    @property
    def end_s(self) -> int:
        return self.start_s + self.rules.params.period_s

    @property
    def model_version(self) -> str:
        """'' = there is none, or it failed."""
        return self.model.version if self.model else ""

    @property
    def units_days(self) -> float:
        """Days in which the expected units sell."""
        return float(self.model.period_days) if self.model else 1.0

    def order(self, n: int) -> int:
        """A digest of the items of the first n rows, and of their order; 64 bits."""
        keys = self.inputs.keys[:n]
        places = 2 * np.arange(1, len(keys) + 1, dtype=np.uint64) + np.uint64(1)
        return int((keys * places).sum(dtype=np.uint64))

    def facts(self, rows: I64) -> Facts:
        """What was read of these rows."""
        return self.inputs.facts(rows, self.rules, self.currency, self.start_s)

    def demand(self, rows: I64, facts: Facts) -> CatalogueDemand:
        """Of these rows; facts: theirs."""
        prior = self.rules.params.prior_elasticity
        return CatalogueDemand(self.model, facts, self.inputs.model_row[rows], self.start_s // DAY_S, prior)

    def decided_anew(self, rows: I64) -> Decided:
        """What is decided of these rows now, all packs of a product among them. Raises ModelFailed."""
        facts, params = self.facts(rows), self.rules.params
        chance = Chance(self.inputs.keys[rows], params.explore_seed, self.period)
        return decide(facts, self.inputs.packs(rows), self.demand(rows, facts), self.rules, chance)

    def quoted(self, catalogue: Catalogue | None = None) -> Quoted:
        """The prices for pages. catalogue: of another release, whose rows, and published prices, are others: its pages
        show these all the same; None = this one."""
        if catalogue is None or catalogue is self.catalogue:
            return Quoted(self.catalogue, self.decided.price)
        row_of, n = self.catalogue.row_of, len(catalogue)
        rows = np.fromiter((row_of.get(item.item_id, -1) for item in catalogue.items), np.int64, n)
        mine = np.where(self.decided.price > 0, self.decided.price, self.catalogue.price)
        return Quoted(catalogue, np.where(rows >= 0, mine[rows], 0))


class Pricing:
    """Makes tables."""

    def __init__(self, params: Params) -> None:
        self.params, self.rules = params, Rules(params)

    def period(self, wall_s: float) -> int:
        """The number of the period."""
        return int(wall_s // self.params.period_s)

    def table(
        self,
        catalogue: Catalogue,
        model: DemandModel | None,
        wall_s: float,
        before: PriceTable | None = None,
        cause: str = NO_MODEL,
    ) -> PriceTable:
        """Of the catalogue as it is. before: an earlier table; what did not change since is taken from it. cause: why
        there is no model."""
        period = self.period(wall_s)
        if before is not None and (before.rules is not self.rules or len(before.inputs) > len(catalogue)):
            before = None
        if before is None or before.offered is not model:
            model_rows = {item_id: row for row, item_id in enumerate(model.item_ids)} if model else {}
            inputs = Inputs.of(catalogue, self.rules, model_rows)
        else:
            model_rows, rows = before.model_rows, _changed(before.catalogue, catalogue)
            inputs = before.inputs.updated(catalogue, rows, self.rules, model_rows) if len(rows) else before.inputs
            if before.period == period:
                kin = np.union1d(inputs.with_kin(rows), before.inputs.with_kin(rows[rows < len(before.inputs)]))
                made = replace(before, inputs=replace(inputs, catalogue=catalogue))
                return self._decided(made, kin) if len(rows) else made
        currency = self.params.currency or (getattr(model, "currency", "") if model else "")
        degraded = "" if model else cause
        made = PriceTable(inputs, Decided.empty(0), model, model, model_rows, self.rules, currency, period, degraded)
        return self._decided(made, np.arange(len(catalogue)))

    def _decided(self, table: PriceTable, rows: I64) -> PriceTable:
        """The table with these rows decided anew; without the model if it fails, all of them."""
        n = len(table.inputs)
        try:
            new = table.decided_anew(rows)
        except ModelFailed as error:
            _log.error("prices are quoted without their model: %s", error.message)
            return self._decided(replace(table, model=None, degraded=error.message), np.arange(n))
        return replace(table, decided=table.decided.replaced(n, rows, new))


def _changed(before: Catalogue, now: Catalogue) -> I64:
    """Rows that differ, the new ones at the end included."""
    if before is now:
        return np.zeros(0, np.int64)
    known = len(before)
    differ = np.flatnonzero(now.serials[:known] != before.serials)
    return np.concatenate((differ, np.arange(known, len(now))))
