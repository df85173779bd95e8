"""Every policy on the same months: as its method prescribes, and tuned before them to the same fill rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.replenish.contenders import METHODS, WINDOWS, Contender, Normal, Residuals, Usual
from model_repo.evaluate.replenish.served import EACH, KINDS, TOGETHER, Served, curves_at, unit_price, walk
from model_repo.evaluate.replenish.tuning import Policy, Tried, followed
from model_repo.evaluate.replenish.world import Score, Terms, World, between, earlier, played, world_of
from model_repo.forecast.build import Plan
from model_repo.forecast.panel import panel_of
from serving.core.errors import InvalidInput

TUNE_DAYS = 84
"""Before the test: on them windows, methods and the first safety are chosen."""
HISTORY_DAYS_MIN = 56
"""Before the first of them."""
HINDSIGHT = "hindsight"
"""The least safety, the same at all reviews, that had the fill rate in the test: nobody could know it, but there all
policies serve as much."""
NORMAL, STATISTICAL = "z sigma sqrt(L)", "statistical quantiles"
SERVED, TUNED, VARIANT = "served", "served to the fill rate", "served variant"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    name: str
    how: str
    """prescribed; tuned to the target's fill rate on the days before each review; or with HINDSIGHT."""
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
    back = -(-(terms.days + tune_days) // terms.review_days) * terms.review_days
    if first - back < HISTORY_DAYS_MIN:
        expected = f"fewer: with those before them, {HISTORY_DAYS_MIN - first + back} days of sales are missing"
        raise InvalidInput("days", days, expected)
    whole = earlier(world, back)
    before = between(whole, first - back, first)
    lines: list[Line] = []

    def prescribed(name: str, detail: str, policy: Policy, began: float) -> None:
        lines.append(Line(name, "prescribed", detail, _scored(world, policy, terms.target), time.monotonic() - began))

    def tuned(name: str, options: dict[str, Tried], price: Callable[[float], str], began: float) -> None:
        """Chosen before the test, and with hindsight."""
        detail = min(options, key=lambda one: _reached(before, options[one], terms.target))
        score, chosen = followed(whole, world, options[detail], terms.target)
        knobs = options[detail].knobs[chosen]
        span = dict.fromkeys((price(float(knobs.min())), price(float(knobs.max()))))
        lines.append(Line(name, "tuned", detail + " to ".join(span), score, time.monotonic() - began))
        at = len(whole.reviews) - len(world.reviews)
        detail = min(options, key=lambda one: _reached(world, options[one], terms.target, at))
        number = options[detail].least(world, terms.target, at)
        detail, score = detail + price(float(options[detail].knobs[number])), options[detail].played(world, number, at)
        lines.append(Line(name, HINDSIGHT, detail, score, time.monotonic() - began))

    def chosen(name: str, options: Sequence[tuple[str, Callable[[World], Contender]]]) -> None:
        """The options that cost the least before the test: as prescribed, and with the fill rate; then played in it."""
        made, began = {}, time.monotonic()
        for number, (detail, make) in enumerate(options):
            say(f"{name}: {detail} ({number + 1} of {len(options)})")
            made[detail] = Usual(make(whole), whole)
        best = min(made, key=lambda one: _scored(before, made[one], terms.target).cost)
        prescribed(name, best, made[best], began)
        tuned(name, {f"{one}, safety ": Tried.of(policy) for one, policy in made.items()}, _safety, began)

    chosen(NORMAL, [(f"{w} days" if w < 1000 else "all days", lambda at, w=w: Normal.of(at, w)) for w in WINDOWS])
    chosen(STATISTICAL, [(m, lambda at, m=m: Residuals.of(at, m)) for m in METHODS])
    began = time.monotonic()
    models = walk(dataset, panel, whole.reviews, seed, say, plan or Plan())
    curves = curves_at(whole, models, level_share, say)
    for number, kind in enumerate(KINDS):
        say(f"served: for {kind}")
        policy = Served(curves, kind)
        if kind != TOGETHER:
            prescribed(VARIANT if number else SERVED, f"for {kind}", policy, began)
        if kind == TOGETHER:
            tried = {f"for {kind}, a unit short at ": Tried.of(policy)}
            tuned(TUNED, tried, partial(_short_price, world), began)
        elif kind == EACH:
            tuned(VARIANT, {f"for {kind}, safety ": Tried.of(policy)}, _safety, began)
    asked = world.demand[:, world.reviews[0] + terms.days :][:, :days]
    return Outcome(lines, len(world), len(world.reviews), int(asked.sum()), level_share)


def _scored(world: World, policy: Policy, knob: float) -> Score:
    """In a world whose reviews are the first or the last ones of the policy's."""
    reorder, upto = policy.pairs(knob)
    part = (
        slice(-len(world.reviews), None) if world.reviews[-1] == policy.world.reviews[-1] else slice(len(world.reviews))
    )
    return played(world, upto[:, part], reorder[:, part])


def _reached(part: World, tried: Tried, fill_rate: float, at: int = 0) -> tuple[bool, float]:
    """(whether no safety has the fill rate, cost with the least one that has); at: see Tried.least."""
    score = tried.played(part, tried.least(part, fill_rate, at), at)
    return score.fill_rate < fill_rate, score.cost


def _safety(knob: float) -> str:
    return f"{knob:.4f}" if knob < 0.9999 else f"1 - {1 - knob:.0e}"


def _short_price(world: World, knob: float) -> str:
    """Of a unit, in the currency."""
    return f"{unit_price(world, knob) / 100:.2f}"
