"""Great-circle distances between points of the globe."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

RADIUS_M = 6_371_008.8
"""Mean radius of the Earth, IUGG 1980."""
QUARTER = math.pi / 2
TILE = 64
"""Rows and columns of a part of a matrix that stays in the nearest cache while it is turned over."""


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _small_arcsine(square):
    """asin(sqrt(square)), 0 <= square <= 1/4. Source: Sun's fdlibm, e_asin.c: error below 1 ulp."""
    p = square * (1.66666666666666657415e-01 + square * (-3.25565818622400915405e-01 + square * (
        2.01212532134862925881e-01 + square * (-4.00555345006794114027e-02 + square * (
        7.91534994289814532176e-04 + square * 3.47933107596021167570e-05)))))  # fmt: skip
    q = 1.0 + square * (-2.40339491173441421878e00 + square * (2.02094576023350569471e00 + square * (
        -6.88283971605453293030e-01 + square * 7.70381505559019352791e-02)))  # fmt: skip
    root = math.sqrt(square)
    return root + root * (p / q)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _arcsine(square):
    """asin(sqrt(square)), 0 <= square <= 1, without a branch, so that a row is computed with vector instructions.

    As it is up to 1/4, and by the half angle above.
    """
    beyond = square > 0.25
    angle = _small_arcsine(0.5 * (1.0 - math.sqrt(square)) if beyond else square)
    return QUARTER - 2.0 * angle if beyond else angle


@njit(cache=True, nogil=True, error_model="numpy")
def haversine(from_lat, from_lon, to_lat, to_lon, out):
    """Writes the distances (n, m) float64 in metres from every point (n,) to every point (m,), float64 in degrees.

    The haversine is a quarter of the squared chord between the points as unit vectors: no sine is left for a pair, and
    points close by lose no digits. Source: Sinnott 1984, "Virtues of the haversine", Sky and Telescope 68(2).
    """
    rows, columns = len(from_lat), len(to_lat)
    x, y, z = np.empty(columns), np.empty(columns), np.empty(columns)
    for j in range(columns):
        lat, lon = math.radians(to_lat[j]), math.radians(to_lon[j])
        x[j], y[j], z[j] = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
    for i in range(rows):
        lat, lon = math.radians(from_lat[i]), math.radians(from_lon[i])
        a, b, c = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
        row = out[i]
        for j in range(columns):
            dx, dy, dz = x[j] - a, y[j] - b, z[j] - c
            square = min(0.25 * (dx * dx + dy * dy + dz * dz), 1.0)
            row[j] = 2.0 * RADIUS_M * _arcsine(square)


@njit(cache=True, nogil=True, error_model="numpy")
def legs_of(lat, lon, detour, pace, most, distance, duration):
    """Writes whole metres, and whole seconds at `pace` metres a second, between n points in degrees: (n, n) int32.

    As `haversine` times `detour` says, rounded, at most `most`. Only one half is computed: there and back are the same.
    """
    count = len(lat)
    x, y, z = np.empty(count), np.empty(count), np.empty(count)
    for j in range(count):
        up, along = math.radians(lat[j]), math.radians(lon[j])
        x[j], y[j], z[j] = math.cos(up) * math.cos(along), math.cos(up) * math.sin(along), math.sin(up)
    close = count > 0 and _spread(x) + _spread(y) + _spread(z) <= 1.0
    bound, way = float(most), np.empty(TILE)
    for top in range(0, count, TILE):
        bottom = min(top + TILE, count)
        for left in range(top, count, TILE):
            right = min(left + TILE, count)
            xs, ys, zs = x[left:right], y[left:right], z[left:right]
            for i in range(top, bottom):
                a, b, c = x[i], y[i], z[i]
                if close:  # all chords are so short that their arcsines need no half angle
                    for j in range(right - left):
                        dx, dy, dz = xs[j] - a, ys[j] - b, zs[j] - c
                        way[j] = 2.0 * RADIUS_M * _small_arcsine(0.25 * (dx * dx + dy * dy + dz * dz)) * detour
                else:
                    for j in range(right - left):
                        dx, dy, dz = xs[j] - a, ys[j] - b, zs[j] - c
                        square = min(0.25 * (dx * dx + dy * dy + dz * dz), 1.0)
                        way[j] = 2.0 * RADIUS_M * _arcsine(square) * detour
                metres, seconds = distance[i, left:right], duration[i, left:right]
                for j in range(right - left):  # a loop for each array: of so many at once none would be vectorised
                    metres[j] = np.int32(np.rint(min(way[j], bound)))
                for j in range(right - left):
                    seconds[j] = np.int32(np.rint(min(way[j] / pace, bound)))
            if left > top:
                for j in range(left, right):
                    for i in range(top, bottom):
                        distance[j, i], duration[j, i] = distance[i, j], duration[i, j]


@njit(cache=True, nogil=True)
def _spread(values):
    """From the least to the largest, squared."""
    return (values.max() - values.min()) ** 2
