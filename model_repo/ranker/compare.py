"""Trees against the network: the same examples, as many tries, and no more time to score a page than it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Any, Final

import numpy as np

from model_repo.examples import Examples
from model_repo.ranker import build, trees
from model_repo.ranker.metrics import ndcg
from model_repo.ranker.network import Ranker
from model_repo.ranker.onnx_file import to_onnx
from serving.adapters.onnx_scorer import OnnxScorer
from serving.core.ports import F32

PAGE_ROWS: Final = 200
"""Candidates that are scored at once: what the pipeline keeps of its sources by default."""
ROUNDS: Final = 300
"""Runs of which the median is taken; the models take turns, so that a busy machine slows all of them alike."""
PROBES: Final = (4, 40)
"""Ensembles whose times say what one more tree costs."""
SHRINKS_MAX: Final = 12
"""How often an ensemble that turned out slower than allowed is grown again with a sixth fewer trees."""

NETS: Final = (
    build.Params(),
    build.Params(epochs=12, learning_rate=3e-3),
    build.Params(epochs=20, learning_rate=3e-3),
    build.Params(batch_groups=32),
    build.Params(weight_decay=1e-1),
    build.Params(nets=1, hidden=(96,)),
)
"""Tries of the network; all of one width, so all take the same time to score."""
TREES: Final = (
    trees.Params(leaves=16, learning_rate=0.3),
    trees.Params(leaves=16, learning_rate=0.5),
    trees.Params(leaves=8, learning_rate=0.3),
    trees.Params(leaves=8, learning_rate=0.5),
    trees.Params(leaves=32, learning_rate=0.3),
    trees.Params(leaves=4, learning_rate=0.5),
)
"""Tries of the trees; how many there are of each shape is set by the time they may take."""
MORE_TREES: Final = trees.Params(trees=100, leaves=16, learning_rate=0.1)
"""What trees could do if time did not matter; not a candidate."""

NET, FOREST, MORE = "net", "trees", "trees, any time"
Model = Ranker | trees.Trees
Params = build.Params | trees.Params
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """Examples from moments whose answers were all known when `judge` was asked."""

    known: Examples
    judge: Examples
    """All candidates of every group."""


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of model with the values that were chosen for it."""

    name: str
    values: Mapping[str, Any]
    ndcg: float
    """NDCG@10 on the judge of the last stage."""
    chosen_at: float
    """NDCG@10 on the judge of the first stage, which chose the values."""
    micros: float
    """Median microseconds onnxruntime takes for PAGE_ROWS candidates on one thread."""
    tried: int
    seconds: float
    """Training with the chosen values."""


def compare(choosing: Stage, reporting: Stage, names: Sequence[str], *, seed: int, say: Say) -> list[Line]:
    """The network, the trees at the network's time, and trees at any time. names: of the features, in order.

    Values are chosen on the earlier stage; the later one, which has seen what the earlier one was asked, reports.
    """
    page = np.ascontiguousarray(reporting.judge.features[:PAGE_ROWS])
    net = _best(NET, NETS, choosing, seed, say)
    limit = _scorer(learn(choosing.known, NETS[0], seed), names)
    shapes = [_as_fast(shape, choosing.known, limit, page, names, seed) for shape in TREES]
    forest = _best(FOREST, shapes, choosing, seed, say)
    more = _best(MORE, [MORE_TREES], choosing, seed, say)
    say("training with the chosen values")
    models: dict[str, tuple[Params, Model, float]] = {}
    for name, (params, _, _) in {NET: net, FOREST: forest, MORE: more}.items():
        since = perf_counter()
        models[name] = params, learn(reporting.known, params, seed), perf_counter() - since
    scorer = _scorer(models[NET][1], names)
    params, model, times = _shrunk(*models[FOREST][:2], reporting.known, scorer, page, names, seed)
    models[FOREST] = params, model, models[FOREST][2]
    # apart from the pair: so many trees leave nothing else in the caches
    times |= microseconds({MORE: _scorer(models[MORE][1], names)}, page)
    return [
        Line(name, asdict(params), quality(model, reporting.judge), chosen_at, times[name], tried, seconds)
        for (name, (params, model, seconds)), (_, chosen_at, tried) in zip(
            models.items(), (net, forest, more), strict=True
        )
    ]


def winner(lines: Sequence[Line]) -> str:
    """NET or FOREST: the one with the better NDCG; the network where they are equal."""
    found = {line.name: line.ndcg for line in lines}
    return FOREST if found[FOREST] > found[NET] else NET


def learn(known: Examples, params: Params, seed: int) -> Model:
    """The kind of model that the parameters belong to."""
    if isinstance(params, trees.Params):
        return trees.train(known.features, known.offsets, known.labels, params=params, seed=seed)
    return build.train(known.features, known.offsets, known.labels, params=params, seed=seed)


def quality(model: Model, judge: Examples) -> float:
    """NDCG@10."""
    return ndcg(model.score(judge.features), judge.labels, judge.offsets)


def microseconds(scorers: Mapping[str, OnnxScorer], page: F32) -> dict[str, float]:
    """Median time each takes to score `page` (n, f)."""
    spent: dict[str, list[float]] = {name: [] for name in scorers}
    for _ in range(ROUNDS):
        for name, scorer in scorers.items():
            since = perf_counter()
            scorer.score(page)
            spent[name].append(perf_counter() - since)
    return {name: 1e6 * float(np.median(each)) for name, each in spent.items()}


def _best(name: str, tries: Sequence[Params], stage: Stage, seed: int, say: Say) -> tuple[Params, float, int]:
    """The try with the best NDCG@10 (of equals the earlier one), that figure, and the number of tries."""
    found: list[float] = []
    for place, params in enumerate(tries):
        say(f"{name}: try {place + 1}/{len(tries)}")
        found.append(quality(learn(stage.known, params, seed), stage.judge))
    best = int(np.argmax(found))
    return tries[best], found[best], len(tries)


def _as_fast(
    shape: trees.Params, known: Examples, limit: OnnxScorer, page: F32, names: Sequence[str], seed: int
) -> trees.Params:
    """The shape with as many trees as fit into the time of `limit`, by the times of two ensembles."""
    few, many = (_scorer(learn(known, replace(shape, trees=n), seed), names) for n in PROBES)
    times = microseconds({"limit": limit, "few": few, "many": many}, page)
    each = max((times["many"] - times["few"]) / (PROBES[1] - PROBES[0]), 0.01)
    fit = PROBES[0] + int((times["limit"] - times["few"]) / each)
    return replace(shape, trees=min(max(fit, 1), MORE_TREES.trees))


def _shrunk(
    params: Params, model: Model, known: Examples, limit: OnnxScorer, page: F32, names: Sequence[str], seed: int
) -> tuple[trees.Params, Model, dict[str, float]]:
    """The ensemble, smaller where it is slower than `limit` (two probes say it only about), and the times of both."""
    assert isinstance(params, trees.Params)
    for _ in range(SHRINKS_MAX):
        times = microseconds({NET: limit, FOREST: _scorer(model, names)}, page)
        if times[FOREST] <= times[NET] or params.trees == 1:
            break
        params = replace(params, trees=max(1, params.trees * 5 // 6))
        model = learn(known, params, seed)
    return params, model, times


def _scorer(model: Model, names: Sequence[str]) -> OnnxScorer:
    return OnnxScorer(to_onnx(model, names), names)
