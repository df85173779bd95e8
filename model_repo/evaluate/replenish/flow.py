"""Every policy on the same months: as its method prescribes, and tuned before them to the same fill rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.replenish.contenders import METHODS, WINDOWS, Contender, Normal, Residuals
from model_repo.evaluate.replenish.served import KINDS, Served, ServedPairs, curves_at, walk
from model_repo.evaluate.replenish.world import Score, Terms, World, played, shifted, world_of
from model_repo.forecast.build import Plan
from model_repo.forecast.panel import panel_of
from serving.core.errors import InvalidInput

TUNE_DAYS = 56
"""Before the first review: on them windows, methods and safety are chosen."""
STEPS = 18
"""Of the bisection for the safety that reaches a fill rate."""
KNOB_MIN, KNOB_MAX = 0.3, 0.99999
NORMAL, STATISTICAL = "z sigma sqrt(L)", "statistical quantiles"
SERVED, VARIANT = "served", "served variant"

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    name: str
    how: str
    """prescribed, or tuned to the target's fill rate before the test."""
    detail: str
    score: Score
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Lines, and how large the shop was."""

    lines: Sequence[Line]
    items: int
    reviews: int
    units: int
    level_share: float
    """Of the served policy."""


def compare(
    dataset: Dataset, terms: Terms, days: int, items_max: int, seed: int, level_share: float,
    say: Callable[[str], None],
    *, tune_days: int = TUNE_DAYS, plan: Plan | None = None,
) -> Outcome:  # fmt: skip
    """plan: how much the served forecast learns from. Raises InvalidInput for a history that is too short."""
    panel = panel_of(dataset)
    first = panel.days - terms.days - days
    world = world_of(panel, terms, first, days, items_max, seed)
    before = shifted(world, first - terms.days - tune_days, tune_days)
    lines: list[Line] = []

    def chosen(name: str, options: Sequence[tuple[str, Callable[[World], Contender]]]) -> None:
        """The option that costs the least before the test, then played in it."""
        say(f"{name}: choosing among {len(options)}")
        began = time.monotonic()
        tried = {detail: make(before) for detail, make in options}
        detail = min(tried, key=lambda one: played(before, units(tried[one], terms.target)).cost)
        contender = dict(options)[detail](world)
        lines.append(_line(name, "prescribed", detail, world, contender, terms.target, began))
        knob = tuned(before, tried[detail], terms.target)
        lines.append(_line(name, "tuned", f"{detail}, safety {knob:.4f}", world, contender, knob, began))

    chosen(NORMAL, [(f"{w} days" if w < 1000 else "all days", lambda at, w=w: Normal.of(at, w)) for w in WINDOWS])
    chosen(STATISTICAL, [(m, lambda at, m=m: Residuals.of(at, m)) for m in METHODS])
    began = time.monotonic()
    moments = np.unique(np.concatenate([before.reviews, world.reviews]))
    models = dict(zip(moments.tolist(), walk(dataset, panel, moments, seed, say, plan or Plan()), strict=True))
    say("served: distributions of protection intervals")
    here, earlier = (curves_at(at, models.__getitem__, level_share) for at in (world, before))
    policy: type[Served] | type[ServedPairs] = ServedPairs if terms.order_cost > 0 else Served
    for number, kind in enumerate(KINDS):
        now, then = policy(here, kind), policy(earlier, kind)
        name = VARIANT if number else SERVED
        lines.append(_line(name, "prescribed", f"for {kind}", world, now, terms.target, began))
        if kind == "fill rate":
            knob = tuned(before, then, terms.target)
            lines.append(_line(name, "tuned", f"for {kind}, safety {knob:.4f}", world, now, knob, began))
    asked = world.demand[:, world.reviews[0] + terms.days :][:, :days]
    return Outcome(lines, len(world), len(world.reviews), int(asked.sum()), level_share)


def units(contender: Contender, knob: float) -> I64:
    """(n, r) whole order-up-to positions."""
    return np.ceil(contender.upto(knob) - 1e-9).astype(np.int64)


def scored(world: World, contender: Contender | ServedPairs, knob: float) -> Score:
    """Played: with its reorder points where it has some, otherwise with an order at every review."""
    if isinstance(contender, ServedPairs):
        reorder, upto = contender.pairs(knob)
        return played(world, upto, reorder)
    return played(world, units(contender, knob))


def tuned(world: World, contender: Contender | ServedPairs, fill_rate: float) -> float:
    """The least safety with which `world` has the fill rate; the most there is where none has."""
    low, high = KNOB_MIN, KNOB_MAX
    for _ in range(STEPS):
        middle = (low + high) / 2
        if scored(world, contender, middle).fill_rate < fill_rate:
            low = middle
        else:
            high = middle
    return high


def _line(
    name: str, how: str, detail: str, world: World, contender: Contender | ServedPairs, knob: float, began: float
) -> Line:  # fmt: skip
    return Line(name, how, detail, scored(world, contender, knob), time.monotonic() - began)


def check_terms(terms: Terms) -> None:
    """Raises InvalidInput."""
    for name, low, high in (("lead_days", 1, 60), ("review_days", 1, 28), ("target", 0.5, 0.999)):
        value = getattr(terms, name)
        if not low <= value <= high:
            raise InvalidInput(name, value, f"{low} to {high}")
