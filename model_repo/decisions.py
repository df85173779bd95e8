"""The models of decisions that answer without the others: a release gets those that can be built, and says what not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from model_repo.datasets.tables import Dataset
from model_repo.forecast.build import build as build_forecast
from model_repo.price.build import build_from as build_price
from serving.core.errors import InvalidInput

Report = Callable[[str, int, int], None]
DEFECT: Final = "a defect, see the log"
PRIOR_ONLY: Final = "prior_only"
"""In the metrics of a price model: 1 = no item was ever sold at two prices, so its elasticities are those expected."""
UNTAUGHT: Final = "no item was sold at two prices, and the one before has learnt from some that were"

log = logging.getLogger("storegate.train")


@dataclass(frozen=True, slots=True)
class Decisions:
    """Model of versions.DECISIONS -> its files, what metrics.json says of it, or why there is none."""

    files: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    metrics: dict[str, Mapping[str, float]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


def build_decisions(
    dataset: Dataset, *, seed: int, report: Report, before: Mapping[str, Mapping[str, float]] | None = None
) -> Decisions:
    """Deterministic in the dataset and the seed. What cannot be built is told and left out: what visitors are shown
    must not depend on it. before: what metrics.json says of those that may go on: so does a price model that has seen
    prices change, where the data shows none that did."""
    made = Decisions()
    for name, build in BUILDERS.items():
        try:
            built, why = build(dataset, seed, report)
        except InvalidInput as error:
            built, why = None, error.message
        except Exception:
            log.exception("the model of the decision %s could not be built", name)
            built, why = None, DEFECT
        if built is not None and built.metrics.get(PRIOR_ONLY) and (before or {}).get(name, {}).get(PRIOR_ONLY) == 0:
            built, why = None, UNTAUGHT
        if built is None or not built.files:
            made.absent[name] = why
            report(f"no model for {name}: {why}", 1, 1)
            continue
        made.files[name], made.metrics[name] = built.files, built.metrics
    return made


def _forecast(dataset: Dataset, seed: int, report: Report) -> tuple[Any, str]:
    built = build_forecast(dataset, seed=seed, progress=report)
    return built, built.why


def _price(dataset: Dataset, seed: int, report: Report) -> tuple[Any, str]:
    report("training price", 0, 1)
    built = build_price(dataset, seed=seed)
    report("training price", 1, 1)
    return built, "nothing was sold at a price"


BUILDERS: Final[dict[str, Callable[[Dataset, int, Report], tuple[Any, str]]]] = {
    "forecast": _forecast,
    "price": _price,
}
"""(dataset, seed, report) -> (what was built, why there is nothing)."""
