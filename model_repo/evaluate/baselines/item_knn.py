"""Item neighbourhoods: cosine with shrinkage.

[1] Sarwar, Karypis, Konstan, Riedl 2001; [2] Deshpande & Karypis 2004.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from model_repo.evaluate.baselines.interactions import FOREVER, Interactions, best_rows
from serving.core.ports import F32, I32

BLOCK_ITEMS = 1024


@dataclass
class ItemKNN:
    """sim(i, j) = <i, j> / (|i| |j| + shrink), the `neighbours` largest of each item; score = history @ sim.

    by: "user" or "basket", over which co-occurrence is counted. train_half_life: of a purchase's weight when counting;
    half_life: when scoring (days; in sequences: items). bought: "filter" leaves out what the customer has,
    "keep" lets it stand by its neighbours, "self" lets every item be its own neighbour of similarity 1.
    """

    by: str = "user"
    shrink: float = 10.0
    neighbours: int = 200
    train_half_life: float = FOREVER
    half_life: float = FOREVER
    bought: str = "keep"
    _similar: sparse.csr_matrix = field(default_factory=lambda: sparse.csr_matrix((0, 0)), repr=False)

    def fit(self, interactions: Interactions) -> None:
        x = interactions.matrix(self.train_half_life, by=self.by).tocsc()
        x.data = np.sqrt(np.minimum(x.data, 1.0))  # so that <i, i> is the decayed number of those who have i
        self._similar = cosine_rows(x, self.shrink, self.neighbours)
        if self.bought == "self":
            self._similar = (self._similar + sparse.identity(x.shape[1], np.float32, "csr")).tocsr()

    def recommend(self, histories: Interactions, k: int) -> I32:
        def score(part: Interactions) -> F32:
            scores: F32 = (part.matrix(self.half_life) @ self._similar).toarray()
            return scores

        return best_rows(histories, k, score, filter_bought=self.bought == "filter")


def cosine_rows(x: sparse.csc_matrix, shrink: float, neighbours: int) -> sparse.csr_matrix:
    """(n, n) float32, symmetric but for the pruning to `neighbours` a row; the diagonal is left out. x: (rows, n)."""
    n = x.shape[1]
    norm = np.sqrt(np.asarray(x.multiply(x).sum(axis=0)).ravel()).astype(np.float32)
    xt = x.T.tocsr()
    blocks = []
    for lo in range(0, n, BLOCK_ITEMS):
        hi = min(lo + BLOCK_ITEMS, n)
        dense = (xt[lo:hi] @ x).toarray()
        dense /= norm[lo:hi, None] * norm[None, :] + np.float32(shrink + 1e-9)
        dense[np.arange(hi - lo), np.arange(lo, hi)] = 0.0
        if neighbours < n:
            least = np.partition(dense, n - neighbours, axis=1)[:, n - neighbours]
            dense[dense < least[:, None]] = 0.0
        blocks.append(sparse.csr_matrix(dense))
    return sparse.vstack(blocks, format="csr")
