"""The served policy: the forecast's counts over the protection interval, as PlanReplenishment plans with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.replenish.contenders import KNOBS
from model_repo.evaluate.replenish.kernels import (
    LINE_CYCLE,
    LINE_HELD,
    LINE_READY,
    LINE_SHORT,
    curves_of,
    pairs_of,
)
from model_repo.evaluate.replenish.world import World
from model_repo.forecast import build as making
from model_repo.forecast.bank import banked
from model_repo.forecast.calibration import Calibration, calibrate
from model_repo.forecast.learning import Learnt
from model_repo.forecast.panel import Panel
from model_repo.forecast.states import states_at, with_groups
from model_repo.forecast.sums import coherent, own_series
from model_repo.work import one_blas_thread
from serving.adapters.onnx_scorer import OnnxScorer
from serving.decisions.forecast.features import FEATURES, YEAR_DAYS_MIN
from serving.decisions.forecast.forecaster import Forecaster
from serving.decisions.replenish.demand import DemandModel, Distributions, Interval, empty
from serving.kernels.lead_days import lead_chances
from serving.kernels.lead_time import CELLS
from serving.kernels.replenish import FOR_COST, FOR_FILL, FOR_SERVICE

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

CHUNK: Final = 128
RELEARN_DAYS: Final = 28
TOGETHER: Final = "the fill rate of all"
EACH: Final = "each fill rate"
KINDS: Final = {
    "least cost": FOR_COST, TOGETHER: FOR_COST, EACH: FOR_FILL, "service level": FOR_SERVICE,
}  # fmt: skip
"""What PlanReplenishment is asked for: the costs of the terms; these and an amount for any unit short, so that the
units of all items together have the fill rate at least cost; or the same target for each item."""


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Of n items at r reviews, see kernels.py."""

    lines: F32
    """(r, n, l, m)"""
    cycle: F64
    """(r, n) cells of demand between two arrivals."""
    used: I64
    """(r, n) cells that are looked at."""
    step: I64
    """(r, n) units of a cell."""
    world: World


def curves_at(
    world: World, models: Iterable[DemandModel], level_share: float, say: Callable[[str], None] = lambda line: None
) -> Curves:
    """models: what would be live at each review, in their order."""
    terms, n, r_max = world.terms, len(world), len(world.reviews)
    lead = lead_chances(terms.lead_days, 0.0, terms.lead_days)
    lines = np.zeros((r_max, n, LINE_CYCLE + 1 if terms.order_cost > 0 else LINE_HELD + 1, CELLS), np.float32)
    cycle, used, steps = np.zeros((r_max, n)), np.zeros((r_max, n), np.int64), np.ones((r_max, n), np.int64)
    share, orders = terms.review_days / terms.days, terms.order_cost / world.holding
    for r, (column, model) in enumerate(zip(world.reviews, models, strict=True)):
        say(f"served: review {r + 1} of {r_max}")
        behind = int(column) + world.panel.first_day - model.first_day
        known = Distributions(partial(_itself, model), behind, level_share)
        for at in range(0, n, CHUNK):
            part = slice(at, at + CHUNK)
            intervals = [
                Interval(lead, terms.review_days, None, int(row), order_days=float(order_days))
                for row, order_days in zip(world.rows[part], orders[part], strict=True)
            ]
            pmf, step = empty(len(intervals))
            known.of(intervals, pmf, step)
            holding = world.holding[part] * terms.review_days * step
            curves_of(pmf, terms.lost, terms.order_cost, holding, share, lines[r, part], cycle[r, part], used[r, part])
            steps[r, part] = step
    return Curves(lines, cycle, used, steps, world)


