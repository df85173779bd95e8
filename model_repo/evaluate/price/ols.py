"""Log-log least squares: the baselines of the panel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_repo.datasets.panel import Panel
from model_repo.price.prior import F64


@dataclass(frozen=True, slots=True)
class Ols:
    """log(units) on log prices, promotion and a constant a category. by_group: one regression a category, else one
    slope for all. The other prices are the panel's covariates where it has them, else the competitor's."""

    name: str
    by_group: bool

    def foretold(self, panel: Panel, known: np.ndarray, asked: np.ndarray) -> tuple[F64, F64]:
        """log units of the rows `asked` from the rows `known` (masks), and the own-price slope of each category."""
        logs, group = np.log(np.maximum(panel.units, 0.5)), panel.group[panel.series]
        own = np.log(panel.price)
        out, slopes = np.zeros(len(panel)), np.zeros(len(panel.groups))
        whole = [group == at for at in range(len(panel.groups))] if self.by_group else [np.ones(len(panel), np.bool_)]
        for at, rows in enumerate(whole):
            if not (rows & known).any():
                continue
            constants = np.eye(len(panel.groups))[group[rows]] if not self.by_group else np.ones((int(rows.sum()), 1))
            x = np.column_stack([own[rows], _others(panel)[rows], constants])
            b = np.linalg.lstsq(x[known[rows]], logs[rows & known], rcond=None)[0]
            out[rows] = x @ b
            slopes[at : at + 1 if self.by_group else None] = b[0]
        return out[asked], slopes


def _others(panel: Panel) -> F64:
    if panel.covariates is not None:
        if not panel.groups or panel.covariates.shape[1] != len(panel.groups) + 2:
            return panel.covariates
        # Of the orange juice: the own price stands in its own column, the others keep theirs
        group = panel.group[panel.series]
        others = panel.covariates.copy()
        others[np.arange(len(panel)), group] = 0.0
        return others
    known = panel.competitor > 0
    return np.column_stack([np.where(known, np.log(np.maximum(panel.competitor, 1)), 0.0), known, panel.promo])


POOLED = Ols("pooled log-log OLS", False)
BY_GROUP = Ols("log-log OLS by category", True)
