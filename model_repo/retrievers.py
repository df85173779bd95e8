"""Everything but the ranker, as it would have been trained at one moment: nothing after it is read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

import retrieval
from model_repo.content import build as content
from model_repo.datasets.tables import Dataset
from model_repo.factors import build as factors
from model_repo.histories import Histories, interactions
from model_repo.item_item import build as item_item
from model_repo.sessions import build as sessions
from model_repo.together import build as together
from model_repo.transitions import build as transitions
from model_repo.work import Progress, cores
from serving.adapters.faiss_index import FaissIndex
from serving.core.catalogue import Catalogue
from serving.core.content import ContentModel, embed
from serving.core.ports import F32, I32
from serving.decisions.recommend.models import Models, Rankers
from serving.decisions.recommend.params import Params
from serving.events.types import PURCHASE, VIEW
from serving.features.stats import item_stats
from serving.kernels.history import DAY_S

TRENDING_KEPT = 500
TRENDING_HALF_LIFE_DAYS = 14.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the retrievers are built with; ranges stand with each builder's Params."""

    item_item: item_item.Params = field(default_factory=item_item.Params)
    factors: factors.Params = field(default_factory=factors.Params)
    transitions: transitions.Params = field(default_factory=transitions.Params)
    together: together.Params = field(default_factory=together.Params)
    sessions: sessions.Params = field(default_factory=sessions.Params)
    content: content.Params = field(default_factory=content.Params)
    records_max: int = 512
    """Newest records of one owner that are used, as the store keeps them."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the catalogue says of the items; it belongs to no moment, so one will do for all of them."""

    model: ContentModel
    vectors: F32
    """(n, c)"""


def described(dataset: Dataset, recipe: Recipe, seed: int) -> Words:
    """The content model and the vectors of the dataset's items."""
    model = content.build(dataset.items, params=recipe.content, seed=seed)
    return Words(model, embed(model, dataset.items))


class Unranked:
    """Stands where a ranker will be while its own training data is made."""

    def score(self, features: F32) -> F32:
        return np.zeros(len(features), np.float32)


def fit(
    dataset: Dataset, histories: Histories, catalogue: Catalogue, moment_s: float, recipe: Recipe, params: Params,
    *, seed: int, words: Words | None = None, before: Models | None = None, progress: Progress | None = None,
) -> Models:  # fmt: skip
    """Every retriever from the events before `moment_s` (epoch seconds).

    words: what the catalogue says of the items, None = to be found out. before: the models of an earlier moment, whose
    factors are taken on from.
    """
    report = progress or (lambda share: None)
    n = len(dataset.items)
    known = dataset.events.where(dataset.events.time_s < moment_s)
    with ThreadPoolExecutor(cores()) as beside:  # what only counts, while the matrices are solved
        followed = beside.submit(transitions.build, known, n, moment_s, recipe.transitions)
        together_with = beside.submit(together.build, known, n, moment_s, (PURCHASE,), recipe.together)
        viewed_with = beside.submit(together.build, known, n, moment_s, (VIEW,), recipe.together)
        visits = beside.submit(sessions.build, known, n, moment_s, recipe.sessions)
        owners, rows, weights, n_owners = interactions(histories, catalogue, moment_s, recipe.records_max, params)
        neighbours = item_item.build(
            owners, rows, weights, n_owners, n, params=recipe.item_item, progress=lambda share: report(share * 0.5)
        )
        latent = factors.build(
            owners, rows, weights, n_owners, n, params=recipe.factors, seed=seed,
            start=None if before is None else before.vectors, progress=lambda share: report(0.5 + share * 0.5),
        )  # fmt: skip
        words = words or described(dataset, recipe, seed)
    bought = known.where(known.type == PURCHASE)
    prices = np.array([item.price for item in dataset.items], np.int64)
    return Models(
        versions={},
        item_ids=tuple(item.item_id for item in dataset.items),
        item_item=neighbours,
        transitions=followed.result(),
        together=together_with.result(),
        coview=viewed_with.result(),
        sessions=visits.result(),
        vectors=latent.vectors,
        gram=latent.gram,
        fold_alpha=latent.fold_alpha,
        content_model=words.model,
        content=words.vectors,
        item_stats=item_stats(bought.user, bought.item, bought.time_s, prices, n, moment_s),
        trending=trending(bought.item, (moment_s - bought.time_s) / DAY_S, n),
        index=FaissIndex(retrieval.build(latent.vectors)),
        content_index=FaissIndex(retrieval.build(words.vectors)),
        rankers=Rankers(Unranked(), Unranked(), Unranked()),
        trained_through_s=int(known.time_s.max()),
    )


def trending(item: I32, age_days: F32, n_items: int) -> I32:
    """The rows of the most bought items, each purchase decayed by its age, best first; ties by row."""
    weight = np.bincount(item, weights=2.0 ** (-age_days / TRENDING_HALF_LIFE_DAYS), minlength=n_items)
    order = np.lexsort((np.arange(n_items), -weight))[:TRENDING_KEPT]
    return order[weight[order] > 0].astype(np.int32)
