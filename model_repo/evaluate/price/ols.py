"""Log-log least squares: the baselines of the panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from model_repo.datasets.panel import Panel
from model_repo.price.prior import F64


@dataclass(frozen=True, slots=True)
class Ols:
    """log(units) on log prices and promotion. by_group: one regression a category, else one slope for all. by_series:
    a constant a series (fixed effects), else a constant a category. The other prices are the panel's covariates where
    it has them, else the competitor's."""

    name: str
    by_group: bool
    by_series: bool = False

    def foretold(self, panel: Panel, known: np.ndarray, asked: np.ndarray) -> tuple[F64, F64]:
        """log units of the rows `asked` from the rows `known` (masks), and the own-price slope of each category."""
        logs, group = np.log(np.maximum(panel.units, 0.5)), panel.group[panel.series]
        x = np.column_stack([np.log(panel.price), _others(panel)])
        out, slopes = np.zeros(len(panel)), np.zeros(len(panel.groups))
        whole = [group == at for at in range(len(panel.groups))] if self.by_group else [np.ones(len(panel), np.bool_)]
        for at, rows in enumerate(whole):
            learnt = known[rows]
            if not learnt.any():
                continue
            table = np.column_stack([logs, x])[rows]
            means = _means(table, learnt, (group[rows], panel.series[rows]) if self.by_series else (group[rows],))
            # Frisch & Waugh 1933: less the means of its cell is the same regression as with a dummy a cell
            off = table - means
            b = np.linalg.lstsq(off[learnt, 1:], off[learnt, 0], rcond=None)[0]
            out[rows] = means[:, 0] + off[:, 1:] @ b
            slopes[at : at + 1 if self.by_group else None] = b[0]
        return out[asked], slopes


def _means(columns: F64, known: np.ndarray, cells: Sequence[np.ndarray]) -> F64:
    """(N, c) for each row the mean of the known rows of its finest cell that has any. cells: (N,), coarse first."""
    out = np.broadcast_to(columns[known].mean(axis=0), columns.shape)
    for by in cells:
        count = np.bincount(by[known], minlength=int(by.max()) + 1)
        sums = np.stack([np.bincount(by[known], column[known], len(count)) for column in columns.T], axis=1)
        out = np.where((count > 0)[by][:, None], (sums / np.maximum(count, 1)[:, None])[by], out)
    return out


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


POOLED: Final = Ols("pooled log-log OLS", False)
BY_GROUP: Final = Ols("log-log OLS by category", True)
FIXED_EFFECTS: Final = Ols("fixed-effects OLS", False, True)
FIXED_BY_GROUP: Final = Ols("fixed-effects OLS by category", True, True)
