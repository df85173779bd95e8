"""SLIM: sparse, not negative item-item weights by regression, each item on its nearest neighbours.

[1] Ning & Karypis 2011, "SLIM: sparse linear methods for top-N recommender systems", section 4 (fsSLIM: only the
nearest neighbours may have a weight).
[2] Friedman, Hastie, Tibshirani 2010, "Regularization paths for generalized linear models via coordinate descent",
section 2.2 (covariance updates).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit
from scipy import sparse

from model_repo.evaluate.baselines.interactions import FOREVER, Interactions, best_rows
from model_repo.evaluate.baselines.item_knn import cosine_rows
from model_repo.evaluate.baselines.neighbours import head, spread, voted
from model_repo.work import over_rows
from serving.core.ports import F32, I32, I64

SWEEPS_MAX = 50
TOLERANCE = 1e-4
"""A sweep that moves no weight by more ends the descent."""
ITEMS_MAX = 12_500
"""X'X is held dense: 600 MB at that many items."""


@dataclass
class SLIM:
    """min over w >= 0 of |x_j - X w|^2 / 2 + l2 |w|^2 / 2 + l1 |w|_1, w_j = 0, for each item j; score = history @ W.

    neighbours: by cosine, that may have a weight. l1, l2: in purchases. train_half_life: of a purchase's weight in X,
    which is at most 1; half_life: when scoring (days; in sequences: items). own: how much a purchase speaks for the
    same item again; 0 = the paper. items_max: so many of the most bought items have weights.
    """

    l1: float = 1.0
    l2: float = 100.0
    neighbours: int = 100
    train_half_life: float = FOREVER
    half_life: float = FOREVER
    own: float = 0.0
    filter_bought: bool = False
    items_max: int = ITEMS_MAX
    _weights: sparse.csr_matrix = field(default_factory=lambda: sparse.csr_matrix((0, 0)), repr=False)

    def fit(self, interactions: Interactions) -> None:
        items = head(interactions, self.items_max)
        x = interactions.matrix(self.train_half_life)[:, items].tocsc()
        x.data = np.minimum(x.data, 1.0)
        near = cosine_rows(x, shrink=1.0, neighbours=min(self.neighbours, len(items)))
        gram = (x.T @ x).toarray().astype(np.float32)
        self._weights = spread(regressed(gram, near, self.l1, self.l2), items, interactions.n_items)

    def recommend(self, histories: Interactions, k: int) -> I32:
        def score(part: Interactions) -> F32:
            return voted(part.matrix(self.half_life), self._weights, self.own)

        return best_rows(histories, k, score, filter_bought=self.filter_bought)


def regressed(gram: F32, near: sparse.csr_matrix, l1: float, l2: float) -> sparse.csr_matrix:
    """W (n, n) float32, column j = the regression of item j on row j of `near`. gram: (n, n) = X'X; l2 > 0."""
    ptr, cols = near.indptr.astype(np.int64), near.indices.astype(np.int32)
    weights = np.zeros(len(cols), np.float32)
    over_rows(lambda lo, hi: descend_rows(lo, hi, ptr, cols, gram, l1, l2, weights), len(gram))
    found = sparse.csr_matrix((weights, cols, ptr), shape=gram.shape)
    found.eliminate_zeros()
    return found.T.tocsr()


@njit(cache=True, nogil=True)
def descend_rows(
    lo: int, hi: int, ptr: I64, cols: I32, gram: F32, l1: float, l2: float, weights: F32
) -> None:  # pragma: no cover
    """Coordinate descent with covariance updates ([2]) for items lo..hi; at most SWEEPS_MAX sweeps of k^2 steps each.

    ptr, cols: CSR, the neighbours of each item, itself not among them. weights: (nnz,) out, 0 before.
    """
    for j in range(lo, hi):
        mine = cols[ptr[j] : ptr[j + 1]]
        w = weights[ptr[j] : ptr[j + 1]]
        slope = np.empty(len(mine), np.float32)  # x_a' (x_j - X w)
        for a in range(len(mine)):
            slope[a] = gram[mine[a], j]
        for _ in range(SWEEPS_MAX):
            moved = 0.0
            for a in range(len(mine)):
                line = gram[mine[a]]
                own = line[mine[a]]
                new = max(slope[a] + own * w[a] - l1, 0.0) / (own + l2)
                step = np.float32(new - w[a])
                if step != 0.0:
                    w[a] += step
                    for b in range(len(mine)):
                        slope[b] -= step * line[mine[b]]
                    moved = max(moved, abs(step))
            if moved < TOLERANCE:
                break
