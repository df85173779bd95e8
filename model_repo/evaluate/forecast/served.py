"""The forecasts as they are served: a version on disk, loaded as the gateway does, asked through its Forecaster."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_repo.evaluate.forecast.peers import Answer
from model_repo.evaluate.forecast.scores import LEVELS
from model_repo.evaluate.forecast.tally import Task
from model_repo.evaluate.forecast.tasks import Origin
from model_repo.forecast.build import Plan, build
from model_repo.publish import digest
from serving.adapters.forecast_files import PART, read_forecaster
from serving.adapters.versions import read_version, write_version
from serving.core.errors import InvalidInput
from serving.decisions.forecast.forecaster import Forecaster

VARIANT = "served"
WHOLE = ""
"""The whole shop among the Forecaster's groups."""


@dataclass(frozen=True, slots=True)
class ServedForecasts:
    """What the gateway would answer at one origin."""

    forecaster: Forecaster
    lead: int
    """Days between the end of the history's sales and the origin: the shop was closed."""
    days: int
    seconds: float
    """Building, writing and loading."""

    @classmethod
    def of(
        cls, origin: Origin, horizon: int, seed: int, say: Callable[[str], None], plan: Plan | None = None
    ) -> ServedForecasts:
        """Trains on what was known at the origin. Raises InvalidInput when that is too little for any forecast."""
        began = time.monotonic()
        built = build(
            origin.dataset,
            seed=seed,
            plan=plan,
            progress=lambda what, done, total: say(f"{what} ({done} of {total})"),
        )
        if not built.files:
            raise InvalidInput("transactions", origin.dataset.name, f"a longer history before the origins: {built.why}")
        with tempfile.TemporaryDirectory(prefix="storegate-evaluate-") as folder:
            version = digest(built.files)[:8]
            write_version(Path(folder), PART, version, built.files)
            forecaster = read_forecaster(read_version(Path(folder), PART, version), version)
        return cls(forecaster, origin.day - forecaster.first_day, horizon, time.monotonic() - began)

    def rows(self, task: Task) -> np.ndarray:
        """(n,) the Forecaster's rows of the task's series; a shop of one category has no groups but the whole."""
        items, groups = self.forecaster.item_ids, self.forecaster.groups
        names = task.history.names if task.level == "item" or len(groups) > 1 else (WHOLE,) * len(task.history.names)
        known = items if task.level == "item" else groups
        place = {name: row for row, name in enumerate(known, 0 if task.level == "item" else len(items))}
        return np.array([place[WHOLE if task.level == "total" else name] for name in names], np.int32)

    def answer(self, task: Task) -> Answer:
        """One call for all series of the task; weeks are asked as blocks of seven days."""
        began = time.monotonic()
        found = self.forecaster.forecast(
            self.rows(task), self.days, LEVELS, lead=self.lead, block_days=task.history.period_days
        )
        mean = found.mean.astype(np.float64)
        return Answer(mean, {VARIANT: found.quantiles}, time.monotonic() - began)
