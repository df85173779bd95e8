"""Whether a new release may replace the live one: not worse by more than a margin, with 95 % certainty.

Both answer the same customers about the same time. With c_j and l_j what customer j's lists are worth (NDCG@20), and m
the margin, the new release passes when the mean of c_j - (1 - m) l_j is not below 0 in at least 95 % of RESAMPLES
resamples of the customers (a paired bootstrap [1]; drawn with a seed), and any c_j is above 0. So few customers, whose
interval is wide, cannot pass by luck: the verdict then says that they are too few.

[1] Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapter 16; the question is one of non-inferiority.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

METRIC: Final = "ndcg"
K: Final = 20
RESAMPLES: Final = 2000
CERTAINTY: Final = 0.95
TOLERANCE: Final = 1e-12
"""Of sums in another order: the same answers are not worse."""
AT_ONCE: Final = 50
"""Resamples in memory at a time."""

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of n customers. low, high: between them lies the difference with 90 % certainty, below `low` with 5 %."""

    customers: int
    live: float
    candidate: float
    difference: float
    low: float
    high: float
    margin: float
    """As a share of what the live release is worth."""
    passed: bool

    @property
    def reason(self) -> str:
        """The verdict in one sentence."""
        told = (
            f"{METRIC.upper()}@{K} {self.candidate:.4f} against {self.live:.4f} of the live release, difference "
            f"{self.difference:+.4f} ({self.low:+.4f} to {self.high:+.4f}), {self.customers:,} customers"
        )
        allowed = f"{100 * self.margin:g} % of the live release's ({self.margin * self.live:.4f})"
        if not self.candidate:
            return f"{told}: no list of the new release holds anything that was bought"
        if self.passed:
            return f"{told}: not worse by more than {allowed}"
        if self.difference >= -self.margin * self.live:
            return f"{told}: too few to be sure that it is not worse by more than {allowed}"
        return f"{told}: worse by more than {allowed}"


def compare(live: F64, candidate: F64, *, margin: float, seed: int) -> Comparison:
    """live, candidate: (n,) what the same customers' lists are worth, n at least 1. margin: 0..1."""
    difference = candidate - live
    rest = candidate - (1.0 - margin) * live
    rng = np.random.default_rng(seed)
    n = len(live)
    means, floors = np.empty(RESAMPLES), np.empty(RESAMPLES)
    for lo in range(0, RESAMPLES, AT_ONCE):
        drawn = rng.integers(0, n, (min(AT_ONCE, RESAMPLES - lo), n))
        means[lo : lo + len(drawn)] = difference[drawn].mean(axis=1)
        floors[lo : lo + len(drawn)] = rest[drawn].mean(axis=1)
    low, high = np.quantile(means, [1 - CERTAINTY, CERTAINTY])
    floor = float(np.quantile(floors, 1 - CERTAINTY))
    return Comparison(
        n, float(live.mean()), float(candidate.mean()), float(difference.mean()), float(low), float(high), margin,
        bool(candidate.any()) and floor >= -TOLERANCE,
    )  # fmt: skip
