"""The statistical bank: classical forecasts of many series at once, each with parameters fitted to its own history.

Series stand one after the other in values (m,) float64; series i is values[ptr[i]:ptr[i + 1]], ptr (n + 1,) int64. A
history begins with its first period on sale: what lies before would count as demand of zero. Every method gives means
(n, horizon) float32, never negative; a history of zeros gives zeros.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from serving.core.errors import InvalidInput
from serving.kernels.demand_season import ADDITIVE, MULTIPLICATIVE, NONE, indices, mode_of

METHODS: Final = ("seasonal_naive", "ses", "theta", "croston", "sba", "tsb")
ALPHAS: Final = np.array([0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.27, 0.35, 0.45, 0.55, 0.65, 0.75, 0.87, 0.99])
SIZE_ALPHAS: Final = np.array([0.02, 0.05, 0.1, 0.2])
CHANCE_ALPHAS: Final = np.array([0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3])
"""Grids of smoothing; the least squared one-step error in the history wins."""
WARM_UP = 10
"""A level begins at the mean of so many values."""


def forecast(
    method: str, values: NDArray[np.float64], ptr: NDArray[np.int64], horizon: int, *, season: int = 1, mode: int = NONE
) -> NDArray[np.float32]:
    """Means (n, horizon) by one of METHODS. season: periods of a cycle (seasonal naive, Theta); mode: Theta's.

    Raises InvalidInput for an unknown method, a horizon or season below 1, an empty series (named by its place), a
    value that is negative or not finite.
    """
    check(values, ptr, horizon, season)
    if method == "seasonal_naive":
        return seasonal_naive(values, ptr, horizon, season)
    if method == "ses":
        return ses(values, ptr, horizon, ALPHAS)
    if method == "theta":
        return theta(values, ptr, horizon, season, mode, ALPHAS)
    if method in ("croston", "sba"):
        return croston(values, ptr, horizon, method == "sba", ALPHAS)
    if method == "tsb":
        return tsb(values, ptr, horizon, SIZE_ALPHAS, CHANCE_ALPHAS)
    raise InvalidInput("method", method, f"one of {', '.join(METHODS)}")


def check(values: NDArray[np.float64], ptr: NDArray[np.int64], horizon: int, season: int) -> None:
    """Raises InvalidInput: what the kernels take for granted."""
    if horizon < 1:
        raise InvalidInput("horizon", horizon, "1 or more periods")
    if season < 1:
        raise InvalidInput("season", season, "1 (none) or more periods")
    lengths = np.diff(ptr)
    if len(ptr) == 0 or ptr[0] != 0 or ptr[-1] != len(values) or (lengths < 0).any():
        raise InvalidInput("ptr", ptr, f"rising offsets from 0 to the {len(values)} values")
    if (lengths == 0).any():
        row = int(np.argmin(lengths))
        raise InvalidInput(f"series[{row}]", [], "a history of at least one period")
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        at = int(np.argmax(wrong))
        row = int(np.searchsorted(ptr, at, side="right")) - 1
        raise InvalidInput(f"series[{row}][{at - int(ptr[row])}]", float(values[at]), "a finite number, 0 or more")


@njit(cache=True, nogil=True)
def seasonal_naive(values, ptr, horizon, season):
    """The last season again; the last value again where a history is shorter than a season."""
    out = np.empty((len(ptr) - 1, horizon), np.float32)
    for i in range(len(ptr) - 1):
        cycle = season if ptr[i + 1] - ptr[i] >= season else 1
        for h in range(horizon):
            out[i, h] = values[ptr[i + 1] - cycle + h % cycle]
    return out


@njit(cache=True, nogil=True)
def smooth(values, alphas, level, errors):
    """The place in alphas (k,) whose exponential smoothing of values (t,) errs least; level (k,) gets the last levels.

    errors: (k,) scratch. One pass: all alphas side by side.
    """
    level[:] = values[: min(WARM_UP, len(values))].mean()
    errors[:] = 0.0
    for t in range(len(values)):
        for k in range(len(alphas)):
            error = values[t] - level[k]
            errors[k] += error * error
            level[k] += alphas[k] * error
    return np.argmin(errors)


@njit(cache=True, nogil=True)
def ses(values, ptr, horizon, alphas):
    """Simple exponential smoothing, flat over the horizon. Source: Brown 1956."""
    out = np.empty((len(ptr) - 1, horizon), np.float32)
    level, errors = np.empty(len(alphas)), np.empty(len(alphas))
    for i in range(len(ptr) - 1):
        out[i] = level[smooth(values[ptr[i] : ptr[i + 1]], alphas, level, errors)]
    return out


@njit(cache=True, nogil=True)
def theta(values, ptr, horizon, season, mode, alphas):
    """Mean of the theta lines 0 (least-squares trend) and 2 (smoothed), on values without season where there is one.

    mode: NONE, ADDITIVE or MULTIPLICATIVE of demand_season. Source: Assimakopoulos, Nikolopoulos 2000, "The theta
    model: a decomposition approach to forecasting".
    """
    out = np.empty((len(ptr) - 1, horizon), np.float32)
    level, errors = np.empty(len(alphas)), np.empty(len(alphas))
    for i in range(len(ptr) - 1):
        line = values[ptr[i] : ptr[i + 1]].copy()
        count, used = len(line), mode_of(line, season, mode)
        cycle = indices(line, season, used) if used != NONE else np.zeros(1)
        for t in range(count if used != NONE else 0):
            line[t] = line[t] / cycle[t % season] if used == MULTIPLICATIVE else line[t] - cycle[t % season]
        middle, mean, slope, power = (count - 1) / 2.0, line.mean(), 0.0, 0.0
        for t in range(count):
            slope += (t - middle) * (line[t] - mean)
            power += (t - middle) ** 2
        slope = slope / power if power > 0.0 else 0.0
        for t in range(count):
            line[t] = 2.0 * line[t] - (mean + slope * (t - middle))
        last = level[smooth(line, alphas, level, errors)]
        for h in range(horizon):
            value = 0.5 * (last + mean + slope * (count + h - middle))
            if used == ADDITIVE:
                value += cycle[(count + h) % season]
            elif used == MULTIPLICATIVE:
                value *= cycle[(count + h) % season]
            out[i, h] = max(value, 0.0)
    return out


@njit(cache=True, nogil=True)
def croston(values, ptr, horizon, corrected, alphas):
    """Sizes and intervals of demand smoothed apart: their quotient, times 1 - alpha / 2 where corrected (SBA).

    Sources: Croston 1972, "Forecasting and stock control for intermittent demands"; Syntetos, Boylan 2005, "The
    accuracy of intermittent demand estimates".
    """
    out = np.zeros((len(ptr) - 1, horizon), np.float32)
    level, errors = np.empty(len(alphas)), np.empty(len(alphas))
    for i in range(len(ptr) - 1):
        line = values[ptr[i] : ptr[i + 1]]
        at = np.flatnonzero(line)
        if len(at) == 0:
            continue
        size = level[smooth(line[at], alphas, level, errors)]
        gaps = np.empty(len(at))
        for k in range(len(at)):
            gaps[k] = at[k] - at[k - 1] if k > 0 else at[k] + 1
        best = smooth(gaps, alphas, level, errors)
        out[i] = size / level[best] * (1.0 - 0.5 * alphas[best] if corrected else 1.0)
    return out


@njit(cache=True, nogil=True)
def tsb(values, ptr, horizon, size_alphas, chance_alphas):
    """Size of a demand times the chance of one; the chance falls in every period without: goods that die out do so.

    Source: Teunter, Syntetos, Babai 2011, "Intermittent demand: linking forecasting to inventory obsolescence".
    """
    out = np.zeros((len(ptr) - 1, horizon), np.float32)
    size, chance = np.empty(len(size_alphas)), np.empty(len(chance_alphas))
    errors = np.empty((len(chance_alphas), len(size_alphas)))
    for i in range(len(ptr) - 1):
        line = values[ptr[i] : ptr[i + 1]]
        at = np.flatnonzero(line)
        if len(at) == 0:
            continue
        size[:] = line[at[:WARM_UP]].mean()
        chance[:] = len(at) / len(line)
        errors[:] = 0.0
        for t in range(len(line)):
            for j in range(len(chance)):
                for k in range(len(size)):
                    errors[j, k] += (line[t] - chance[j] * size[k]) ** 2
            for j in range(len(chance)):
                chance[j] += chance_alphas[j] * ((1.0 if line[t] > 0.0 else 0.0) - chance[j])
            if line[t] > 0.0:
                for k in range(len(size)):
                    size[k] += size_alphas[k] * (line[t] - size[k])
        best = np.argmin(errors)
        out[i] = chance[best // len(size)] * size[best % len(size)]
    return out
