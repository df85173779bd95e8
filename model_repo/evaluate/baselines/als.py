"""iALS by the library `implicit` (in the `test` extra only). [1] Hu, Koren, Volinsky 2008."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from model_repo.evaluate.baselines.interactions import FOREVER, Interactions
from model_repo.work import cores, one_blas_thread
from serving.core.errors import NotReady
from serving.core.ports import I32


def available() -> bool:
    """Whether `implicit` is installed."""
    return importlib.util.find_spec("implicit") is not None


@dataclass
class ImplicitALS:
    """implicit.als.AlternatingLeastSquares, on every core (rows are independent), on purchases decayed by `half_life`
    (days).

    The customer's vector is solved anew from the history given, which is one more half-step of the same fit.
    """

    factors: int = 64
    regularization: float = 0.05
    alpha: float = 10.0
    iterations: int = 15
    half_life: float = FOREVER
    filter_bought: bool = False
    seed: int = 0
    _model: Any = field(default=None, repr=False)

    def fit(self, interactions: Interactions) -> None:
        """Raises NotReady when `implicit` is not installed."""
        if not available():
            raise NotReady("implicit is not installed: pip install 'implicit>=0.7.2', or leave this baseline out")
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for a BLAS that is not loaded yet
        from implicit.cpu.als import AlternatingLeastSquares  # type: ignore[import-untyped]

        with one_blas_thread():  # for one that is: the library warns, and is much slower, otherwise
            self._model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=self.alpha,
                iterations=self.iterations,
                num_threads=cores(),
                random_state=self.seed,
            )
            self._model.fit(interactions.matrix(self.half_life), show_progress=False)

    def recommend(self, histories: Interactions, k: int) -> I32:
        matrix = histories.matrix(self.half_life)
        with one_blas_thread():  # one small solve a customer
            items, scores = self._model.recommend(
                np.arange(matrix.shape[0]),
                matrix,
                N=min(k, matrix.shape[1]),
                filter_already_liked_items=self.filter_bought,
                recalculate_user=True,
            )
        lists = np.full((matrix.shape[0], k), -1, np.int32)
        # filtered places come back with the lowest float as their score
        lists[:, : items.shape[1]] = np.where(scores > -1e30, items, -1)
        return lists
