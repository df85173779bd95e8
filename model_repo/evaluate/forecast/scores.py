"""How far forecasts are from what was sold: point errors, quantile losses, coverage of counts.

Sources: Makridakis, Spiliotis, Assimakopoulos 2022, "M5 accuracy competition" (RMSSE, WRMSSE) and "The M5 uncertainty
competition" (SPL); Czado, Gneiting, Held 2009, "Predictive model assessment for count data" (coverage of counts).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from model_repo.evaluate.forecast.panel import F64

LEVELS: Final = np.arange(1, 200) / 200.0
"""The quantiles that every row answers: .005, .010, ... .995."""
SCORED: Final = (0.005, 0.025, 0.1, 0.165, 0.25, 0.5, 0.75, 0.835, 0.9, 0.975, 0.995)
"""The quantiles whose loss is averaged: the nine of M5 and the ends of the 80 % interval."""
SCORED_AT: Final = np.searchsorted(LEVELS, np.array(SCORED) - 1e-9)
INTERVALS: Final = (50, 80, 95)


def scales(units: F64, first: np.ndarray) -> tuple[F64, F64]:
    """(n,) mean squared and mean absolute difference of one period to the next since the first sale; NaN = none."""
    steps = np.diff(units, axis=1)
    known = np.arange(units.shape[1] - 1)[None, :] >= first[:, None]
    count = known.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        squared, absolute = (steps**2 * known).sum(1) / count, (np.abs(steps) * known).sum(1) / count
    return np.where(squared > 0, squared, np.nan), np.where(absolute > 0, absolute, np.nan)


def rmsse(actual: F64, mean: F64, squared: F64) -> F64:
    """(n,) root mean squared error over the horizon, scaled. actual, mean: (n, h)."""
    return np.sqrt(((actual - mean) ** 2).mean(1) / squared)


def pinball(actual: F64, quantiles: F64) -> F64:
    """(n,) loss in units, mean over horizon and SCORED. quantiles: (n, h, q) at LEVELS."""
    gap = actual[:, :, None] - quantiles[:, :, SCORED_AT]
    levels = LEVELS[SCORED_AT]
    return np.maximum(levels * gap, (levels - 1.0) * gap).mean((1, 2))


def owned(actual: F64, quantiles: np.ndarray) -> tuple[F64, F64]:
    """(n, h) F(y - 1) and F(y), read off the quantiles, (n, h, q) whole numbers at LEVELS.

    F lies between two of the levels: halfway. Below the smallest count there is nothing.
    """
    under, upto = _beside(np.ascontiguousarray(quantiles), np.ascontiguousarray(actual, np.float64))
    steps = len(LEVELS) + 1.0
    return np.where(actual > 0, (under + 0.5) / steps, 0.0), (upto + 0.5) / steps


def covered(start: F64, end: F64, interval: int) -> F64:
    """(n, h) share of the count's probability that lies in the central interval; its mean is the coverage.

    A count y owns start = F(y - 1) to end = F(y) of the distribution, and what of that lies between the interval's
    ends counts: with whole numbers no interval holds exactly 80 %, this share of the true distribution does.
    """
    low, high = (100 - interval) / 200.0, (100 + interval) / 200.0
    part = np.clip(np.minimum(end, high) - np.maximum(start, low), 0.0, None)
    narrow = end - start < 1e-9
    return np.where(narrow, (start >= low) & (start <= high), part / np.where(narrow, 1.0, end - start))


@njit(cache=True, nogil=True)
def _beside(quantiles, actual):
    """(n, h) float64 each: how many of the quantiles are below the count, and how many are not above it."""
    n, h, q = quantiles.shape
    under, upto = np.zeros((n, h)), np.zeros((n, h))
    for i in range(n):
        for j in range(h):
            for k in range(q):
                if quantiles[i, j, k] < actual[i, j]:
                    under[i, j] += 1.0
                if quantiles[i, j, k] <= actual[i, j]:
                    upto[i, j] += 1.0
    return under, upto


def inside(actual: F64, quantiles: F64, interval: int) -> F64:
    """(n, h) True where low <= y <= high: above the nominal share where the ends are frequent counts."""
    low = quantiles[:, :, np.searchsorted(LEVELS, (100 - interval) / 200.0 - 1e-9)]
    high = quantiles[:, :, np.searchsorted(LEVELS, (100 + interval) / 200.0 - 1e-9)]
    return (actual >= low) & (actual <= high)
