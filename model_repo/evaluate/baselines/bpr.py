"""Matrix factorisation for rankings by the library `implicit` (in the `test` extra only).

[1] Rendle, Freudenthaler, Gantner, Schmidt-Thieme 2009, "BPR: Bayesian personalized ranking from implicit feedback".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from model_repo.evaluate.baselines.als import available
from model_repo.evaluate.baselines.interactions import FOREVER, Interactions, best_rows
from serving.core.errors import NotReady
from serving.core.ports import F32, I32


@dataclass
class ImplicitBPR:
    """implicit.bpr.BayesianPersonalizedRanking, one thread, on who bought what within the last `window_days`.

    A customer's vector is the one that was learnt, so customers that the fit has not seen have an empty list; BPR has
    no weights, which is why old purchases are left out rather than decayed. own: what the customer has keeps its
    score plus own * its purchases decayed by `half_life` (days; in sequences: items); 0 = the paper.
    """

    factors: int = 64
    learning_rate: float = 0.05
    regularization: float = 0.01
    iterations: int = 100
    window_days: float = FOREVER
    half_life: float = FOREVER
    own: float = 0.0
    filter_bought: bool = False
    seed: int = 0
    _users: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32), repr=False)
    _items: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32), repr=False)

    def fit(self, interactions: Interactions) -> None:
        """Raises NotReady when `implicit` is not installed."""
        if not available():
            raise NotReady("implicit is not installed: pip install 'implicit>=0.7.2', or leave this baseline out")
        from implicit.cpu.bpr import BayesianPersonalizedRanking  # type: ignore[import-untyped]

        model: Any = BayesianPersonalizedRanking(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            num_threads=1,
            random_state=self.seed,
        )
        bought = recent(interactions, self.window_days)
        model.fit(bought, show_progress=False)
        self._users, self._items = model.user_factors, model.item_factors
        self._users[np.diff(bought.indptr) == 0] = 0.0  # as they were drawn, not learnt

    def recommend(self, histories: Interactions, k: int) -> I32:
        def score(part: Interactions) -> F32:
            known = np.where(part.numbers[:, None] >= 0, self._users[part.numbers], np.float32(0))
            scores: F32 = known @ self._items.T
            # places with nothing behind them are those at 0 or below (best_rows): every learnt score must be above it
            scores -= scores.min(axis=1, keepdims=True) - np.float32(1e-3) * known.any(axis=1, keepdims=True)
            if self.own:
                scores += np.float32(self.own) * part.matrix(self.half_life).toarray()
            return scores

        return best_rows(histories, k, score, filter_bought=self.filter_bought)


def recent(interactions: Interactions, window_days: float) -> sparse.csr_matrix:
    """(n_users, n_items) float32: 1 where bought within the window."""
    keep = (interactions.user >= 0) & (interactions.age <= window_days)
    pairs = (interactions.user[keep], interactions.item[keep])
    bought = sparse.csr_matrix(
        (np.ones(int(keep.sum()), np.float32), pairs), shape=(interactions.n_users, interactions.n_items)
    )
    bought.sum_duplicates()
    bought.data[:] = 1.0
    return bought
