"""Estimates of logs whose truth is known, repeated: are they right on average, and do intervals hold what they say?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from model_repo.evaluate.policy.estimators import Estimate, Judged, judge
from model_repo.evaluate.policy.simulator import (
    TARGETS,
    Model,
    Policy,
    World,
    exploring,
    fitted,
    make_log,
    pages_of,
    target_of,
    truth,
    wrong,
)

MODELS: Mapping[str, Model] = {"dr": fitted, "dr_wrong": wrong}
"""dr_wrong shows that a bad outcome model costs width, not truth."""


class Repeated(NamedTuple):
    """One estimator over all runs; figures in rewards a page."""

    bias: float
    """Mean of estimate - truth."""
    bias_se: float
    sd: float
    coverage: float
    """Share of the runs whose interval holds the truth."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One target."""

    truth: float
    whole_page: float
    """What pages earn that the target fills alone: not what the estimators are after, see estimators.py."""
    first: Judged
    """Of the first run."""
    repeated: Mapping[str, Repeated]


class Trials(NamedTuple):
    """All of them, and what was logged: its estimate in the first run and its truth."""

    trials: Mapping[str, Trial]
    logged: Estimate
    logged_truth: float


def simulate(
    world: World,
    *,
    share: float,
    pages: int,
    runs: int,
    clip: float = math.inf,
    resamples: int = 500,
    seed: int = 0,
    targets: Mapping[str, Policy] = TARGETS,
    models: Mapping[str, Model] = MODELS,
) -> Trials:
    """Logs `runs` times `pages` pages with a `share` of the places drawn, and judges the targets on each log."""
    logging = exploring(share)
    aims = {name: truth(world, logging, policy, seed=seed) for name, policy in targets.items()}
    judged: list[list[Judged]] = []
    first_logged = None
    for run in range(runs):
        log = make_log(world, logging, pages, seed=seed * 1_000_003 + run + 1)
        predictions = {name: model(log) for name, model in models.items()}
        asked = [target_of(log, name, policy, predictions) for name, policy in targets.items()]
        logged, found = judge(pages_of(log), asked, clip=clip, resamples=resamples, seed=run)
        first_logged = first_logged or logged
        judged.append(found)
    assert first_logged is not None
    trials = {
        name: Trial(
            aims[name],
            truth(world, policy, policy, seed=seed),
            judged[0][at],
            {
                estimator: _repeated([found[at].estimates[estimator] for found in judged], aims[name])
                for estimator in judged[0][at].estimates
            },
        )
        for at, (name, policy) in enumerate(targets.items())
    }
    return Trials(trials, first_logged, truth(world, logging, logging, seed=seed))


def _repeated(estimates: list[Estimate], aim: float) -> Repeated:
    found = np.array(estimates)
    sd = float(found[:, 0].std(ddof=1)) if len(found) > 1 else 0.0
    return Repeated(
        bias=float(found[:, 0].mean()) - aim,
        bias_se=sd / math.sqrt(len(found)),
        sd=sd,
        coverage=float(((found[:, 1] <= aim) & (aim <= found[:, 2])).mean()),
    )