def _itself(model: DemandModel) -> DemandModel:
    return model


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What PlanReplenishment orders up to, for one of KINDS; where an order costs something, when it orders, too."""

    curves: Curves
    kind: str

    @property
    def world(self) -> World:
        return self.curves.world

    @property
    def knobs(self) -> F64:
        """See tuning.Policy: fewer where every pair of positions is looked at for each."""
        return KNOBS if self.curves.world.terms.order_cost <= 0 else KNOBS[::4]

    def pairs(self, knob: float) -> tuple[I64, I64]:
        """(n, r) reorder points and order-up-to positions. knob: the target; for least cost the critical ratio from
        which the cost of a shortage follows; for TOGETHER see `shortage`."""
        world, step = self.curves.world, self.curves.step
        if world.terms.order_cost > 0:
            s, up = self._searched(knob)
            return np.where(s >= 0, s * step, -1).T.copy(), (up * step).T.copy()
        upto = (self._least(knob) * step).T.copy()
        return upto - 1, upto

    def shortage(self, knob: float) -> F64:
        """(n,) cost of a unit short. TOGETHER: that of the terms, and for every item the same amount besides: the
        mean cost of holding a unit for a cycle, times knob / (1 - knob)."""
        world, ratio = self.curves.world, knob / (1 - knob)
        if self.kind == TOGETHER:
            return world.shortage + unit_price(world, knob)
        return world.holding * world.terms.review_days * ratio

    def _least(self, knob: float) -> I64:
        """(r, n) cells."""
        lines, cycle = self.curves.lines, self.curves.cycle
        if KINDS[self.kind] == FOR_COST:
            world = self.curves.world
            ratio = (self.shortage(knob) / (world.holding * world.terms.review_days)).astype(np.float32)[:, None]
            return np.stack([(line[:, LINE_HELD] + ratio * line[:, LINE_SHORT]).argmin(axis=1) for line in lines])
        if KINDS[self.kind] == FOR_FILL:
            return (lines[:, :, LINE_SHORT] <= (1 - knob) * cycle[:, :, None] + 1e-7).argmax(axis=2)
        return (lines[:, :, LINE_READY] >= knob - 1e-7).argmax(axis=2)

    def _searched(self, knob: float) -> tuple[I64, I64]:
        """(r, n) cells, by (s,S)."""
        curves, world = self.curves, self.curves.world
        terms = world.terms
        found = np.zeros((*curves.cycle.shape, 2), np.int64)
        for r, out in enumerate(found):
            holding = world.holding * terms.review_days * curves.step[r]
            pairs_of(
                curves.lines[r], curves.cycle[r], curves.used[r], terms.lead_days / terms.review_days,
                KINDS[self.kind], knob, holding, self.shortage(knob) * curves.step[r], terms.order_cost, out,
            )  # fmt: skip
        return found[:, :, 0], found[:, :, 1]


def unit_price(world: World, knob: float) -> float:
    """Minor units of a unit short, see Served.shortage."""
    return float(world.holding.mean() * world.terms.review_days * knob / (1 - knob))


def walk(
    dataset: Dataset, panel: Panel, moments: I64, seed: int, say: Callable[[str], None], plan: making.Plan
) -> Iterator[Forecaster]:  # fmt: skip
    """The forecast that would be live at each of the ascending columns, made as training makes it.

    Trees and calibration are learned anew every RELEARN_DAYS, from what came before; what is known of each item is of
    the day itself.
    """
    whole, learned_at = with_groups(panel), -RELEARN_DAYS
    begin = int(whole.start[-1])
    for number, moment in enumerate(moments):
        end = int(moment)
        years = end - begin >= YEAR_DAYS_MIN
        with one_blas_thread():
            if end - learned_at >= RELEARN_DAYS:
                say(f"review {number + 1} of {len(moments)}: learning")
                learned_at, known = end, _learned(whole, begin, end, years, plan, seed)
            learnt, calibration, scorers = known
            states = states_at(whole, end, making.prior_at(whole, dataset, end))
            bank = banked(whole, end, states.shop_week)
            model, _ = making.model_at(
                whole, states, bank, making.kinds_at(whole, end), learnt, calibration, end, years, scorers
            )
            own = own_series(whole, states, end, len(model.groups))
            yield Forecaster(coherent(model, own), "evaluated")


def _learned(
    whole: Panel, begin: int, end: int, years: bool, plan: making.Plan, seed: int
) -> tuple[Learnt, Calibration, tuple[OnnxScorer, OnnxScorer]]:
    """From the days before `end` alone."""
    days = end - begin
    held, start = min(plan.held_days, days // 5), begin + min(days // 4, 56)
    before = making.learned(whole, start, end - held, years, plan, seed)
    calibration = calibrate(making.outcomes(whole, before, end - held, end, years, plan, seed))
    learnt = making.learned(whole, start, end, years, plan, seed)
    return learnt, calibration, making.scorers_of(learnt, FEATURES)
