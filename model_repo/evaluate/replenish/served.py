"""The served policy: the forecast's counts over the protection interval, as PlanReplenishment plans with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.replenish.world import World
from model_repo.forecast import build as making
from model_repo.forecast.bank import banked
from model_repo.forecast.calibration import calibrate
from model_repo.forecast.panel import Panel
from model_repo.forecast.states import states_at, with_groups
from model_repo.work import one_blas_thread
from serving.decisions.forecast.features import YEAR_DAYS_MIN
from serving.decisions.forecast.forecaster import Forecaster
from serving.decisions.replenish.demand import Distributions, Interval, empty
from serving.kernels.lead_days import lead_chances
from serving.kernels.lead_time import CELLS
from serving.kernels.replenish import FOR_COST, FOR_FILL, FOR_SERVICE, plan

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

CHUNK: Final = 128
KINDS: Final = {"fill rate": FOR_FILL, "service level": FOR_SERVICE, "least cost": FOR_COST}


def distributions(world: World, models: Callable[[int], Forecaster], level_share: float) -> tuple[F32, I64]:
    """(r, n, 4, m) demand of the protection interval at each review, and the (r, n) units of a cell. models: what would
    be live on a column's day."""
    terms, n = world.terms, len(world)
    lead = lead_chances(terms.lead_days, 0.0, terms.lead_days)
    found = np.zeros((len(world.reviews), n, 4, CELLS), np.float32)
    steps = np.ones((len(world.reviews), n), np.int64)
    for r, column in enumerate(world.reviews):
        model = models(int(column))
        behind = int(column) + world.panel.first_day - model.first_day
        known = Distributions(partial(_self, model), behind, level_share)
        for at in range(0, n, CHUNK):
            part = slice(at, at + CHUNK)
            intervals = [Interval(lead, terms.review_days, None, int(row)) for row in world.rows[part]]
            pmf, step = empty(len(intervals))
            known.of(intervals, pmf, step)
            found[r, part], steps[r, part] = pmf, step
    return found, steps


def _self(model: Forecaster) -> Forecaster:
    return model


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What PlanReplenishment orders up to, for one of KINDS."""

    world: World
    pmf: F32
    """(r, n, 4, m)"""
    step: I64
    """(r, n)"""
    kind: int

    def upto(self, knob: float) -> F64:
        """(n, r); for least cost, knob is the critical ratio from which the cost of a shortage follows."""
        world, n = self.world, len(self.world)
        out = np.zeros((n, len(world.reviews)))
        cycle = world.holding * world.terms.review_days
        whole, zeros = np.ones(n, np.int64), np.zeros(n, np.int64)
        for r in range(len(world.reviews)):
            units, figures = np.zeros((n, 4), np.int64), np.zeros((n, 8))
            plan(
                self.pmf[r].astype(np.float64), self.step[r], np.full(n, float(world.terms.lead_days)),
                np.full(n, world.terms.review_days), np.full(n, world.terms.lost), zeros, np.full(n, self.kind),
                np.full(n, knob), cycle, cycle * knob / (1 - knob), np.zeros(n), whole, zeros, zeros, units, figures,
            )  # fmt: skip
            out[:, r] = units[:, 1]
        return out


def walk(
    dataset: Dataset, panel: Panel, moments: I64, seed: int, say: Callable[[str], None], plan_: making.Plan
) -> Iterator[Forecaster]:  # fmt: skip
    """The forecast that would be live at each of the ascending columns: trees and calibration are learned once, before
    the first of them, and what is known of each item is brought up to date at every moment, as training does."""
    whole, first = with_groups(panel), int(moments[0])
    begin = int(whole.start[-1])
    days = first - begin
    years = days >= YEAR_DAYS_MIN
    with one_blas_thread():
        held = min(plan_.held_days, days // 5)
        start = begin + min(days // 4, 56)
        say("learning what to calibrate on")
        before = making._learn(whole, start, first - held, years, plan_, seed)
        calibration = calibrate(making._outcomes(whole, before, first - held, first, years, plan_, seed))
        say("learning")
        learnt = making._learn(whole, start, first, years, plan_, seed)
        scorers = making._onnx(learnt)
        for number, moment in enumerate(moments):
            say(f"review {number + 1} of {len(moments)}")
            end = int(moment)
            states = states_at(whole, end, making._prior(whole, dataset, end))
            bank = banked(whole, end, states.shop_week)
            kinds = making._kinds(whole, end)
            model, _ = making._model(whole, states, bank, kinds, learnt, calibration, end, years, scorers)
            yield Forecaster(making.coherent(model), "evaluated")
