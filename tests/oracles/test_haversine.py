"""Distances on the globe and driving by the hour: the kernels equal their twins."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from serving.kernels.haversine import RADIUS_M, drive, haversine

F64 = npt.NDArray[np.float64]


def twin(from_lat: F64, from_lon: F64, to_lat: F64, to_lon: F64) -> F64:
    """The formula as Sinnott prints it."""
    a, b, c, d = (np.radians(each) for each in (from_lat[:, None], from_lon[:, None], to_lat, to_lon))
    hav = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return 2 * RADIUS_M * np.arcsin(np.sqrt(np.clip(hav, 0, 1)))


def driven(metres: float, leave_s: float, speeds: F64, step_s: float = 1.0) -> float:
    """Second by second."""
    now = leave_s
    while metres > 0:
        speed = speeds[int(now // 3600) % 24]
        if metres <= speed * step_s:
            return now + metres / speed - leave_s
        metres -= speed * step_s
        now += step_s
    return now - leave_s


@pytest.mark.parametrize("spread", [1e-5, 0.1, 5.0, 90.0])
def test_haversine_equals_its_twin(spread: float) -> None:
    """From next door to the other side of the globe, poles and date line among them."""
    rng = np.random.default_rng(7)
    lat = np.concatenate([rng.uniform(-1, 1, 60) * spread, [90.0, -90.0, 0.0, 0.0]])
    lon = np.concatenate([rng.uniform(-2, 2, 60) * spread, [0.0, 17.0, 180.0, -180.0]])
    found = np.empty((len(lat), 20))
    haversine(lat, lon, lat[:20], lon[:20], found)
    assert np.allclose(found, twin(lat, lon, lat[:20], lon[:20]), rtol=1e-9, atol=1e-6)
    assert np.diagonal(found).tolist() == [0.0] * 20


def test_places_whose_distance_is_known() -> None:
    """A quarter of the equator; the same place on both sides of the date line; pole to pole."""
    found = np.empty((1, 3))
    haversine(np.array([0.0]), np.array([180.0]), np.array([0.0, 0.0, 90.0]), np.array([90.0, -180.0, 5.0]), found)
    quarter = math.pi / 2 * RADIUS_M
    assert found[0] == pytest.approx([quarter, 0.0, quarter], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_drive_equals_its_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    speeds = rng.uniform(1.0, 30.0, 24)
    for metres, leave in zip(rng.uniform(0, 500_000, 8), rng.integers(0, 200_000, 8), strict=True):
        assert drive(metres, float(leave), speeds) == pytest.approx(driven(metres, float(leave), speeds), abs=1e-6)


def test_who_leaves_later_never_arrives_earlier() -> None:
    """Even where the next hour is ten times as fast."""
    speeds = np.where(np.arange(24) % 2 == 0, 2.0, 20.0)
    arrivals = [leave + drive(30_000.0, leave, speeds) for leave in np.arange(0.0, 90_000.0, 250.0)]
    assert arrivals == sorted(arrivals)


def test_a_way_of_many_days_ends() -> None:
    speeds = np.full(24, 0.5)
    assert drive(1e7, 100.0, speeds) == pytest.approx(2e7)
