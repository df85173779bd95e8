"""Demand of the protection interval: the kernels equal NumPy's convolution, and keep means and variances."""

from __future__ import annotations

import numpy as np
import pytest

from serving.kernels.lead_days import lead_chances, level_nodes
from serving.kernels.lead_time import (
    CELLS,
    CELLS_DIRECT,
    add_intervals,
    counts_pmf,
    daily_pmfs,
    lattice_step,
    protection,
    protection_of_moments,
    protection_of_quantiles,
    quantile_pmf,
)

K = np.arange(CELLS)


def moments(pmf: np.ndarray) -> tuple[float, float]:
    mean = float(pmf @ np.arange(len(pmf)))
    return mean, float(pmf @ np.arange(len(pmf)) ** 2) - mean * mean


def twin(daily: np.ndarray, lead: np.ndarray, review: int) -> np.ndarray:
    """Every lead time by itself: the definitions, line by line."""
    out = np.zeros((4, CELLS))

    def of(days: np.ndarray) -> np.ndarray:
        total = np.ones(1)
        for day in days:
            total = np.convolve(total, day)
        return np.pad(total, (0, max(CELLS - len(total), 0)))[:CELLS]

    for days, chance in enumerate(lead):
        out[0] += chance * of(daily[:days])
        out[1] += chance * of(daily[: days + review])
        out[2] += chance * np.mean([of(daily[: days + day]) for day in range(1, review + 1)], axis=0)
    first = round(float(lead @ np.arange(len(lead))))
    out[3] = of(daily[first : first + review])
    return out


def zinb(mean: float, size: float, zero: float, m: int) -> np.ndarray:
    """From its definition: a Poisson with a gamma-distributed mean, by the ratio of neighbours."""
    out = np.zeros(m)
    out[0] = (size / (size + mean)) ** size
    for k in range(1, m):
        out[k] = out[k - 1] * (size + k - 1) / k * mean / (mean + size)
    out *= 1 - zero
    out[0] += zero
    return out


def test_protection_equals_its_twin() -> None:
    """Random lead time, three days' review, days that differ, an item with a level that is not known."""
    rng = np.random.default_rng(1)
    mean, size, zero = rng.uniform(0.1, 4, (2, 9)), rng.uniform(0.3, 3, (2, 9)), rng.uniform(0, 0.6, (2, 9))
    lead = np.tile([0, 0.1, 0.2, 0.3, 0, 0.3, 0.1], (2, 1))
    factor, share = np.array([[1.0, 1.0], [0.5, 1.5]]), np.array([[1.0, 0.0], [0.5, 0.5]])
    found = np.zeros((2, 4, CELLS))
    protection(mean, size, zero, lead, np.array([3, 3]), factor, share, np.array([1, 1]), found)
    for item in range(2):
        expected = sum(
            share[item, f]
            * twin(
                np.array([zinb(mean[item, d] * factor[item, f], size[item, d], zero[item, d], 200) for d in range(9)]),
                lead[item],
                3,
            )
            for f in range(2)
        )
        np.testing.assert_allclose(found[item], expected, atol=1e-8)


def test_products_of_transforms_equal_convolutions() -> None:
    """Days that fill many cells go the other way, with the same result; what is beyond the lattice is in its end."""
    rng = np.random.default_rng(2)
    mean, size, zero = rng.uniform(20, 60, 12), rng.uniform(0.5, 3, 12), rng.uniform(0, 0.4, 12)
    lead, factor, share = np.array([0, 0.2, 0.5, 0, 0.3]), np.array([0.4, 1.2, 3.0]), np.array([0.3, 0.6, 0.1])
    daily, used = np.zeros((3, 12, CELLS)), np.zeros((3, 12), np.int64)
    daily_pmfs(mean, size, zero, 1, factor, share, daily, used)
    assert used.sum(axis=1).max() > CELLS_DIRECT
    expected, found = np.zeros((4, CELLS)), np.zeros((1, 4, CELLS))
    add_intervals(daily, used, lead, 7, share, expected)
    protection(
        mean[None], size[None], zero[None], lead[None], np.array([7]), factor[None], share[None], np.array([1]), found
    )
    np.testing.assert_allclose(found[0], expected, atol=1e-7)
    assert found[0].sum(axis=1) == pytest.approx(1.0, abs=1e-9)
    assert expected[1, -1] > 1e-3, "the lattice has an end that matters"


