"""Matrices in one pass: the kernels equal NumPy, pass by pass."""

from __future__ import annotations

import numpy as np
import pytest

from serving.kernels.haversine import haversine, legs_of
from serving.kernels.route_matrix import mirrored, rounded

FAR = 2**30


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 150])
def test_both_halves_are_those_of_the_whole(count: int) -> None:
    """To the last digit: both ways, and what is beyond the bound is at it."""
    lat, lon = np.random.default_rng(count).uniform(-1, 1, (2, count)) * [[90.0], [180.0]]
    metres = np.empty((count, count))
    haversine(lat, lon, lat, lon, metres)
    metres *= 1.3
    distance, duration = np.empty((2, count, count), np.int32)
    legs_of(lat, lon, 1.3, 0.02, FAR, distance, duration)
    assert np.abs(distance - metres).max() <= 0.5 + 1e-6
    assert (np.abs(duration - np.minimum(metres / 0.02, FAR)) <= 0.5 + 1e-5).all()
    assert (distance == distance.T).all()
    assert not distance.diagonal().any()


@pytest.mark.parametrize("side", [0.2, 30.0, 60.0, 80.0])
def test_places_close_together_are_as_far_as_among_places_of_the_whole_globe(side: float) -> None:
    """To the metre and second: short chords take another way, which is the same."""
    lat, lon = np.random.default_rng(1).uniform(-side / 2, side / 2, (2, 100))
    near, far = np.empty((2, 100, 100), np.int32), np.empty((2, 102, 102), np.int32)
    legs_of(lat, lon, 1.3, 9.7, FAR, *near)
    legs_of(np.append(lat, [90.0, -90.0]), np.append(lon, [0.0, 0.0]), 1.3, 9.7, FAR, *far)
    assert (near == far[:, :100, :100]).all()


@pytest.mark.parametrize("wrong", [None, np.nan, -0.1, -np.inf, float(FAR)])
def test_rounding_is_that_of_numpy_and_sees_what_is_wrong(wrong: float | None) -> None:
    values = np.random.default_rng(0).uniform(0, 1e6, 333)
    values[:4] = np.inf, 0.5, 1.5, -0.0
    if wrong is not None:
        values[200] = wrong
    out = np.empty(len(values), np.int32)
    fine, largest = rounded(values, FAR, out)
    assert fine == (wrong is None)
    if fine:
        assert out.tolist() == np.rint(np.minimum(values, FAR)).astype(int).tolist()
        assert largest == FAR


@pytest.mark.parametrize("count", [1, 2, 64, 131])
def test_a_matrix_is_its_mirror_or_it_is_not(count: int) -> None:
    values = np.random.default_rng(count).uniform(size=(count, count))
    even = values + values.T
    assert mirrored(even.ravel(), count)
    assert count == 1 or not mirrored(values.ravel(), count)
    if count > 1:
        even[0, -1] += 1
        assert not mirrored(even.ravel(), count)
