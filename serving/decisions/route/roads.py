"""The ways between the places of a request, by profile: those of matrix.py, without the roads that are closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput
from serving.decisions.route.contract import ClosedRoad, PlanQuery, Profile
from serving.decisions.route.matrix import Travels
from serving.decisions.route.problem import FAR

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]


def roads_of(
    query: PlanQuery, profiles: Sequence[Profile], known: dict[str, int], travels: Travels, deadline: float
) -> tuple[I32, I32, F64 | None]:
    """distance, duration, speed: as a Problem has them. known: id -> node. Raises InvalidInput, and what a table server
    raises."""
    depots, rows = query.depots, query.stops
    points = np.concatenate([depots.points, rows.points])
    places = _Places(len(depots.ids), len(rows.ids))
    _check_points(points, places)
    legs = [
        travels.legs(f"profiles[{number}]", profile, places, points, deadline)
        for number, profile in enumerate(profiles)
    ]
    distance, duration = _together([each.distance for each in legs]), _together([each.duration for each in legs])
    if query.closed and len(legs) == 1:  # those of the legs are everyone's
        distance, duration = distance.copy(), duration.copy()
    for number, road in enumerate(query.closed):
        _close(f"closed_roads[{number}]", road, known, distance, duration)
    speed = None
    if any(each.speed is not None for each in legs):
        speed = np.stack([np.ones(24) if each.speed is None else each.speed for each in legs])
    return distance, duration, speed


@dataclass(frozen=True, slots=True)
class _Places(Sequence[str]):
    """How an error calls each place; made when there is one."""

    depots: int
    stops: int

    def __len__(self) -> int:
        return self.depots + self.stops

    def __getitem__(self, node: Any) -> Any:
        if not 0 <= node < len(self):
            raise IndexError(node)
        return f"depots[{node}]" if node < self.depots else f"stops[{node - self.depots}]"


def _together(matrices: Sequence[I32]) -> I32:
    """(p, m, m); of one profile its own, not copied."""
    return matrices[0][None] if len(matrices) == 1 else np.stack(matrices)


def _check_points(points: F64, places: Sequence[str]) -> None:
    """Coordinates that are given."""
    for column, name, most in ((0, "latitude", 90.0), (1, "longitude", 180.0)):
        with np.errstate(invalid="ignore"):
            wrong = np.flatnonzero(~(np.abs(points[:, column]) <= most) & ~np.isnan(points[:, column]))
        if len(wrong):
            node = int(wrong[0])
            raise InvalidInput(f"{places[node]}.point.{name}", points[node, column], f"-{most:g} to {most:g} degrees")


def _close(field: str, road: ClosedRoad, known: dict[str, int], distance: Any, duration: Any) -> None:
    """Makes the arc one that nobody may drive."""
    for name, value in (("from_id", road.start), ("to_id", road.end)):
        if value not in known:
            raise InvalidInput(f"{field}.{name}", value, "the id of a depot or a stop", reason="UNKNOWN_ID")
    start, end = known[road.start], known[road.end]
    if start == end:
        raise InvalidInput(f"{field}.to_id", road.end, "another place than from_id")
    for matrix in (distance, duration):
        matrix[:, start, end] = FAR
        if road.both_ways:
            matrix[:, end, start] = FAR
