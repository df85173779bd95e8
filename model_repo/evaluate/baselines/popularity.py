"""The same list for everybody: what sold most, lately."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from model_repo.evaluate.baselines.interactions import FOREVER, Interactions, best_rows
from serving.core.ports import F32, I32


@dataclass
class Popularity:
    """half_life: of a sale's weight, in days. filter_bought: leave out what the customer has bought before."""

    half_life: float = FOREVER
    filter_bought: bool = False
    _weight: F32 = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)

    def fit(self, interactions: Interactions) -> None:
        self._weight = interactions.popularity(self.half_life)

    def recommend(self, histories: Interactions, k: int) -> I32:
        def score(part: Interactions) -> F32:
            return np.tile(self._weight, (part.n_users, 1))

        return best_rows(histories, k, score, filter_bought=self.filter_bought)
