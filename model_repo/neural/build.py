"""From a shop's history to the ONNX file of a shadow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from model_repo.datasets.tables import Dataset
from model_repo.neural.export import to_onnx
from model_repo.neural.models import ITEM2VEC, MULT_VAE, NEUMF, WIDE_DEEP, learn
from model_repo.work import Progress
from serving.events.types import PURCHASE
from serving.kernels.history import DAY_S


@dataclass(frozen=True, slots=True)
class Asked:
    """How a model is asked, see export.to_onnx. train_half_life_days: of the purchases it learns from."""

    own: float
    half_life_days: float
    train_half_life_days: float = 90.0


ASKED = {model: Asked(30.0, 180.0) for model in (NEUMF, WIDE_DEEP, MULT_VAE, ITEM2VEC)}
"""Where `storegate evaluate recommend --neural` begins its search."""


def shadow(dataset: Dataset, model: str, *, seed: int, progress: Progress | None = None) -> bytes:
    """The file, over the dataset's items in their order. Raises what models.learn raises."""
    asked = ASKED.get(model, Asked(0.0, 90.0))
    events = dataset.events.where(dataset.events.type == PURCHASE)
    age_days = (int(dataset.events.time_s[-1]) - events.time_s) / DAY_S
    _, basket = np.unique(events.basket, return_inverse=True)
    lines = sparse.csr_matrix(
        (np.ones(len(events), np.float32), (basket, events.item)), shape=(int(basket.max()) + 1, len(dataset.items))
    )
    lines.sum_duplicates()
    lines.data[:] = 1.0
    _, first = np.unique(basket * len(dataset.items) + events.item, return_index=True)  # a line for basket and item
    first = first[events.user[first] >= 0]
    weight = np.exp2(-age_days[first] / asked.train_half_life_days).astype(np.float32)
    shape = (len(dataset.users), len(dataset.items))
    history = sparse.csr_matrix((weight, (events.user[first], events.item[first])), shape=shape)
    learnt = learn(model, history, lines, seed=seed, progress=progress)
    item_ids = [item.item_id for item in dataset.items]
    return to_onnx(learnt, item_ids, own=asked.own, half_life_days=asked.half_life_days)
