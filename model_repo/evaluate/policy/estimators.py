"""Off-policy estimates: what pages would have earned had another policy chosen what stands at each place.

A slot is one place of one logged page: its item stood there with a known chance (the propensity) given what stands
above, and earned 0 or 1. Each estimator weighs a slot by target probability / propensity. They assume that

- what a slot earns depends on the visitor, the item and the place, not on its neighbours (the item-position model [3]);
- the target could have shown nothing that had no chance of being logged (support), which `Weights.mean` tests;
- the places above are as they were logged: the value is that of a target that decides place after place below a logged
  prefix. Where little is drawn it comes close to the value of pages that the target makes alone; the simulator prints
  both.

[1] Swaminathan, Joachims 2015, "The self-normalized estimator for counterfactual learning", section 3 (IPS, SNIPS).
[2] Dudík, Langford, Li 2011, "Doubly robust policy evaluation and learning", section 2 (DR).
[3] Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay, Wen 2018, "Offline evaluation of ranking policies with click
    models", section 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

LEVEL = 0.95
ESS_MIN = 100.0
"""Slots: below it an interval is worth little."""
UNITS_MIN = 30
SUPPORT_ERRORS = 4.0
"""Standard errors by which the mean weight may differ from 1."""


@dataclass(frozen=True, slots=True)
class Pages:
    """s logged slots of p pages. A page without slots earns 0 and counts.

    Raises InvalidInput where a propensity is not in (0, 1].
    """

    unit: I64
    """(p,) who saw the page, numbers from 0: the pages of one visitor are alike, so they are resampled together."""
    page: I64
    """(s,) 0..p-1"""
    reward: F64
    """(s,) 0 or 1"""
    propensity: F64
    """(s,)"""

    def __post_init__(self) -> None:
        if not len(self.unit):
            raise InvalidInput("pages", 0, "at least one page")
        wrong = self.propensity[~((self.propensity > 0) & (self.propensity <= 1))]
        if len(wrong):
            raise InvalidInput("propensity", float(wrong[0]), "a probability above 0, at most 1")


class Predicted(NamedTuple):
    """What an outcome model expects of slots; it must not have seen their own rewards (cross-fitting)."""

    logged: F64
    """(s,) of the item that was logged."""
    expected: F64
    """(s,) of the item that the target would show: the sum over items of probability * prediction."""


@dataclass(frozen=True, slots=True)
class Target:
    """A policy to be judged."""

    name: str
    probability: F64
    """(s,) of the logged item at its place, given the items above as logged."""
    models: Mapping[str, Predicted] = field(default_factory=dict)
    """Name of a doubly robust estimate -> its outcome model."""


class Estimate(NamedTuple):
    """Rewards a page, and the bootstrap's 95 % interval."""

    value: float
    low: float
    high: float


class Weights(NamedTuple):
    """How much a log says about a target."""

    ess: float
    """Effective sample size in slots, (sum w)^2 / sum w^2 (Kish 1965), as clipped."""
    mean: float
    """Before clipping: 1 in expectation where the target's items all could be logged."""
    mean_se: float
    largest: float
    clipped: float
    """Share of the slots."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One target. estimates: "ips", "snips" and the names of its models."""

    name: str
    estimates: Mapping[str, Estimate]
    weights: Weights
    warnings: tuple[str, ...]


