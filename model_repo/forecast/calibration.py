"""Calibration on moments that the trees have not seen: the spread, the extra zeros, then the levels themselves.

For each class and bucket of the horizon, of days and of weeks. The last step is conformal: the level that is read from
the distribution is the one that was reached in fact. Counts jump over levels; between P(Y < y) and P(Y <= y) an
outcome counts in proportion (the non-randomised PIT), so that a calibrated forecast covers exactly what it says.
The days to check on are few weeks of one season: by how much all items missed there is told, not on which side they
will miss next. So what items' levels missed above counts below as well: intervals are as wide as the misses were, and
stay where the model has its median.
[1] Chernozhukov, Wuthrich, Zhu 2021, "Distributional conformal prediction".
[2] Czado, Gneiting, Held 2009, "Predictive model assessment for count data".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32, I32
from serving.decisions.forecast.models import BLOCKS, BUCKETS, CLASSES, GRID
from serving.kernels.demand_counts import count_cdf, count_loss

OUTCOMES_MIN: Final = 60
"""With fewer outcomes a cell is left to those of its class, then of all."""
PRIOR_OUTCOMES: Final = 300.0
"""So many outcomes of a perfect forecast stand beside those of a cell."""
SAMPLE: Final = 3000
"""Outcomes of a cell, spread evenly, from which the spread and the zeros are fitted."""
LOG_SIZE: Final = 6.0
B: Final = len(BUCKETS) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """m forecasts of days (or weeks), and what came."""

    mu: F32
    log_size: F32
    units: F32
    kind: npt.NDArray[np.uint8]
    bucket: I32


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """As in decisions/forecast/models.py."""

    size_shift: F32
    zero_share: F32
    level_map: F32

    @classmethod
    def none(cls) -> Calibration:
        shape = (len(BLOCKS), CLASSES, B)
        grid = np.broadcast_to(GRID, (*shape, len(GRID))).astype(np.float32)
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32), grid)


def calibrate(by_block: list[Outcomes]) -> Calibration:
    """by_block: one for each of BLOCKS."""
    made = Calibration.none()
    for block, outcomes in enumerate(by_block):
        for kind in range(CLASSES):
            for bucket in range(B):
                at = _cell(outcomes, kind, bucket)
                if len(at):
                    shift, zero = _fit(outcomes, at)
                    made.size_shift[block, kind, bucket], made.zero_share[block, kind, bucket] = shift, zero
                    both = kind < CLASSES - 1
                    made.level_map[block, kind, bucket] = _levels(outcomes, at, shift, zero, both_sides=both)
    return made


def _cell(outcomes: Outcomes, kind: int, bucket: int) -> npt.NDArray[np.int64]:
    """Outcomes of the class and the bucket or, where they are few, of the class, of all items."""
    here = outcomes.kind == kind
    near = outcomes.bucket == bucket
    alike = (outcomes.kind == kind) if kind == CLASSES - 1 else (outcomes.kind < CLASSES - 1)
    for mask in (here & near, here, alike & near, alike):
        if mask.sum() >= OUTCOMES_MIN:
            return np.flatnonzero(mask)
    return np.zeros(0, np.int64)


def _fit(outcomes: Outcomes, at: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Shift of the log of the size, share of extra zeros: the likeliest, found by ever smaller steps."""
    at = at[:: max(1, len(at) // SAMPLE)]
    mu, log_size, units = outcomes.mu[at], outcomes.log_size[at], outcomes.units[at]

    def loss(shift: float, zero: float) -> float:
        spread = np.exp(-np.clip(log_size + shift, -LOG_SIZE, LOG_SIZE)).astype(np.float32)
        return float(count_loss(mu, spread, np.full(len(mu), zero, np.float32), units)) + 2.0 * shift * shift

    shift, zero = 0.0, 0.0
    best = loss(shift, zero)
    for step in (0.8, 0.4, 0.2, 0.1):
        for _ in range(4):
            tried = [(shift + step, zero), (shift - step, zero)]
            tried += [(shift, zero + step / 4), (shift, max(0.0, zero - step / 4)), (shift + step, zero + step / 4)]
            found = [(loss(*pair), pair) for pair in tried if pair[1] <= 0.8]
            least, pair = min(found)
            if least >= best - 1e-9:
                break
            best, (shift, zero) = least, pair
    return shift, zero


def _levels(outcomes: Outcomes, at: npt.NDArray[np.int64], shift: float, zero: float, *, both_sides: bool) -> F32:
    """(len(GRID),) level to read for each of GRID, ascending. both_sides: a miss above counts as one below, too."""
    spread = np.exp(-np.clip(outcomes.log_size[at] + shift, -LOG_SIZE, LOG_SIZE)).astype(np.float32)
    below, upto = np.empty(len(at)), np.empty(len(at))
    count_cdf(outcomes.mu[at], spread, np.full(len(at), zero, np.float32), outcomes.units[at], below, upto)
    fine = np.concatenate([[0.0], GRID, [1.0]])
    width = np.maximum(upto - below, 1e-12)
    reached = np.array([np.clip((level - below) / width, 0.0, 1.0).mean() for level in fine])
    if both_sides:  # GRID is symmetric
        reached = 0.5 * (reached + 1.0 - reached[::-1])
    reached = np.maximum.accumulate((len(at) * reached + PRIOR_OUTCOMES * fine) / (len(at) + PRIOR_OUTCOMES))
    return np.clip(np.interp(GRID, reached, fine), 1e-4, 1 - 1e-4).astype(np.float32)
