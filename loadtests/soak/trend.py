"""Whether something grows: a line fitted to samples, judged by a stated limit. No clock, no process.

The line is Theil and Sen's: its slope is the median of the slopes between all pairs of samples, so that a step (a pool
that was filled once) or an outlier (a child that lived for a moment) does not make a trend.
[1] Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63 (1968).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SAMPLES_MIN = 8
"""Fewer say nothing."""
WARM_SHARE = 0.2
"""Of all requests: what happens before (caches fill, pools grow to their bound) is not judged."""


@dataclass(frozen=True, slots=True)
class Trend:
    """What a quantity did after the warm-up. first, last: medians of the first and the last quarter of the samples."""

    name: str
    first: float
    last: float
    slope: float
    """Of the fitted line, a request."""
    requests: int
    """From the first judged sample to the last."""
    limit: float
    """What may be grown in all."""

    @property
    def growth(self) -> float:
        """Of the fitted line, over the judged requests."""
        return self.slope * self.requests

    @property
    def grows(self) -> bool:
        return self.growth > self.limit


def trends(requests: Sequence[int], series: Mapping[str, Sequence[float]], limits: Mapping[str, float]) -> list[Trend]:
    """One trend a limit. requests: answered by the time of each sample, (n,), ascending; series: name -> (n,) values.

    Raises ValueError with fewer than SAMPLES_MIN samples after the warm-up: then nothing can be said.
    """
    answered = np.asarray(requests, np.float64)
    judged = answered >= WARM_SHARE * (answered[-1] if len(answered) else 0.0)
    count = int(np.count_nonzero(judged))
    if count < SAMPLES_MIN:
        raise ValueError(f"{count} samples after the warm-up, {SAMPLES_MIN} are needed: more requests, or look oftener")
    x = answered[judged]
    found = []
    for name, limit in limits.items():
        y = np.asarray(series[name], np.float64)[judged]
        quarter = max(count // 4, 1)
        found.append(
            Trend(
                name, float(np.median(y[:quarter])), float(np.median(y[-quarter:])), slope(x, y), int(x[-1] - x[0]),
                limit,
            )
        )  # fmt: skip
    return found


def slope(x: np.typing.ArrayLike, y: np.typing.ArrayLike) -> float:
    """Theil and Sen's, of (n,) x and y; pairs with the same x say nothing. 0 when there is no other pair."""
    xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
    earlier, later = np.triu_indices(len(xs), 1)
    run = xs[later] - xs[earlier]
    told = run > 0
    return float(np.median((ys[later] - ys[earlier])[told] / run[told])) if told.any() else 0.0
