"""Item neighbourhoods: cosine with shrinkage.

[1] Sarwar, Karypis, Konstan, Riedl 2001; [2] Deshpande & Karypis 2004.
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
class ItemKNN:
    """sim(i, j) = <i, j> / (|i| |j| + shrink), the `neighbours` largest of each item; score = history @ sim.

    by: "user" or "basket", over which co-occurrence is counted. train_half_life: of a purchase's weight when counting;
    half_life: when scoring (days; in sequences: items). bought: "filter" leaves out what the customer has,
    "keep" lets it stand by its neighbours, "self" lets every item be its own neighbour of similarity `own`.
    """

    by: str = "user"
    shrink: float = 10.0
    neighbours: int = 200
    train_half_life: float = FOREVER
    half_life: float = FOREVER
    bought: str = "keep"
    own: float = 1.0
    _similar: sparse.csr_matrix = field(default_factory=lambda: sparse.csr_matrix((0, 0)), repr=False)

    def fit(self, interactions: Interactions) -> None:
        x = interactions.matrix(self.train_half_life, by=self.by).tocsc()
        x.data = np.sqrt(np.minimum(x.data, 1.0))  # so that <i, i> is the decayed number of those who have i
        self._similar = cosine_rows(x, self.shrink, self.neighbours)

    def recommend(self, histories: Interactions, k: int) -> I32:
        own = self.own if self.bought == "self" else 0.0

        def score(part: Interactions) -> F32:
            return voted(part.matrix(self.half_life), self._similar, own)

        return best_rows(histories, k, score, filter_bought=self.bought == "filter")


def cosine_rows(x: sparse.csc_matrix, shrink: float, neighbours: int) -> sparse.csr_matrix:
    """(n, n) float32, symmetric but for the pruning to `neighbours` a row; the diagonal is left out. x: (rows, n)."""
    return largest(cosines(x, shrink), neighbours)


def cosines(x: sparse.csc_matrix, shrink: float) -> Iterator[sparse.csr_matrix]:
    """Blocks (b, n) of the similarities, without the diagonal."""
    norm = np.sqrt(np.asarray(x.multiply(x).sum(axis=0)).ravel()).astype(np.float32)
    for lo, block in products(x.T.tocsr(), x.tocsr()):
        own = np.repeat(norm[lo : lo + block.shape[0]], np.diff(block.indptr))
        block.data /= own * norm[block.indices] + np.float32(shrink + 1e-9)
        yield block
