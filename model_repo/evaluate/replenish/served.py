"""The served policy: the forecast's counts over the protection interval, as PlanReplenishment plans with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset
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
from serving.decisions.replenish.demand import Distributions, Interval, empty
from serving.kernels.lead_days import lead_chances
from serving.kernels.lead_time import CELLS
from serving.kernels.replenish import FOR_COST, FOR_FILL, FOR_SERVICE

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

CHUNK: Final = 128
RELEARN_DAYS: Final = 28
KINDS: Final = {"least cost": FOR_COST, "fill rate": FOR_FILL, "service level": FOR_SERVICE}
"""The first one is the served policy, as the question is one of costs; the others are variants of it."""


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


def curves_at(world: World, models: Callable[[int], Forecaster], level_share: float) -> Curves:
    """models: what would be live on a column's day."""
    terms, n, r_max = world.terms, len(world), len(world.reviews)
    lead = lead_chances(terms.lead_days, 0.0, terms.lead_days)
    lines = np.zeros((r_max, n, LINE_CYCLE + 1 if terms.order_cost > 0 else LINE_HELD + 1, CELLS), np.float32)
    cycle, used, steps = np.zeros((r_max, n)), np.zeros((r_max, n), np.int64), np.ones((r_max, n), np.int64)
    share, orders = terms.review_days / terms.days, terms.order_cost / world.holding
    for r, column in enumerate(world.reviews):
        model = models(int(column))
        behind = int(column) + world.panel.first_day - model.first_day
        known = Distributions(partial(_self, model), behind, level_share)
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


def _self(model: Forecaster) -> Forecaster:
    return model


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What PlanReplenishment orders up to, for one of KINDS, where an order costs nothing by itself."""

    curves: Curves
    kind: str

    def upto(self, knob: float) -> F64:
        """(n, r); for least cost, knob is the critical ratio from which the cost of a shortage follows."""
        lines, cycle = self.curves.lines, self.curves.cycle
        if self.kind == "least cost":
            cell = (lines[:, :, LINE_HELD] + knob / (1 - knob) * lines[:, :, LINE_SHORT]).argmin(axis=2)
        elif self.kind == "fill rate":
            cell = (lines[:, :, LINE_SHORT] <= (1 - knob) * cycle[:, :, None] + 1e-7).argmax(axis=2)
        else:
            cell = (lines[:, :, LINE_READY] >= knob - 1e-7).argmax(axis=2)
        out: F64 = (cell * self.curves.step).T.astype(np.float64)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class ServedPairs:
    """The same where an order costs something: when it orders, too."""

    curves: Curves
    kind: str

    def pairs(self, knob: float) -> tuple[I64, I64]:
        """(n, r) reorder points and order-up-to positions. knob: see Served."""
        curves, world = self.curves, self.curves.world
        terms = world.terms
        found = np.zeros((*curves.cycle.shape, 2), np.int64)
        for r, out in enumerate(found):
            holding = world.holding * terms.review_days * curves.step[r]
            pairs_of(
                curves.lines[r], curves.cycle[r], curves.used[r], terms.lead_days / terms.review_days,
                KINDS[self.kind], knob, holding, holding * knob / (1 - knob), terms.order_cost, out,
            )  # fmt: skip
        s, up = found[:, :, 0], found[:, :, 1] * curves.step
        return np.where(s >= 0, s * curves.step, -1).T.copy(), up.T.copy()


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
