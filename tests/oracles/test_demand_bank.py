"""The statistical bank: every kernel equals its slow twin; the worlds whose answer is obvious; bad input is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.core.errors import InvalidInput
from serving.kernels import demand_bank as bank
from serving.kernels.demand_season import ADDITIVE, MULTIPLICATIVE, NONE, indices, is_seasonal

Line = NDArray[np.float64]
H = 9


def world(seed: int) -> tuple[Line, NDArray[np.int64]]:
    """Ragged series: intermittent, dense with a week, one value, all zeros, one sale at the end."""
    rng = np.random.default_rng(seed)
    week = 5.0 + 3.0 * np.sin(np.arange(60) * 2 * np.pi / 7)
    lines = [
        (rng.random(40) < 0.3) * rng.integers(1, 6, 40).astype(float),
        rng.poisson(week).astype(float),
        week * np.linspace(1, 3, 60) + rng.random(60),
        np.array([4.0]),
        np.zeros(12),
        np.r_[np.zeros(8), 2.0],
    ]
    return np.concatenate(lines), np.cumsum([0, *map(len, lines)])


def smoothed(line: Line, alphas: Line) -> tuple[float, float]:
    """(last level, alpha) of the alpha with the least squared one-step error."""
    tried = []
    for alpha in alphas:
        level, error = line[: bank.WARM_UP].mean(), 0.0
        for value in line:
            error += (value - level) ** 2
            level += alpha * (value - level)
        tried.append((error, level, alpha))
    _, level, alpha = min(tried, key=lambda one: one[0])
    return level, alpha


def seasonal_naive(line: Line) -> Line:
    return np.resize(line[-7:] if len(line) >= 7 else line[-1:], H)


def ses(line: Line) -> Line:
    return np.full(H, smoothed(line, bank.ALPHAS)[0])


def croston(line: Line, corrected: bool = False) -> Line:
    at = np.flatnonzero(line)
    if not len(at):
        return np.zeros(H)
    size, _ = smoothed(line[at], bank.ALPHAS)
    gap, alpha = smoothed(np.diff(at, prepend=-1).astype(float), bank.ALPHAS)
    return np.full(H, size / gap * (1 - alpha / 2 if corrected else 1))


def sba(line: Line) -> Line:
    return croston(line, corrected=True)


def tsb(line: Line) -> Line:
    sold, best = line[line > 0], (np.inf, 0.0)
    for beta in bank.CHANCE_ALPHAS if len(sold) else ():
        for alpha in bank.SIZE_ALPHAS:
            size, chance, error = sold[: bank.WARM_UP].mean(), len(sold) / len(line), 0.0
            for value in line:
                error += (value - chance * size) ** 2
                chance += beta * ((value > 0) - chance)
                size += alpha * (value - size) * (value > 0)
            best = min(best, (error, size * chance), key=lambda one: one[0])
    return np.full(H, best[1])


def decomposed(line: Line, season: int, mode: int) -> Line:
    weights = np.ones(season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5]
    trend, half = np.convolve(line, weights / season, "valid"), season // 2
    part = line[half:-half] / trend if mode == MULTIPLICATIVE else line[half:-half] - trend
    phase = np.arange(half, len(line) - half) % season
    cycle = np.array([part[phase == one].mean() for one in range(season)])
    return cycle / cycle.mean() if mode == MULTIPLICATIVE else cycle - cycle.mean()


def theta(line: Line, mode: int = NONE) -> Line:
    used = mode if is_seasonal(line, 7) else NONE
    used = ADDITIVE if used == MULTIPLICATIVE and line.min() <= 0 else used
    cycle = np.full(7, float(used == MULTIPLICATIVE)) if used == NONE else decomposed(line, 7, used)
    apply, undo = (np.divide, np.multiply) if used == MULTIPLICATIVE else (np.subtract, np.add)
    time, ahead = np.arange(len(line)), len(line) + np.arange(H)
    flat = apply(line, cycle[time % 7])
    slope, start = np.polyfit(time, flat, 1) if len(line) > 1 else (0.0, flat[0])
    last, _ = smoothed(2 * flat - (start + slope * time), bank.ALPHAS)
    return np.maximum(undo((last + start + slope * ahead) / 2, cycle[ahead % 7]), 0)


TWINS: dict[str, Callable[[Line], Line]] = {
    "seasonal_naive": seasonal_naive,
    "ses": ses,
    "theta": theta,
    "croston": croston,
    "sba": sba,
    "tsb": tsb,
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", bank.METHODS)
def test_the_kernel_equals_its_twin(method: str, seed: int) -> None:
    values, ptr = world(seed)
    found = bank.forecast(method, values, ptr, H, season=7)
    expected = [TWINS[method](line) for line in np.split(values, ptr[1:-1])]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", [ADDITIVE, MULTIPLICATIVE])
def test_theta_with_a_season_equals_its_twin(mode: int) -> None:
    values, ptr = world(0)
    found = bank.forecast("theta", values, ptr, H, season=7, mode=mode)
    expected = [theta(line, mode) for line in np.split(values, ptr[1:-1])]
    assert is_seasonal(values[ptr[2] : ptr[3]], 7)
    assert np.ptp(found[2]) > 5.0  # the week is there
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("season", [4, 7])
@pytest.mark.parametrize("mode", [ADDITIVE, MULTIPLICATIVE])
def test_indices_equal_their_twin(season: int, mode: int) -> None:
    line = np.random.default_rng(season).random(50) + 1
    np.testing.assert_allclose(indices(line, season, mode), decomposed(line, season, mode))


def test_a_season_is_seen_and_noise_is_not() -> None:
    time = np.arange(70)
    assert is_seasonal(np.sin(time * 2 * np.pi / 7), 7)
    assert not is_seasonal(np.random.default_rng(1).random(70), 7)
    assert not is_seasonal(np.sin(time[:20] * 2 * np.pi / 7), 7)  # shorter than three weeks
    assert not is_seasonal(np.full(70, 3.0), 7)


@pytest.mark.parametrize("method", bank.METHODS)
def test_flat_demand_goes_on_and_zeros_stay_zeros(method: str) -> None:
    values, ptr = np.r_[np.full(30, 3.0), np.zeros(30)], np.array([0, 30, 60])
    found = bank.forecast(method, values, ptr, H, season=7)
    flat = 3.0 * (1 - bank.ALPHAS[0] / 2) if method == "sba" else 3.0  # its correction is made on certain demand too
    np.testing.assert_allclose(found, [[flat] * H, [0.0] * H], rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "ptr", "horizon", "season", "named"),
    [
        ([1.0, 2.0], [0, 2, 2], 3, 1, "series[1]"),
        ([1.0, np.nan], [0, 1, 2], 3, 1, "series[1][0]"),
        ([1.0, np.inf], [0, 2], 3, 1, "series[0][1]"),
        ([1.0, -1.0], [0, 2], 3, 1, "series[0][1]"),
        ([1.0], [0, 1], 0, 1, "horizon"),
        ([1.0], [0, 1], 3, 0, "season"),
        ([1.0], [0, 2], 3, 1, "ptr"),
        ([1.0], [], 3, 1, "ptr"),
    ],
)
def test_bad_input_is_named(values: list[float], ptr: list[int], horizon: int, season: int, named: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        bank.forecast("ses", np.array(values), np.array(ptr, np.int64), horizon, season=season)
    assert raised.value.field == named


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(InvalidInput, match="one of seasonal_naive"):
        bank.forecast("arima", np.ones(3), np.array([0, 3]), 2)
