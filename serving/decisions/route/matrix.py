"""Distances and durations of a travel profile: given, along great circles, or from a table server; checked.

What is computed or fetched is kept for a while, because a plan is improved, and changed, over the same places.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput
from serving.decisions.route.contract import SPEED_KMH, GreatCircle, Matrix, Profile, Served
from serving.decisions.route.problem import FAR
from serving.kernels.haversine import legs_of
from serving.kernels.route_matrix import mirrored, rounded

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

FACTOR_MIN, FACTOR_MAX = 0.01, 100.0
SPEED_MIN_KMH, SPEED_MAX_KMH = 0.1, 2000.0
DETOUR_MAX: Final = 10.0
HOURS: Final = 24
NEW_SHARE_MAX: Final = 0.25
"""Of places that a kept table lacks: up to here only their rows and columns are fetched."""
MPS: Final = 1 / 3.6


class Tables(Protocol):
    """A server of travel times."""

    def table(self, rows: F64, columns: F64, deadline: float, profile: str) -> tuple[F64, F64]:
        """(metres, seconds), (r, c) each, infinite where there is no way; of places (r, 2) and (c, 2) in degrees."""
        ...


@dataclass(frozen=True, slots=True)
class Legs:
    """distance, duration: (n, n) int32, FAR = no way. speed: (24,) float64, None = the same all day.

    The arrays are shared by all that ask for the same places: who changes them copies them before. (They are not
    marked read-only, because every kernel would be compiled once more for such arrays.)
    """

    distance: I32
    duration: I32
    speed: F64 | None = None


class Travels:
    """Makes legs of profiles. Works from any thread."""

    def __init__(self, tables: Callable[[], Tables], kept: int) -> None:
        """tables: the server, raises InvalidInput where there is none. kept: how many tables at most."""
        self._tables, self._kept_max = tables, kept
        self._kept: OrderedDict[tuple[str, bytes], tuple[F64, Legs]] = OrderedDict()
        self._guard = threading.Lock()

    def legs(self, field: str, profile: Profile, names: Sequence[str], points: F64, deadline: float) -> Legs:
        """Between all n places. names: how an error calls each place. points: (n, 2), NaN = not given.

        Raises InvalidInput naming `field` or the place, and what the table server raises.
        """
        speed = _factors(field, profile.factors)
        travel = profile.travel
        if isinstance(travel, Matrix):
            distance, duration = _given(f"{field}.matrix", travel, names)
            return Legs(distance, duration, speed)
        _check_points(field, names, points)
        if isinstance(travel, GreatCircle):
            if speed is not None:
                raise InvalidInput(f"{field}.speed_factors", "factors", "none beside great_circle, which has speeds")
            speeds, detour = _speeds(field, travel)
            pace = float(speeds.mean())
            legs = self._found(f"circle {pace} {detour}", points, lambda: _circle(points, pace * MPS, detour))
            return Legs(legs.distance, legs.duration, speeds / pace if (speeds != pace).any() else None)
        legs = self._found(
            f"table {travel.profile}", points, lambda: self._served(f"{field}.table_server", travel, names, points,
                                                                    deadline),
        )  # fmt: skip
        return Legs(legs.distance, legs.duration, speed)

    def _found(self, kind: str, points: F64, make: Callable[[], Legs]) -> Legs:
        """Kept, or made and kept."""
        key = kind, blake2b(points.tobytes(), digest_size=16).digest()
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][1]
        legs = make()
        with self._guard:
            self._kept[key] = points, legs
            while len(self._kept) > self._kept_max:
                self._kept.popitem(last=False)
        return legs

    def _served(self, field: str, travel: Served, names: Sequence[str], points: F64, deadline: float) -> Legs:
        """Fetched; of a kept table that has most of the places only the rest."""
        tables, near = self._tables(), self._near(f"table {travel.profile}", points)
        if near is None:
            metres, seconds = tables.table(points, points, deadline, travel.profile)
            distance, duration = whole(metres), whole(seconds)
        else:
            at, legs = near
            distance, duration = legs.distance[np.ix_(at, at)], legs.duration[np.ix_(at, at)]
            new = np.flatnonzero(at < 0)
            for rows, columns, place in (
                (points[new], points, np.ix_(new, np.arange(len(points)))),
                (points, points[new], np.ix_(np.arange(len(points)), new)),
            ):
                metres, seconds = tables.table(rows, columns, deadline, travel.profile)
                distance[place], duration[place] = whole(metres), whole(seconds)
        for matrix in (distance, duration):
            np.fill_diagonal(matrix, 0)
        check_reachable(field, names, distance)
        return Legs(distance, duration)

    def _near(self, kind: str, points: F64) -> tuple[npt.NDArray[np.intp], Legs] | None:
        """(row of each place in a kept table, -1 = it has none; that table), of the newest with most of the places."""
        wanted = list(map(tuple, points.tolist()))
        with self._guard:
            kept = [entry for key, entry in reversed(self._kept.items()) if key[0] == kind]
        for known, legs in kept:
            rows = {place: row for row, place in enumerate(map(tuple, known.tolist()))}
            at = np.array([rows.get(place, -1) for place in wanted], np.intp)
            if (at < 0).sum() <= NEW_SHARE_MAX * len(at):
                return at, legs
        return None


def whole(values: F64) -> I32:
    """Rounded, FAR where there is no way."""
    return np.where(np.isfinite(values), np.rint(np.minimum(values, FAR)), FAR).astype(np.int32)


def check_reachable(field: str, names: Sequence[str], distance: I32) -> None:
    """Raises InvalidInput for a place that nobody can come to, or leave."""
    count = len(names)
    if count < 2:
        return
    closed = distance >= FAR
    for axis, what in ((0, "to"), (1, "from")):
        alone = np.flatnonzero(closed.sum(axis) >= count - 1)
        if len(alone):
            expected = f"a finite distance {what} it from one other place at least"
            raise InvalidInput(f"{field}: {names[alone[0]]}", "inf", expected, reason="UNREACHABLE_STOP")


def _circle(points: F64, pace_mps: float, detour: float) -> Legs:
    distance, duration = np.empty((2, len(points), len(points)), np.int32)
    lat, lon = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
    legs_of(lat, lon, detour, pace_mps, FAR, distance, duration)
    return Legs(distance, duration)


def _given(field: str, travel: Matrix, names: Sequence[str]) -> tuple[I32, I32]:
    distance, farthest = _matrix(f"{field}.distances_m", travel.distances, names, travel.symmetric)
    if travel.durations is None:
        return distance, distance
    duration, longest = _matrix(f"{field}.durations_s", travel.durations, names, travel.symmetric)
    if max(farthest, longest) >= FAR:  # who cannot drive an arc in one sense cannot in the other
        closed = (distance >= FAR) | (duration >= FAR)
        distance, duration = np.where(closed, FAR, distance), np.where(closed, FAR, duration)
        check_reachable(field, names, distance)
    return distance, duration


def _matrix(field: str, values: F64, names: Sequence[str], symmetric: bool) -> tuple[I32, int]:
    """((n, n) of numbers row by row, the largest). Raises InvalidInput naming the pair."""
    count = len(names)
    if len(values) != count * count:
        expected = f"{count} x {count} = {count * count}, row by row: depots, then stops"
        raise InvalidInput(field, f"{len(values)} numbers", expected, reason="WRONG_MATRIX_SIZE")
    found = np.empty(count * count, np.int32)
    fine, largest = rounded(values, FAR, found)
    matrix = values.reshape(count, count)
    if not fine:
        wrong = ~(matrix >= 0) | ((matrix >= FAR) & np.isfinite(matrix))
        i, j = np.argwhere(wrong)[0]
        expected = f"0 or more and below {FAR}, or infinity where there is no way"
        raise InvalidInput(f"{field}[{i * count + j}] ({names[i]} to {names[j]})", float(matrix[i, j]), expected)
    if matrix.diagonal().any():
        i = int(np.flatnonzero(matrix.diagonal())[0])
        raise InvalidInput(f"{field}[{i * count + i}] ({names[i]} to itself)", float(matrix[i, i]), "0")
    if symmetric and not mirrored(values, count):
        i, j = np.argwhere(matrix != matrix.T)[0]
        raise InvalidInput(
            f"{field}[{j * count + i}] ({names[j]} to {names[i]})", float(matrix[j, i]),
            f"{matrix[i, j]:g} as the other way, because symmetric is promised", reason="NOT_SYMMETRIC",
        )  # fmt: skip
    whole_numbers = found.reshape(count, count)
    if largest >= FAR:
        check_reachable(field, names, whole_numbers)
    return whole_numbers, int(largest)


def _check_points(field: str, names: Sequence[str], points: F64) -> None:
    missing = np.flatnonzero(np.isnan(points[:, 0]))
    if len(missing):
        raise InvalidInput(f"{names[missing[0]]}.point", "none", f"coordinates, or a matrix in {field}")


def _speeds(field: str, travel: GreatCircle) -> tuple[F64, float]:
    """((24,) km/h by hour, detour factor)."""
    speeds = travel.speeds or (SPEED_KMH,)
    if len(speeds) not in (1, HOURS):
        raise InvalidInput(f"{field}.great_circle.speeds_kmh", f"{len(speeds)} numbers", f"one, or {HOURS} by hour")
    for hour, speed in enumerate(speeds):
        if not SPEED_MIN_KMH <= speed <= SPEED_MAX_KMH:
            expected = f"{SPEED_MIN_KMH:g} to {SPEED_MAX_KMH:g} km/h"
            raise InvalidInput(f"{field}.great_circle.speeds_kmh[{hour}]", speed, expected)
    detour = travel.detour or 1.0
    if not 1.0 <= detour <= DETOUR_MAX:
        raise InvalidInput(f"{field}.great_circle.detour_factor", detour, f"1 to {DETOUR_MAX:g}, or 0 for 1")
    return np.broadcast_to(np.array(speeds), HOURS).astype(np.float64), detour


def _factors(field: str, factors: tuple[float, ...]) -> F64 | None:
    if not factors:
        return None
    if len(factors) != HOURS:
        raise InvalidInput(f"{field}.speed_factors", f"{len(factors)} numbers", f"{HOURS}, by hour of the day, or none")
    for hour, factor in enumerate(factors):
        if not FACTOR_MIN <= factor <= FACTOR_MAX:
            raise InvalidInput(f"{field}.speed_factors[{hour}]", factor, f"{FACTOR_MIN:g} to {FACTOR_MAX:g}")
    return np.array(factors, np.float64)
