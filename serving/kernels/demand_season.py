"""Seasonality of one series by classical decomposition: is there any, and how large is it at each phase?"""

from __future__ import annotations

import numpy as np
from numba import njit

NONE, ADDITIVE, MULTIPLICATIVE = 0, 1, 2
Z_90 = 1.645
"""Two-sided 90 % limit of the normal distribution, as in the M4 benchmarks."""


@njit(cache=True, nogil=True)
def is_seasonal(values, season):
    """True where the autocorrelation of values (t,) float64 at lag `season` is significant at 90 %.

    False below three whole seasons. Source: Makridakis, Spiliotis, Assimakopoulos 2020, "The M4 Competition",
    appendix of benchmarks (Naive2).
    """
    count = len(values)
    if season < 2 or count < 3 * season:
        return False
    mean, power = values.mean(), 0.0
    for t in range(count):
        power += (values[t] - mean) ** 2
    if power <= 0.0:
        return False
    spread, at_lag = 1.0, 0.0
    for lag in range(1, season + 1):
        product = 0.0
        for t in range(lag, count):
            product += (values[t] - mean) * (values[t - lag] - mean)
        at_lag = product / power
        if lag < season:
            spread += 2.0 * at_lag * at_lag
    return abs(at_lag) > Z_90 * np.sqrt(spread / count)


@njit(cache=True, nogil=True)
def indices(values, season, mode):
    """Seasonal indices (season,) float64 of values (t,) float64, at least two whole seasons; phase = t modulo season.

    A centred moving average is the trend; the index of a phase is its mean distance (ADDITIVE, sum 0) or ratio
    (MULTIPLICATIVE, mean 1) to it. mode: as `mode_of` answers, not NONE.
    """
    out, counts = np.zeros(season), np.zeros(season)
    half, even = season // 2, season % 2 == 0
    for t in range(half, len(values) - half):
        trend = 0.0
        for lag in range(-half, half + 1):
            trend += values[t + lag] * (0.5 if even and abs(lag) == half else 1.0)
        trend /= season
        out[t % season] += values[t] / trend if mode == MULTIPLICATIVE else values[t] - trend
        counts[t % season] += 1.0
    out /= np.maximum(counts, 1.0)
    return out / out.mean() if mode == MULTIPLICATIVE else out - out.mean()


@njit(cache=True, nogil=True)
def mode_of(values, season, mode):
    """The decomposition that fits values (t,) float64: NONE without seasonality, never ratios to values <= 0."""
    if mode == NONE or not is_seasonal(values, season):
        return NONE
    if mode == MULTIPLICATIVE and values.min() <= 0.0:
        return ADDITIVE
    return mode
