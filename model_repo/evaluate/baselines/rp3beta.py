"""Random walks customer - item - customer - item, with popular ends held back.

[1] Paudel, Christoffel, Newell, Bernstein 2017, "Updatable, accurate, diverse, and scalable recommendations for
interactive applications", section 4: P3alpha and RP3beta.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from model_repo.evaluate.baselines.interactions import FOREVER, Interactions, best_rows
from model_repo.evaluate.baselines.neighbours import largest, products, voted
from serving.core.ports import F32, I32


@dataclass
class RP3beta:
    """sim(i, j) = sum_u P(u | i)^alpha P(j | u)^alpha / (customers of j)^beta, scaled so that rows' largest average 1.

    by: "user" or "basket", over which the walks lead. train_half_life: of a purchase's weight in the walks; half_life:
    when scoring (days; in sequences: items). own: how much a purchase speaks for the same item again; 0 = the paper.
    """

    by: str = "user"
    alpha: float = 1.0
    beta: float = 0.4
    neighbours: int = 200
    train_half_life: float = FOREVER
    half_life: float = FOREVER
    own: float = 0.0
    filter_bought: bool = False
    _similar: sparse.csr_matrix = field(default_factory=lambda: sparse.csr_matrix((0, 0)), repr=False)

    def fit(self, interactions: Interactions) -> None:
        x = interactions.matrix(self.train_half_life, by=self.by)
        self._similar = largest(walks(x, self.alpha, self.beta), self.neighbours)
        self._similar.data /= max(float(self._similar.max(axis=1).mean()), 1e-12)

    def recommend(self, histories: Interactions, k: int) -> I32:
        def score(part: Interactions) -> F32:
            return voted(part.matrix(self.half_life), self._similar, self.own)

        return best_rows(histories, k, score, filter_bought=self.filter_bought)


def walks(x: sparse.csr_matrix, alpha: float, beta: float) -> Iterator[sparse.csr_matrix]:
    """Blocks (b, n) of the similarities, not scaled, without the diagonal. x: (rows, n), not negative."""
    popularity = np.maximum(np.asarray((x > 0).sum(axis=0)).ravel(), 1).astype(np.float32)
    held_back = popularity ** np.float32(-beta)
    for _, block in products(steps(x.T.tocsr(), alpha), steps(x, alpha)):
        block.data *= held_back[block.indices]
        yield block


def steps(x: sparse.csr_matrix, alpha: float) -> sparse.csr_matrix:
    """(rows, n) the probability of each step out of a row, to the power alpha."""
    total = np.maximum(np.asarray(x.sum(axis=1)).ravel(), 1e-12)
    made = x.copy().astype(np.float32)
    made.data = (made.data / np.repeat(total, np.diff(x.indptr)).astype(np.float32)) ** np.float32(alpha)
    return made
