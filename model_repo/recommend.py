"""Trains everything `Recommend` runs on: retrievers at past moments, a ranker on what happened next, retrievers now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from model_repo.datasets.tables import Dataset
from model_repo.examples import Examples, examples
from model_repo.histories import Histories
from model_repo.ranker import build as ranker
from model_repo.ranker.onnx_file import to_onnx
from model_repo.retrievers import Recipe, described, fit
from model_repo.work import one_blas_thread
from serving.adapters.model_loader import RANKERS
from serving.core.catalogue import Catalogue
from serving.core.errors import InvalidInput
from serving.core.ports import F32
from serving.core.ranges import check_ranges
from serving.decisions.recommend.models import Models
from serving.decisions.recommend.params import Params
from serving.features import FEATURES
from serving.kernels.history import DAY_S

KINDS = ("next-basket", "basket", "click")
"""The cases of cases.py that each of RANKERS learns from."""
GROUPS_MIN = 50
"""With fewer examples than this a ranker is not worth having: the purchase ranker stands in for it."""
GOLDEN_ROWS = 64
"""Kept of the purchase ranker's examples, spread evenly: enough to tell another model, scored in no time."""

Report = Callable[[str, int, int], None]
"""(what is being done, steps done, steps in all)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the training is laid out in time; each moment's models and features know nothing after it.

    moments: 1..50 past moments that give examples, the newest `horizon_days` before the end, `step_days` apart.
    horizon_days: 1..365, how long after a moment a next basket counts as its answer.
    groups_max: 100..1e6, examples a moment; negatives_max: 10..2000, candidates not bought that an example keeps.
    other_moments: 1..50, the newest of the moments from which the basket and click rankers learn.
    """

    moments: int = 6
    step_days: float = 14.0
    horizon_days: float = 28.0
    groups_max: int = 1500
    negatives_max: int = 400
    other_moments: int = 2
    recipe: Recipe = field(default_factory=Recipe)
    ranker: ranker.Params = field(default_factory=ranker.Params)

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "train",
            ("moments", 1, 50),
            ("step_days", 0.5, 365),
            ("horizon_days", 1, 365),
            ("groups_max", 100, 1e6),
            ("negatives_max", 10, 2000),
            ("other_moments", 1, 50),
        )


@dataclass(frozen=True, slots=True)
class Trained:
    """What one training gives. models: complete but for the rankers; rankers: name -> ONNX file; golden: see
    publish.py; groups: examples the purchase ranker learned from; summary: what metrics.json says."""

    models: Models
    rankers: dict[str, bytes]
    golden: dict[str, F32]
    groups: int
    summary: dict[str, float]


def train_recommend(dataset: Dataset, plan: Plan, params: Params, *, seed: int, report: Report) -> Trained:
    """Deterministic in the dataset and the seed. Raises InvalidInput when the history is too short to learn from."""
    histories = Histories.of(dataset)
    timeless = Catalogue.build(
        [replace(item, stock={}, deleted=False) for item in dataset.items],
        model_ids=[item.item_id for item in dataset.items],
    )
    first, last = float(dataset.events.time_s[0]), float(dataset.events.time_s[-1]) + 1.0
    moments = _moments(first, last, plan)
    steps = len(moments) + 2
    words = described(dataset, plan.recipe, seed)

    def learned(models: Models, moment: float, kinds: Sequence[str]) -> list[Examples]:
        return [
            examples(
                dataset, histories, models, timeless, moment, moment + plan.horizon_days * DAY_S, params, kind=kind,
                records_max=plan.recipe.records_max, groups_max=plan.groups_max, negatives_max=plan.negatives_max,
                seed=seed,
            )
            for kind in kinds
        ]  # fmt: skip

    parts: dict[str, list[Examples]] = {kind: [] for kind in KINDS}
    models: Models | None = None
    before: Future[list[Examples]] | None = None
    # The examples of one moment are made while the next one's models are fitted. BLAS keeps to one thread throughout:
    # its sums would depend on how many it happens to have.
    with one_blas_thread(), ThreadPoolExecutor(1) as beside:
        for done, moment in enumerate(moments):
            report("learning from the past", done, steps)
            models = fit(
                dataset, histories, timeless, moment, plan.recipe, params, seed=seed, words=words, before=models
            )
            if before is not None:
                _sort(parts, before.result())
            kinds = KINDS if done >= len(moments) - plan.other_moments else KINDS[:1]
            before = beside.submit(learned, models, moment, kinds)
        if before is not None:
            _sort(parts, before.result())
    report("training the rankers", len(moments), steps)
    found = {kind: Examples.joined(some) for kind, some in parts.items()}
    main = found[KINDS[0]]
    if not len(main):
        raise InvalidInput(
            "transactions", f"{len(dataset.events)} lines", "customers who come back within the time the data covers"
        )
    rankers: dict[str, bytes] = {}
    golden = {"features": main.features[:: max(1, len(main.features) // GOLDEN_ROWS)][:GOLDEN_ROWS]}
    for name, kind in zip(RANKERS, KINDS, strict=True):
        some = found[kind] if len(found[kind]) >= GROUPS_MIN else main
        if name != RANKERS[0] and some is main:
            rankers[name], golden[name] = rankers[RANKERS[0]], golden[RANKERS[0]]
            continue
        ranked = ranker.train(some.features, some.offsets, some.labels, params=plan.ranker, seed=seed)
        rankers[name], golden[name] = to_onnx(ranked, FEATURES), ranked.score(golden["features"])
        if name == RANKERS[0]:
            summary = ranker.summary(ranked, some.features, some.offsets, some.labels)
    report("fitting the final models", len(moments) + 1, steps)
    models = fit(dataset, histories, timeless, last, plan.recipe, params, seed=seed, words=words, before=models)
    report("trained", steps, steps)
    return Trained(models, rankers, golden, len(main), summary)


def _sort(parts: dict[str, list[Examples]], some: Sequence[Examples]) -> None:
    """Puts the examples of one moment, in the order of KINDS, to those of their kind."""
    for kind, one in zip(KINDS, some, strict=False):
        parts[kind].append(one)


def _moments(first_s: float, last_s: float, plan: Plan) -> list[float]:
    """Past moments, oldest first; each leaves at least a fifth of the history before it."""
    horizon = min(plan.horizon_days * DAY_S, 0.3 * (last_s - first_s))
    newest, floor = last_s - horizon, first_s + 0.2 * (last_s - first_s)
    every = [newest - k * plan.step_days * DAY_S for k in range(plan.moments)]
    return sorted(moment for moment in every if moment >= floor)
