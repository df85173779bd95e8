"""What follows what: a Markov chain with decayed skips, for sequences."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from model_repo.evaluate.baselines.interactions import Interactions, best_rows
from serving.core.ports import F32, I32

SKIP_MAX = 10
"""Steps further apart than this are not counted."""


@dataclass
class Transitions:
    """Counts i -> j within a sequence, skip_decay^(steps - 1) each, divided by (count i)^from_power (count j)^to_power.

    both_ways: 0..1, weight of j -> i, which says less. half_life: of a history item's weight, in items.
    """

    skip_decay: float = 0.7
    both_ways: float = 0.3
    from_power: float = 0.5
    to_power: float = 0.5
    half_life: float = 2.0
    filter_bought: bool = True
    _chain: sparse.csr_matrix = field(default_factory=lambda: sparse.csr_matrix((0, 0)), repr=False)

    def fit(self, interactions: Interactions) -> None:
        order = np.argsort(interactions.user, kind="stable")
        user, item = interactions.user[order], interactions.item[order]
        shape = (interactions.n_items, interactions.n_items)
        chain = sparse.csr_matrix(shape, dtype=np.float32)
        for step in range(1, SKIP_MAX + 1):
            same = (user[step:] == user[:-step]) & (user[step:] >= 0)
            weight = np.full(int(same.sum()), self.skip_decay ** (step - 1), np.float32)
            chain = chain + sparse.csr_matrix((weight, (item[:-step][same], item[step:][same])), shape=shape)
        if self.both_ways:
            chain = chain + np.float32(self.both_ways) * chain.T
        count = np.maximum(np.bincount(item, minlength=shape[0]), 1).astype(np.float32)
        self._chain = (sparse.diags(count**-self.from_power) @ chain @ sparse.diags(count**-self.to_power)).tocsr()

    def recommend(self, histories: Interactions, k: int) -> I32:
        return best_rows(histories, k, self.score, filter_bought=self.filter_bought)

    def score(self, part: Interactions) -> F32:
        """(b, n_items) float32; 0 = nothing leads there."""
        scores: F32 = (part.matrix(self.half_life) @ self._chain).toarray()
        return scores
