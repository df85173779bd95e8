"""What the rankers learn from: past moments at which it is known what came next, and models that had not seen it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from model_repo.cases import cases
from model_repo.datasets.tables import Dataset
from model_repo.histories import Histories
from serving.core.catalogue import Catalogue
from serving.core.ports import F32, I64
from serving.decisions.recommend.models import Models
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import Recommender
from serving.features import FEATURES

CHUNK = 256
"""Queries that go through the pipeline at once."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Groups of candidates: features (m, f), labels (m,) 1 = it came true, offsets (g + 1,)."""

    features: F32
    labels: F32
    offsets: I64

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def joined(cls, parts: list[Examples]) -> Examples:
        """All groups, in order."""
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        )


def examples(
    dataset: Dataset, histories: Histories, models: Models, catalogue: Catalogue, moment_s: float, until_s: float,
    params: Params, *, kind: str = "next-basket", records_max: int, groups_max: int, negatives_max: int, seed: int,
) -> Examples:  # fmt: skip
    """One group for each case of a kind (see cases.py) between `moment_s`, when `models` end, and `until_s`.

    Groups whose candidates miss the whole truth teach nothing and are left out; at most `groups_max` stay, and of each
    at most `negatives_max` candidates that are not in it, drawn with `seed`: the softmax loss needs no more.
    """
    asked = cases(dataset, histories, moment_s, until_s, kind, cases_max=groups_max, seed=seed)
    profiles = _profiles(histories, moment_s, records_max, asked.owners)
    rng = np.random.default_rng(seed)
    pipeline = Recommender(models, lambda: catalogue, None, params)
    features, labels, counts = [np.zeros((0, len(FEATURES)), np.float32)], [np.zeros(0, np.float32)], []
    wanted = np.zeros(len(catalogue), np.float32)
    for start in range(0, len(asked), CHUNK):
        chunk = slice(start, start + CHUNK)
        rows, ptr, found = pipeline.features(asked.queries[chunk], profiles[chunk], moment_s)
        for truth, (a, z) in zip(asked.truth[chunk], pairwise(ptr), strict=True):
            wanted[truth] = 1.0
            relevant = wanted[rows[a:z]]
            wanted[truth] = 0.0
            if relevant.any():
                kept = _sample(relevant, negatives_max, rng)
                features.append(found[a:z][kept])
                labels.append(relevant[kept])
                counts.append(len(kept))
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return Examples(np.concatenate(features), np.concatenate(labels), offsets)


def _profiles(histories: Histories, moment_s: float, records_max: int, owners: list[int]) -> list[bytes]:
    """The stored records of each owner as they were at the moment; none of an owner who was not known then."""
    known, records, ptr = histories.before(moment_s, records_max, users_only=True)
    place = {int(owner): p for p, owner in enumerate(known)}
    cuts = [(ptr[place[owner]], ptr[place[owner] + 1]) if owner in place else (0, 0) for owner in owners]
    return [records[a:z].tobytes() for a, z in cuts]


def _sample(relevant: F32, negatives_max: int, rng: np.random.Generator) -> I64:
    """Places of all positives and of at most `negatives_max` others, in their order."""
    others = np.flatnonzero(relevant == 0)
    if len(others) <= negatives_max:
        return np.arange(len(relevant))
    return np.sort(np.concatenate((np.flatnonzero(relevant), rng.choice(others, negatives_max, replace=False))))
