"""How long an order takes: whole days with the mean and spread that a buyer knows, and what is not known of a level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc

F64 = npt.NDArray[np.float64]
NODES = 5
"""Of the level's distribution."""
SD_MIN = 1e-6
"""Days; less is not told from nothing."""


def lead_chances(mean: float, sd: float, days_max: int) -> F64:
    """(l,) the chance of a lead time of 0, 1, ... days, l - 1 <= days_max: a gamma distribution shared out between the
    whole days beside each value, which keeps the mean; 0 days never. sd 0, or below SD_MIN: the two days
    beside the mean.

    mean: at least 1 and at most days_max.
    """
    days = np.arange(days_max + 2, dtype=np.float64)
    if sd < SD_MIN:
        below = np.maximum(days - mean, 0.0)
    else:
        shape, scale = (mean / sd) ** 2, sd * sd / mean
        below = days * gammainc(shape, days / scale) - mean * gammainc(shape + 1, days / scale)
    # E[max(0, 1 - |day - X|)] of every day, from E[max(0, day - X)]
    chance = np.maximum(np.concatenate([[below[1]], below[2:] - 2 * below[1:-1] + below[:-2]]), 0.0)
    chance[1] += chance[0]
    chance[0] = 0.0
    kept = np.flatnonzero(np.cumsum(chance) < 1 - 1e-6)
    chance = chance[: min(len(kept) + 1, days_max + 1)] if len(kept) else chance[:2]
    return chance / chance.sum()


def level_nodes(sd: F64) -> tuple[F64, F64]:
    """(n, f) factors with mean 1 and their shares: lognormal levels with deviations `sd` (n,), by Gauss-Hermite.

    All of a level that is known (sd 0) lies on its first node.
    """
    x, w = np.polynomial.hermite.hermgauss(NODES)
    factor = np.exp(np.sqrt(2 * np.log1p(sd * sd))[:, None] * x)
    share = np.broadcast_to(w / w.sum(), factor.shape)
    known = (sd <= 0)[:, None]
    share = np.where(known, np.arange(NODES) == 0, share).astype(np.float64)
    return np.where(known, 1.0, factor / (factor * share).sum(1, keepdims=True)), share
