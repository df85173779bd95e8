"""What the customer buys most; ties and the empty places by what sells now."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from model_repo.evaluate.baselines.interactions import FOREVER, Interactions, best_rows
from serving.core.ports import F32, I32


@dataclass
class PersonalTop:
    """Score = purchases decayed by `half_life` (days) + `popular` * popularity decayed by `popular_half_life`.

    popular: 0..1, of one purchase; the most popular item weighs exactly that, so a small value only breaks ties.
    """

    half_life: float = FOREVER
    popular: float = 0.01
    popular_half_life: float = 14.0
    _weight: F32 = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)

    def fit(self, interactions: Interactions) -> None:
        self._weight = np.float32(self.popular) * interactions.popularity(self.popular_half_life)

    def recommend(self, histories: Interactions, k: int) -> I32:
        def score(part: Interactions) -> F32:
            scores: F32 = part.matrix(self.half_life).toarray()
            scores += self._weight
            return scores

        return best_rows(histories, k, score)
