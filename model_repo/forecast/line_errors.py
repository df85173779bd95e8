"""The errors of the M4 competition: sMAPE and MASE of one series each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def smape(actual: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """(n,) symmetric mean absolute percentage error, 0..200. actual, mean: (n, h); 0 against 0 is no error."""
    size = np.abs(actual) + np.abs(mean)
    return 200.0 * (np.abs(actual - mean) / np.where(size > 0, size, 1.0)).mean(1)


def mase(actual: np.ndarray, mean: np.ndarray, history: Sequence[np.ndarray], season: int = 1) -> np.ndarray:
    """(n,) mean absolute error over the history's mean difference across a season; NaN where that is 0 or unknown."""
    scale = np.array([_difference(line, season) for line in history])
    return np.abs(actual - mean).mean(1) / scale


def _difference(line: np.ndarray, season: int) -> float:
    if len(line) <= season:
        return float("nan")
    return float(np.abs(line[season:] - line[:-season]).mean()) or float("nan")
