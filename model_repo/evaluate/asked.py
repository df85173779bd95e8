"""A release trained on what was known at a cut, loaded as the gateway does, and asked any question at the cut."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.knowledge import known_before
from model_repo.evaluate.served import BATCH, stored_history
from model_repo.evaluate.splits import Split
from model_repo.recommend import Plan
from model_repo.train import train
from serving.adapters.model_loader import load
from serving.core.catalogue import Catalogue
from serving.core.clock import NEVER
from serving.core.ports import F32, I32
from serving.core.turn import Turn
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import Recommender
from serving.features import FEATURES


class Shop:
    """The served pipeline at the cut. Lists hold item numbers of the dataset, -1 = the answer is shorter."""

    def __init__(self, home: Path, dataset: Dataset, now_s: float) -> None:
        self._home, self._now_s = home, now_s
        self._loaded = load(home, FEATURES)
        models = self._loaded.models
        self._catalogue = Catalogue.build(self._loaded.catalogue_items, model_ids=models.item_ids)
        self._profiles = stored_history(self._loaded.history_dir)
        self._row_of = {item.item_id: row for row, item in enumerate(dataset.items)}
        self.vectors: F32 = np.zeros((len(dataset.items), models.content.shape[1]), np.float32)
        """(items of the dataset, c) content vectors, zeros for items that were not known at the cut."""
        for vector, item_id in zip(models.content, models.item_ids, strict=True):
            self.vectors[self._row_of[item_id]] = vector

    def ask(self, queries: Sequence[Query], k: int, params: Params | None = None) -> I32:
        """(q, k) the answers' items, best first."""
        pipeline = Recommender(self._loaded.models, lambda: self._catalogue, self._profiles, params or Params())
        turn = Turn(now=0.0, wall=self._now_s, deadline=NEVER)
        lists = np.full((len(queries), k), -1, np.int32)
        for lo in range(0, len(queries), BATCH):
            for at, answer in enumerate(pipeline.run(queries[lo : lo + BATCH], turn), lo):
                ids = [self._catalogue.items[row].item_id for row in answer.rows[:k].tolist()]
                lists[at, : len(ids)] = [self._row_of[item_id] for item_id in ids]
        return lists


@contextmanager
def shop_at(dataset: Dataset, split: Split, plan: Plan, params: Params, seed: int) -> Iterator[Shop]:
    """Trains on what `split` lets be known, in a home that is gone afterwards."""
    past, _ = known_before(dataset, split.train)
    with tempfile.TemporaryDirectory(prefix="storegate-evaluate-") as folder:
        train(Path(folder), past, seed=seed, plan=plan, params=params, decisions=False)
        yield Shop(Path(folder), dataset, split.now_s)
