"""Distances on the globe: the kernel equals its twin."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from serving.kernels.haversine import RADIUS_M, haversine

F64 = npt.NDArray[np.float64]


def twin(from_lat: F64, from_lon: F64, to_lat: F64, to_lon: F64) -> F64:
    """The formula as Sinnott prints it."""
    a, b, c, d = (np.radians(each) for each in (from_lat[:, None], from_lon[:, None], to_lat, to_lon))
    hav = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return 2 * RADIUS_M * np.arcsin(np.sqrt(np.clip(hav, 0, 1)))


@pytest.mark.parametrize("spread", [1e-5, 0.1, 5.0, 90.0])
def test_haversine_equals_its_twin(spread: float) -> None:
    """From next door to the other side of the globe, poles and date line among them."""
    rng = np.random.default_rng(7)
    lat = np.concatenate([rng.uniform(-1, 1, 60) * spread, [90.0, -90.0, 0.0, 0.0]])
    lon = np.concatenate([rng.uniform(-2, 2, 60) * spread, [0.0, 17.0, 180.0, -180.0]])
    found = np.empty((len(lat), 20))
    haversine(lat, lon, lat[:20], lon[:20], found)
    expected = twin(lat, lon, lat[:20], lon[:20])
    across = expected > 19_500_000  # at the other end of the globe an arcsine of almost 1 tells decimetres apart
    assert np.allclose(found[~across], expected[~across], rtol=1e-9, atol=1e-6)
    assert np.allclose(found[across], expected[across], rtol=0, atol=0.5)
    assert np.diagonal(found).tolist() == [0.0] * 20


def test_places_whose_distance_is_known() -> None:
    """A quarter of the equator; the same place on both sides of the date line; pole to pole."""
    found = np.empty((1, 3))
    haversine(np.array([0.0]), np.array([180.0]), np.array([0.0, 0.0, 90.0]), np.array([90.0, -180.0, 5.0]), found)
    quarter = math.pi / 2 * RADIUS_M
    assert found[0] == pytest.approx([quarter, 0.0, quarter], abs=1e-6)
