"""Generated models of the size and shape of trained ones: a request costs what these do, not what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import retrieval
from loadtests.bench.world_items import NOW_S, Shelves, unit_lengths
from loadtests.bench.world_rows import neighbours
from loadtests.bench.world_visits import ITEMS_A_VISIT, VISITS_AN_ITEM, visits
from model_repo.content import build as content
from model_repo.ranker import build as ranker
from model_repo.ranker.onnx_file import to_onnx
from model_repo.retrievers import Unranked, trending
from model_repo.sessions import build as sessions
from serving.adapters.faiss_index import FaissIndex
from serving.adapters.onnx_scorer import OnnxScorer
from serving.core.catalogue import Catalogue, Item
from serving.core.content import embed
from serving.core.ports import F32
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.models import Models, Rankers, SparseRows
from serving.decisions.recommend.pipeline import Recommender
from serving.events.types import PURCHASE
from serving.features import FEATURES
from serving.features.stats import item_stats
from serving.kernels.history import DAY_S

DIMENSIONS = 64
SPREAD = 0.7
"""Of a factor vector around the centre of its category, which has length one."""
LENGTH = 0.43
"""Of a factor vector on average, as the demo store's have it; lengths grow with the third root of what is sold."""
LENGTHS = (0.02, 3.0)
UNOBSERVED = 0.08
USER_RIDGE = 4.0
"""The gram is UNOBSERVED * Y'Y + USER_RIDGE * I, with Y'Y as if there were GRAM_ITEMS: so tastes weigh what a visitor
did as much at every size."""
GRAM_ITEMS = 4000
CONTENT_ITEMS = 20_000
"""The content model learns its words from so many items, the first ones."""
ROWS: dict[str, tuple[int, float]] = {
    "item_item": (200, 40.0),
    "transitions": (200, 10.0),
    "together": (50, 0.1),
    "coview": (50, 0.7),
}
"""Matrix -> (entries a row at most, entries for each time that the item was bought or viewed): the limits are those of
the builders, what an event brings is what the demo store's models have."""
RANKER_GROUPS = 256
"""Visitors the ranker learns from: enough that it becomes the network that is served, not the linear model."""

Step = Callable[[str], AbstractContextManager[None]]
"""Around each part that is built: takes time and memory."""


@dataclass(frozen=True, slots=True)
class Made:
    """Models, and their FAISS indexes themselves."""

    models: Models
    index: Any
    content_index: Any


def made_models(shelf: Shelves, items: Sequence[Item], seed: int, step: Step) -> Made:
    """Everything but the rankers; the same shelf and seed give the same models."""
    n = len(shelf)
    with step("visits"):
        events = visits(shelf, seed)
    with step("sessions"):
        stored = sessions.build(events, n, NOW_S)
    with step("statistics"):
        bought = events.where(events.type == PURCHASE)
        prices = np.array([item.price for item in items], np.int64)
        stats = item_stats(bought.user, bought.item, bought.time_s, prices, n, NOW_S)
        popular = trending(bought.item, ((NOW_S - bought.time_s) / DAY_S).astype(np.float32), n)
        trained_s = int(events.time_s[-1])
        del events, bought
    matrices = {}
    for number, (name, (most, an_event)) in enumerate(ROWS.items()):
        with step(name):
            matrices[name] = _rows(shelf, most, an_event, seed=1 + number + len(ROWS) * seed)
    with step("factors"):
        vectors = factors(shelf, seed)
    with step("index"):
        index = retrieval.build(vectors)
    with step("content"):
        described = content.build(items[:CONTENT_ITEMS], seed=seed)
        words = embed(described, items)
    with step("content index"):
        content_index = retrieval.build(words)
    models = Models(
        versions={"generated": str(seed)}, item_ids=tuple(item.item_id for item in items), **matrices, sessions=stored,
        vectors=vectors, gram=gram(vectors), fold_alpha=1.0, content_model=described, content=words, item_stats=stats,
        trending=popular, index=FaissIndex(index), content_index=FaissIndex(content_index),
        rankers=Rankers(Unranked(), Unranked(), Unranked()), trained_through_s=trained_s,
    )  # fmt: skip
    return Made(models, index, content_index)


def _rows(shelf: Shelves, most: int, an_event: float, seed: int) -> SparseRows:
    events = VISITS_AN_ITEM * ITEMS_A_VISIT * len(shelf) * shelf.share
    counts = np.minimum(events * an_event, min(most, len(shelf) - 1)).astype(np.int64)
    return SparseRows(
        *neighbours(counts, shelf.category, shelf.ptr, shelf.members, shelf.category_cdf, np.uint64(seed))
    )


def factors(shelf: Shelves, seed: int) -> F32:
    """(n, DIMENSIONS) float32 around one centre a category, longer for what sells more."""
    rng = np.random.default_rng([seed, len(shelf), 5])
    centres = unit_lengths(rng, (len(shelf.ptr) - 1, DIMENSIONS))
    vectors = unit_lengths(rng, (len(shelf), DIMENSIONS))
    vectors *= np.float32(SPREAD)
    vectors += centres[shelf.category]
    lengths = np.cbrt(shelf.share * len(shelf)) * rng.lognormal(0.0, 0.3, len(shelf))
    vectors *= np.clip(lengths * LENGTH / lengths.mean(), *LENGTHS).astype(np.float32)[:, None]
    return vectors


def gram(vectors: F32) -> F32:
    """(d, d) float32, see Models.gram."""
    share = np.float32(UNOBSERVED * GRAM_ITEMS / len(vectors))
    found: F32 = share * (vectors.T @ vectors) + np.float32(USER_RIDGE) * np.eye(vectors.shape[1], dtype=np.float32)
    return found


def with_rankers(models: Models, catalogue: Catalogue, blobs: Sequence[bytes], seed: int) -> Models:
    """The models with a ranker of the served kind, three times, trained on what the retrievers said of visitors.

    It learns to find what has much of an invented sum of features: as costly to run as a real one, and no better.
    """
    recommender = Recommender(models, lambda: catalogue, None)
    rng = np.random.default_rng([seed, len(catalogue), 6])
    features, labels, sizes = [], [], [0]
    for blob in blobs[:RANKER_GROUPS]:
        _, ptr, found = recommender.features([Query(user_id="anyone")], [blob], float(NOW_S))
        wanted = found[:, [FEATURES.index(name) for name in ("item_item_share", "factor_share", "popularity")]].sum(
            axis=1
        )
        wanted += rng.gumbel(0.0, 0.3, len(wanted)).astype(np.float32)
        label = np.zeros(len(wanted), np.float32)
        label[np.argsort(-wanted, kind="stable")[:5]] = 1.0
        features.append(found)
        labels.append(label)
        sizes.append(int(ptr[-1]))
    trained = ranker.train(np.concatenate(features), np.cumsum(sizes), np.concatenate(labels), seed=seed)
    data = to_onnx(trained, FEATURES)
    return replace(models, rankers=Rankers(*(OnnxScorer(data, FEATURES) for _ in range(3))))
