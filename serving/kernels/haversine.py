"""Great-circle distances between points of the globe, and how long they take at speeds that change by the hour."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

RADIUS_M = 6_371_008.8
"""Mean radius of the Earth, IUGG 1980."""
SERIES_MAX = 0.01
"""Of sin^2 of half the angle (1,275 km): up to here the series below is exact to the last bit or two."""
DAY_S = 86_400.0
HOUR_S = 3_600.0


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
        row, far = out[i], False
        for j in range(columns):
            u = 0.25 * ((x[j] - a) * (x[j] - a) + (y[j] - b) * (y[j] - b) + (z[j] - c) * (z[j] - c))
            far |= u > SERIES_MAX
            # asin(sqrt(u)) / sqrt(u) as a power series in u
            series = 1.0 + u * (1 / 6 + u * (3 / 40 + u * (5 / 112 + u * (35 / 1152 + u * (63 / 2816 + u * (
                231 / 13312 + u * (143 / 10240)))))))  # fmt: skip
            row[j] = 2.0 * RADIUS_M * math.sqrt(u) * series
        if far:
            for j in range(columns):
                u = 0.25 * ((x[j] - a) * (x[j] - a) + (y[j] - b) * (y[j] - b) + (z[j] - c) * (z[j] - c))
                if u > SERIES_MAX:
                    row[j] = 2.0 * RADIUS_M * math.asin(min(1.0, math.sqrt(u)))


@njit(cache=True, nogil=True)
def drive(metres, leave_s, speeds):
    """Seconds that a way of `metres` takes when it is begun `leave_s` seconds after midnight, at speeds (24,) float64
    in m/s, each of its hour of the day and more than 0.

    Who leaves later never arrives earlier. Source: Ichoua, Gendreau, Potvin 2003, "Vehicle dispatching with
    time-dependent travel times", section 3. O(hours on the way), O(1) beyond a day.
    """
    a_day = 0.0
    for hour in range(24):
        a_day += speeds[hour] * HOUR_S
    days = math.floor(metres / a_day)
    left, now = metres - days * a_day, leave_s
    for _ in range(26):  # what is left is less than a day's way
        hour = math.floor(now / HOUR_S)
        speed = speeds[int(hour) % 24]
        reach = ((hour + 1) * HOUR_S - now) * speed
        if left <= reach:
            return days * DAY_S + now + left / speed - leave_s
        left -= reach
        now = (hour + 1) * HOUR_S
    return days * DAY_S + now - leave_s
