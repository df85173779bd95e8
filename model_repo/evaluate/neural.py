"""The optional rows: neural models, trained by the same budget and answered by the ONNX file that a gateway loads."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from model_repo.evaluate.baselines import Contender
from model_repo.evaluate.baselines.interactions import FOREVER, Interactions, best_rows
from model_repo.neural.build import ASKED
from model_repo.neural.export import to_onnx
from model_repo.neural.models import ITEM2VEC, MODELS, MULT_VAE, NEUMF, WIDE_DEEP, Learnt, check_trainable, learn
from serving.adapters.history_scorer import HistoryScorer
from serving.core.ports import F32, I32

ROWS_MAX = 64
"""Histories in one run: NeuMF holds a hidden layer for each of them and each item."""

LEARNT: dict[str, dict[str, tuple[Any, ...]]] = {
    NEUMF: {"epochs": (20, 40), "factors": (32, 64)},
    WIDE_DEEP: {"epochs": (30, 15), "decay": (0.1, 0.01)},
    MULT_VAE: {"epochs": (40, 80), "beta": (0.2, 0.05)},
    ITEM2VEC: {"factors": (64, 128), "subsample": (1e-3, 1e-4)},
}
"""What a search may try of each model's Params: little, for each try is a training."""


class Neural:
    """A Baseline: one of the models, asked as a shadow is. half_life, train_half_life: days; in sequences: items."""

    def __init__(
        self, model: str, *, own: float = 0.0, half_life: float = FOREVER, train_half_life: float = FOREVER,
        filter_bought: bool = False, seed: int = 0, **values: Any,
    ) -> None:  # fmt: skip
        """own: see export.to_onnx. values: of the model's Params."""
        self.model, self.own, self.half_life, self.filter_bought = model, own, half_life, filter_bought
        self.train_half_life, self.seed, self.values = train_half_life, seed, values
        self._learnt: Learnt | None = None

    def fit(self, interactions: Interactions) -> None:
        """Raises NotReady where PyTorch is missing."""
        baskets = interactions.matrix(by="basket")
        baskets.data[:] = 1.0
        history = interactions.matrix(self.train_half_life)
        self._learnt = learn(self.model, history, baskets, seed=self.seed, values=self.values)

    def recommend(self, histories: Interactions, k: int) -> I32:
        assert self._learnt is not None
        item_ids = [str(item) for item in range(histories.n_items)]
        file = to_onnx(self._learnt, item_ids, own=self.own, half_life_days=self.half_life)
        scorer = HistoryScorer(file, item_ids, self.model)

        def score(part: Interactions) -> F32:
            matrix = part.matrix(self.half_life)
            cuts = range(0, matrix.shape[0], ROWS_MAX)
            return np.concatenate([scorer.score(matrix[lo : lo + ROWS_MAX].toarray()) for lo in cuts])

        return best_rows(histories, k, score, filter_bought=self.filter_bought)


def contenders(*, sequences: bool) -> tuple[Contender, ...]:
    """A row for each model. sequences: see baselines.in_sequence. Raises NotReady where PyTorch is missing."""
    rows = []
    for model in MODELS:
        check_trainable(model)
        asked = ASKED[model]
        how: dict[str, tuple[Any, ...]] = {
            "own": tuple(dict.fromkeys((asked.own, 3.0, 10.0, 30.0, 0.0))),
            "half_life": (180.0, 60.0, FOREVER),
            "train_half_life": (90.0, FOREVER),
        }
        if sequences:
            how = {"filter_bought": (True,), "half_life": (4.0, 2.0, FOREVER)}
        names = ("own", "half_life", "filter_bought")
        rows.append(Contender(model, partial(Neural, model), {**how, **LEARNT[model]}, asked=names, seeded=True))
    return tuple(rows)
