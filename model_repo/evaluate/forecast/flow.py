"""From a shop's sales to a table of rows: every row gets the same history, season and horizon at every origin."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.forecast.peers import VARIANTS, Answer, ask
from model_repo.evaluate.forecast.served import ServedForecasts
from model_repo.evaluate.forecast.tally import Tally, Task
from model_repo.evaluate.forecast.tasks import Origin, Read, origins
from model_repo.evaluate.report import SERVED_NAME, Result, Row
from model_repo.forecast.build import Plan as Training

Say = Callable[[str], None]
ALL_ITEMS = "served, all items"
WHOLE = " rounded"


@dataclass(slots=True)
class Found:
    """What one row has scored so far: task -> variant of its quantiles -> tally."""

    tallies: dict[str, dict[str, Tally]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Tally)))
    seconds: float = 0.0
    failed: int = 0

    def add(self, task: Task, answer: Answer) -> None:
        """Every variant is scored as it is and rounded to whole pieces."""
        self.seconds += answer.seconds
        self.failed += answer.failed
        tallies = self.tallies[task.key]
        if not answer.quantiles:
            tallies[""].add(task, answer.mean, None)
        for variant, quantiles in answer.quantiles.items():
            tallies[variant].add(task, answer.mean, quantiles)
            if variant in VARIANTS:
                tallies[variant + WHOLE].add(task, answer.mean, np.rint(quantiles))

    def best(self, key: str) -> tuple[str, Tally]:
        """The variant whose quantiles lost least on the test itself: nobody can say that a row got worse ones."""
        return min(self.tallies[key].items(), key=lambda one: one[1].loss)

    def row(self, name: str) -> Row:
        metrics = {}
        for key in self.tallies:
            metrics |= {f"{key}.{metric}": value for metric, value in self.best(key)[1].metrics().items()}
        return Row(name, {metric: value for metric, value in metrics.items() if np.isfinite(value)}, self.seconds)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    origins: int = 3
    horizon: int = 28
    sample: int = 300
    """Items a library's row answers at item level."""
    models: Sequence[str] = ()
    """Of peers.MODELS."""
    folder: Path = Path("var/peers")
    seed: int = 0
    training: Training | None = None
    """How the served model is made; None = as `storegate train` makes it."""


def evaluate(whole: Dataset, read: Read | None, plan: Plan, say: Say) -> tuple[Result, Origin, ServedForecasts]:
    """The table, and the last origin with what was served there, for pictures. read: see tasks.origins."""
    began, found = time.monotonic(), defaultdict(Found)
    counts: dict[str, int] = {"origins": plan.origins, "horizon_days": plan.horizon}
    for number, origin in enumerate(origins(whole, read, plan.origins, plan.horizon), 1):
        items = origin.sample(plan.sample, plan.seed)
        counts |= {"items": len(origin.rows), "sampled_items": len(np.unique(items)), "categories": len(origin.groups)}
        say(f"origin {number} of {plan.origins}, {origin.date}: {len(np.unique(items))} of {len(origin.rows)} items")
        served = ServedForecasts.of(origin, plan.horizon, plan.seed, say, plan.training)
        found[SERVED_NAME].seconds += served.seconds
        for task in origin.tasks(items):
            found[SERVED_NAME].add(task, served.answer(task))
            for name, answer in ask(
                task.history.lines, task.season, task.horizon, plan.models, plan.folder, _told(say, task)
            ).items():
                found[name].add(task, answer)
        if len(items) < len(origin.rows):
            for task in origin.tasks(origin.rows):
                if task.level == "item":
                    found[ALL_ITEMS].add(task, served.answer(task))
    rows = [one.row(name) for name, one in found.items()]
    return (
        Result(
            command="evaluate forecast",
            data=whole.name,
            sha256=whole.sha256,
            seed=plan.seed,
            protocol=(
                f"units of the {plan.horizon} days after each of {plan.origins} origins, {plan.horizon} days apart, "
                "day by day and week by week, from what was known at the origin"
            ),
            counts=counts,
            rows=rows,
            seconds=time.monotonic() - began,
            notes=_notes(found, counts, plan),
        ),
        origin,
        served,
    )


def _told(say: Say, task: Task) -> Say:
    return lambda line: say(f"{task.grain}, {task.level}: {line}")


def _notes(found: dict[str, Found], counts: dict[str, int], plan: Plan) -> list[str]:
    notes = []
    if counts["sampled_items"] < counts["items"]:
        notes.append(
            f"item level: {counts['sampled_items']} of {counts['items']} items, one from every stretch in order of "
            f"revenue, seed {plan.seed}; '{ALL_ITEMS}' is over all of them"
        )
    if plan.models:
        notes.append(
            "quantiles of the library's rows: its own intervals, or its forecast plus the quantiles of its errors in "
            "the history (all, or those of the weekday), each as they are or rounded to whole pieces: whatever scores "
            "best on the test itself"
        )
        kinds = {
            name: ", ".join(f"{key} {one.best(key)[0]}" for key in one.tallies)
            for name, one in found.items()
            if name not in (SERVED_NAME, ALL_ITEMS)
        }
        notes += [f"{name}: {kind}" for name, kind in kinds.items()]
        notes.append("the library's seconds are those of the run that made its answers")
    for name, one in found.items():
        if one.failed:
            notes.append(f"{name} gave up on {one.failed} series: they got their history's mean and quantiles")
    return notes
