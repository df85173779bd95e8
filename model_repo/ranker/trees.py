"""The ranking model as trees: LambdaMART by LightGBM, few enough of them to be as fast as the network."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_repo.ranker.checks import check_groups, useful_groups
from model_repo.work import Progress
from serving.core.errors import InvalidInput
from serving.core.ports import F32, I64
from serving.core.ranges import check_ranges

RELEVANCE_MAX = 30
"""LightGBM gains 2^relevance - 1 and knows no relevance above this."""
THREADS = 1
"""LightGBM's threads spin while they wait for each other: where the cores are busy, two take many times as long."""


@dataclass(frozen=True, slots=True)
class Params:
    """How the trees are grown.

    trees: 1..1000; leaves: 2..256 of each; learning_rate: 1e-3..1; leaf_rows: 1..1e6, candidates a leaf must hold.
    truncation: 1..500, pairs count only where one of the two stands this high. bins: 4..255 of each feature.
    """

    trees: int = 20
    leaves: int = 16
    learning_rate: float = 0.3
    leaf_rows: int = 200
    truncation: int = 20
    bins: int = 63

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "trees",
            ("trees", 1, 1000),
            ("leaves", 2, 256),
            ("learning_rate", 1e-3, 1.0),
            ("leaf_rows", 1, 1e6),
            ("truncation", 1, 500),
            ("bins", 4, 255),
        )


@dataclass(frozen=True, slots=True)
class Trees:
    """A trained ensemble."""

    text: str
    """LightGBM's own text of the model; every threshold is a float32, so that float32 and float64 decide alike."""
    width: int
    """Features it reads."""

    def score(self, features: F32) -> F32:
        """features: (m, f) float32. Returns (m,) float32, up to a constant of the request, higher is better."""
        import lightgbm  # with the system's OpenMP, which only those who train trees must have

        if not len(features):
            return np.zeros(0, np.float32)
        booster = lightgbm.Booster(model_str=self.text)
        scores: F32 = np.asarray(booster.predict(features, num_threads=THREADS), np.float32)
        return scores


def train(
    features: F32,
    groups: I64,
    labels: F32,
    *,
    params: Params | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trees:
    """Trees from candidates; arguments as of build.train, the labels whole numbers up to RELEVANCE_MAX.

    The same examples and seed give the same model. Raises InvalidInput naming the array.
    [1] Burges 2010, "From RankNet to LambdaRank to LambdaMART"; [2] Ke et al. 2017, "LightGBM".
    """
    import lightgbm

    params = params or Params()
    check_groups(features, groups, labels)
    strange = labels[(labels != np.round(labels)) | (labels > RELEVANCE_MAX)]
    if len(strange):
        raise InvalidInput("labels", float(strange[0]), f"whole numbers from 0 to {RELEVANCE_MAX}")
    rows, sizes = _rows_of(useful_groups(groups, labels), groups)
    settings = {
        "objective": "lambdarank", "num_leaves": params.leaves, "learning_rate": params.learning_rate,
        "min_data_in_leaf": params.leaf_rows, "lambdarank_truncation_level": params.truncation,
        "max_bin": params.bins, "seed": seed, "deterministic": True, "force_row_wise": True,
        "num_threads": THREADS, "verbosity": -1,
    }  # fmt: skip
    known = lightgbm.Dataset(features[rows], label=labels[rows], group=sizes, params=settings)
    callbacks = [] if progress is None else [lambda now: progress((now.iteration + 1) / params.trees)]
    booster = lightgbm.train(settings, known, params.trees, callbacks=callbacks)
    return Trees(in_float32(booster.model_to_string()), features.shape[1])


def _rows_of(kept: I64, groups: I64) -> tuple[I64, I64]:
    """Places of the candidates of the groups `kept`, and how many each has."""
    sizes = np.diff(groups)[kept]
    ends = np.cumsum(sizes)
    return np.arange(ends[-1]) + np.repeat(groups[kept] - (ends - sizes), sizes), sizes


def in_float32(text: str) -> str:
    """The model with every threshold rounded down to a float32.

    x <= threshold then says the same of every float32 x as it did; rounding to the nearest, as a converter does, may
    put the smallest value of the right-hand side on the left.
    """
    text = re.sub(r"(?m)^tree_sizes=.*\n", "", text)  # lengths of the trees' texts, which change; they may be absent
    return re.sub(
        r"(?m)^threshold=(.*)$",
        lambda found: "threshold=" + " ".join(repr(float(x)) for x in _floor(np.array(found[1].split(), np.float64))),
        text,
    )


def _floor(x: npt.NDArray[np.float64]) -> F32:
    """The largest float32 that is not above each of x."""
    with np.errstate(over="ignore"):
        near = x.astype(np.float32)
    return np.where(near > x, np.nextafter(near, np.float32(-np.inf)), near)
