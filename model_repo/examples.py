"""What the ranker learns from: past moments at which the next basket is known, and models that had not seen it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_repo.datasets.tables import Dataset
from model_repo.histories import Histories, next_baskets
from serving.core.catalogue import Catalogue
from serving.core.ports import F32, I64
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.models import Models
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import Recommender

CHUNK = 256
"""Queries that go through the pipeline at once."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Groups of candidates: features (m, f), labels (m,) 1 = in the next basket, offsets (g + 1,)."""

    features: F32
    labels: F32
    offsets: I64

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
    params: Params, *, records_max: int, groups_max: int, negatives_max: int, seed: int,
) -> Examples:  # fmt: skip
    """One group for each user who bought before `moment_s` (when `models` end) and again until `until_s`.

    Groups whose candidates miss the whole basket teach nothing and are left out; at most `groups_max` stay, and of each
    at most `negatives_max` candidates that were not bought, drawn with `seed`: the softmax loss needs no more.
    """
    rng = np.random.default_rng(seed)
    truth = next_baskets(dataset.events, moment_s, until_s)
    owners, records, ptr = histories.before(moment_s, records_max, users_only=True)
    places = np.flatnonzero(np.isin(owners, np.fromiter(truth, np.int64, len(truth))))
    if len(places) > groups_max:
        places = np.sort(rng.choice(places, groups_max, replace=False))
    pipeline = Recommender(models, lambda: catalogue, None, params)
    features, labels, counts = [], [], []
    wanted = np.zeros(len(catalogue), np.float32)
    for start in range(0, len(places), CHUNK):
        chunk = places[start : start + CHUNK]
        queries = [Query(user_id=str(owner), reasons=False) for owner in owners[chunk]]
        blobs = [records[ptr[p] : ptr[p + 1]].tobytes() for p in chunk]
        rows, cuts, found = pipeline.features(queries, blobs, moment_s)
        for i, place in enumerate(chunk):
            group = slice(cuts[i], cuts[i + 1])
            wanted[truth[int(owners[place])]] = 1.0
            relevant = wanted[rows[group]]
            wanted[truth[int(owners[place])]] = 0.0
            if relevant.any():
                kept = _sample(relevant, negatives_max, rng)
                features.append(found[group][kept])
                labels.append(relevant[kept])
                counts.append(len(kept))
    width = features[0].shape[1] if features else 0
    return Examples(
        np.concatenate(features) if features else np.zeros((0, width), np.float32),
        np.concatenate(labels) if labels else np.zeros(0, np.float32),
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
    )


def _sample(relevant: F32, negatives_max: int, rng: np.random.Generator) -> I64:
    """Places of all positives and of at most `negatives_max` others, in their order."""
    others = np.flatnonzero(relevant == 0)
    if len(others) <= negatives_max:
        return np.arange(len(relevant))
    return np.sort(np.concatenate((np.flatnonzero(relevant), rng.choice(others, negatives_max, replace=False))))