def test_moments_and_quantiles_equal_their_twin() -> None:
    """The same days said in the two other ways."""
    lead = np.array([0, 0, 0.5, 0.5])
    found, day = np.zeros((4, CELLS)), np.zeros(CELLS)
    protection_of_moments(2.0, 3.0, lead, 2, 1, found)
    counts_pmf(2.0, 3.0, day)
    np.testing.assert_allclose(found, twin(np.tile(day[:100], (5, 1)), lead, 2), atol=1e-8)

    levels, values = np.array([0.25, 0.5, 0.9]), np.array([0.0, 2.0, 6.0])
    protection_of_quantiles(levels, np.tile(values, (5, 1)), lead, 2, 1, found)
    quantile_pmf(levels, values, 1, day)
    np.testing.assert_allclose(found, twin(np.tile(day[:120], (5, 1)), lead, 2), atol=1e-8)


@pytest.mark.parametrize(
    ("mean", "variance"), [(0.02, 0.02), (0.3, 4.0), (5.0, 5.0), (5.0, 1.0), (5.0, 0.0), (4.4, 0.3), (300.0, 9000.0)]
)
def test_counts_have_the_moments_they_are_asked_for(mean: float, variance: float) -> None:
    """Below a Poisson's, the variance is a little more than asked and never less: trials are whole."""
    out = np.zeros(CELLS)
    used = counts_pmf(mean, variance, out)
    found_mean, found_variance = moments(out)
    assert out.sum() == pytest.approx(1, abs=1e-9)
    assert not out[used:].any()
    assert found_mean == pytest.approx(mean, rel=1e-4)
    if variance >= mean:
        assert found_variance == pytest.approx(variance, rel=1e-3)
    else:
        assert variance - 1e-9 <= found_variance <= variance + 0.5


def test_a_day_goes_through_its_quantiles() -> None:
    """At k + 1/2 the distribution function stands on the given lines; the rest is an exponential tail."""
    out = np.zeros(CELLS)
    quantile_pmf(np.array([0.5, 0.75, 0.95]), np.array([0.0, 1.5, 3.5]), 1, out)
    cumulated = np.cumsum(out)
    assert cumulated[0] == pytest.approx(0.5 + 0.25 * 0.5 / 1.5)
    assert cumulated[1] == pytest.approx(0.75)
    assert cumulated[3] == pytest.approx(0.95)
    assert cumulated[-1] == pytest.approx(1)


def test_a_coarse_lattice_keeps_mean_and_variance() -> None:
    """Demand of ten thousands a day: cells of many units, the same first two moments as the days have."""
    mean, size = np.full((1, 21), 20_000.0), np.full((1, 21), 3.0)
    variance = mean + mean**2 / size
    step = lattice_step(mean[:, :14].sum(1), variance[:, :14].sum(1))
    found, one = np.zeros((1, 4, CELLS)), np.ones((1, 1))
    lead = np.zeros((1, 8))
    lead[0, 7] = 1
    protection(mean, size, np.zeros((1, 21)), lead, np.array([7]), one, one, step, found)
    cells, spread = moments(found[0, 1])
    assert step[0] > 100
    assert cells * step[0] == pytest.approx(14 * 20_000, rel=1e-6)
    assert spread * step[0] ** 2 == pytest.approx(14 * variance[0, 0], rel=1e-4)


@pytest.mark.parametrize(("mean", "sd"), [(7, 0), (2.5, 0), (7, 2), (30, 9), (3, 0.2)])
def test_lead_times_have_their_mean(mean: float, sd: float) -> None:
    """Whole days, the spread at most a day's rounding above what is asked; never no day at all."""
    chance = lead_chances(mean, sd, 120)
    found_mean, found_variance = moments(chance)
    assert chance[0] == 0
    assert found_mean == pytest.approx(mean, rel=2e-3)
    assert sd * sd * 0.98 - 1e-9 <= found_variance <= sd * sd + 0.26


def test_a_level_has_mean_one_and_the_spread_asked_for() -> None:
    factor, share = level_nodes(np.array([0.4, 0.0]))
    assert (factor * share).sum(1) == pytest.approx(1)
    assert (share * factor**2).sum(1) - 1 == pytest.approx([0.16, 0], rel=0.02)
    assert np.count_nonzero(share[1]) == 1