def judge(
    pages: Pages, targets: Sequence[Target], *, clip: float = math.inf, resamples: int = 1000, seed: int = 0
) -> tuple[Estimate, list[Judged]]:
    """The value of what was logged, and of each target.

    clip: largest weight, which trades variance for bias. resamples: bootstrap samples of units, all targets on the
    same ones; percentile intervals (Efron, Tibshirani 1993, chapter 13).
    """
    slots, count = np.ones(len(pages.page)), np.bincount(pages.unit).astype(np.float64)
    columns = [count, _by_unit(pages, slots), _by_unit(pages, pages.reward)]
    weights = [target.probability / pages.propensity for target in targets]
    for target, weight in zip(targets, weights, strict=True):
        kept = np.minimum(weight, clip)
        columns += [_by_unit(pages, kept), _by_unit(pages, kept * pages.reward)]
        for model in target.models.values():
            columns.append(_by_unit(pages, model.expected + kept * (pages.reward - model.logged)))
    sums = np.column_stack(columns)
    totals = np.vstack([sums.sum(axis=0), _resampled(sums, resamples, seed)]).T
    per_page, per_slot, at = totals[0], totals[1], 3
    judged = []
    for target, weight in zip(targets, weights, strict=True):
        kept_sum, earned = totals[at], totals[at + 1]
        # Self-normalised: the mean reward of a slot, times the slots of a page.
        mean = np.divide(earned, kept_sum, out=np.zeros_like(earned), where=kept_sum > 0)
        estimates = {"ips": _estimate(earned / per_page), "snips": _estimate(mean * per_slot / per_page)}
        for step, name in enumerate(target.models):
            estimates[name] = _estimate(totals[at + 2 + step] / per_page)
        at += 2 + len(target.models)
        facts = _weights(pages, weight, clip)
        judged.append(Judged(target.name, estimates, facts, _warnings(target.name, pages, weight, facts)))
    return _estimate(totals[2] / per_page), judged


def _by_unit(pages: Pages, values: F64) -> F64:
    """(units,) sums of slots' values."""
    return np.bincount(pages.unit[pages.page], values, minlength=int(pages.unit.max()) + 1).astype(np.float64)


def _resampled(sums: F64, resamples: int, seed: int) -> F64:
    """(resamples, c) column sums of units drawn with replacement."""
    rng, units = np.random.default_rng(seed), len(sums)
    counts = (np.bincount(rng.integers(units, size=units), minlength=units) for _ in range(resamples))
    return np.array([count @ sums for count in counts]).reshape(resamples, sums.shape[1])


def _estimate(values: F64) -> Estimate:
    """values: the estimate itself, then its bootstrap samples."""
    low, high = np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(values[0]), float(low), float(high))


def _weights(pages: Pages, weight: F64, clip: float) -> Weights:
    if not len(weight):
        return Weights(0.0, 1.0, 0.0, 0.0, 0.0)
    kept, mean = np.minimum(weight, clip), float(weight.mean())
    spread = _by_unit(pages, weight - mean)
    square = float((kept**2).sum())
    return Weights(
        ess=float(kept.sum()) ** 2 / square if square > 0 else 0.0,
        mean=mean,
        mean_se=float(np.sqrt((spread**2).sum())) / len(weight),
        largest=float(weight.max()),
        clipped=float((weight > clip).mean()),
    )


def _warnings(name: str, pages: Pages, weight: F64, facts: Weights) -> tuple[str, ...]:
    """What a reader must know before believing the estimates."""
    found = []
    if abs(facts.mean - 1) > SUPPORT_ERRORS * facts.mean_se + 1e-6:
        found.append(
            f"{name}: the weights' mean is {facts.mean:.3f} ± {facts.mean_se:.3f} instead of 1: it would show items "
            "that the log shows never or hardly ever (support is missing), or the propensities are not what was drawn "
            "with; its figures are about the rest"
        )
    if facts.ess < ESS_MIN:
        found.append(f"{name}: the weights leave {facts.ess:.0f} effective slots of {len(weight):,}: log more pages")
    if not pages.reward[weight > 0].any():
        found.append(f"{name}: no slot that it would fill earned anything, so the intervals say nothing")
    if facts.clipped > 0:
        found.append(
            f"{name}: {facts.clipped:.1%} of the weights were clipped, which pulls the estimates off the truth"
        )
    if int(pages.unit.max()) + 1 < UNITS_MIN:
        found.append(f"{name}: fewer than {UNITS_MIN} visitors: intervals from so few are too short")
    return tuple(found)
