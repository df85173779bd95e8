"""EASE, the linear autoencoder with a zero diagonal. [1] Steck 2019, "Embarrassingly shallow autoencoders", eq. 8.

Written down from the paper, independently of the model that is served.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from model_repo.evaluate.baselines.interactions import FOREVER, Interactions, best_rows
from model_repo.evaluate.baselines.neighbours import head, voted
from model_repo.work import cores
from serving.core.ports import F32, I32

ITEMS_MAX = 12_500
"""The closed form holds two (n, n) float32 arrays of that many items: 1.2 GiB."""


@dataclass
class EASE:
    """B = I - P / diag(P), P = (X'X + l2 I)^-1; score = history @ B.

    l2: ridge, in purchases. train_half_life: of a purchase's weight in X; half_life: when scoring (days; in sequences:
    items). once: X holds at most 1 for a customer and an item. own: how much a purchase speaks for the same item again;
    0 = the paper. items_max: the closed form looks at so many of the most bought items, the others keep `own`.
    """

    l2: float = 300.0
    train_half_life: float = FOREVER
    half_life: float = FOREVER
    once: bool = True
    own: float = 0.0
    filter_bought: bool = False
    items_max: int = ITEMS_MAX
    _items: I32 = field(default_factory=lambda: np.zeros(0, np.int32), repr=False)
    _weights: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32), repr=False)

    def fit(self, interactions: Interactions) -> None:
        self._items = head(interactions, self.items_max)
        x = interactions.matrix(self.train_half_life)[:, self._items]
        if self.once:
            x.data = np.minimum(x.data, 1.0)
        self._weights = closed_form(x, self.l2)

    def recommend(self, histories: Interactions, k: int) -> I32:
        return best_rows(histories, k, self.score, filter_bought=self.filter_bought)

    def score(self, part: Interactions) -> F32:
        """(b, n_items) float32; 0 = nothing speaks for it."""
        history = part.matrix(self.half_life)
        scores = np.zeros(history.shape, np.float32)
        scores[:, self._items] = voted(history[:, self._items], self._weights)
        if self.own:
            scores += np.float32(self.own) * history.toarray()
        return scores


def closed_form(x: sparse.csr_matrix, l2: float) -> F32:
    """B (n, n) float32 with a zero diagonal. x: (rows, n); l2 > 0."""
    gram = (x.T @ x).toarray().astype(np.float32, order="F")
    np.fill_diagonal(gram, gram.diagonal() + np.float32(l2))
    with threadpool_limits(cores(), user_api="blas"):
        factor, failed = linalg.lapack.spotrf(gram, lower=1, clean=0, overwrite_a=1)
        inverse, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise np.linalg.LinAlgError(f"EASE: X'X + {l2:g} I is not positive definite in float32")
    weights: F32 = np.tril(inverse)
    weights += np.tril(inverse, -1).T
    weights /= -weights.diagonal().copy()
    np.fill_diagonal(weights, 0.0)
    return weights
