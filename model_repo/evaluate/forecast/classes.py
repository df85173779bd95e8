"""ABC-XYZ: how much an item is worth, and how steadily it sells."""

from __future__ import annotations

from typing import Final

import numpy as np

from model_repo.evaluate.forecast.panel import F64

CLASSES: Final = tuple(abc + xyz for abc in "ABC" for xyz in "XYZ")
ABC_SHARES: Final = (0.80, 0.95)
"""A: the items that make the first 80 % of the revenue, B: up to 95 %, C: the rest."""
XYZ_VARIATION: Final = (0.5, 1.0)
"""Coefficient of variation of weekly units: X up to .5, Y up to 1, Z above."""
WEEK: Final = 7


def abc_xyz(units: F64, first: np.ndarray, revenue: F64) -> np.ndarray:
    """(n,) int8 places in CLASSES. units: (n, t) daily; first: (n,) the first day on sale; revenue: (n,)."""
    order = np.argsort(-revenue, kind="stable")
    before = np.cumsum(revenue[order]) - revenue[order]
    abc = np.empty(len(revenue), np.int8)
    abc[order] = np.searchsorted(np.array(ABC_SHARES) * max(revenue.sum(), 1e-12), before, side="right")
    xyz = np.full(len(revenue), 2, np.int8)
    for row, begin in enumerate(first.tolist()):
        weeks = (units.shape[1] - begin) // WEEK
        if weeks >= 2:
            weekly = units[row, units.shape[1] - weeks * WEEK :].reshape(weeks, WEEK).sum(1)
            mean = weekly.mean()
            xyz[row] = np.searchsorted(XYZ_VARIATION, weekly.std() / mean) if mean > 0 else 2
    return abc * 3 + xyz
