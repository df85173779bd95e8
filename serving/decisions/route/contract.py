"""What `PlanRoutes` and `ReplanRoutes` ask and answer, free of any wire format: columns as they came, not yet checked.

building.py checks them and makes a Problem of them. Units as in problem.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.decisions.route.problem import TIME_MAX, WHOLE, Part, Plan, Problem

F64 = npt.NDArray[np.float64]
Window = tuple[int, int]
Numbers = Sequence[int] | npt.NDArray[np.int64]
Ragged = tuple[Numbers, Numbers]
"""(all values, one owner's after the other's; how many each owner has)"""
CHANGES_MAX: Final = 100
ALWAYS: Final[Window] = (0, TIME_MAX)
SPEED_KMH: Final = 40.0
"""Where a request names no speed."""


@dataclass(frozen=True, slots=True)
class Depots:
    """d depots. points: (d, 2) float64, latitude and longitude, NaN = not given."""

    ids: tuple[str, ...]
    points: F64
    hours: Sequence[Window]


@dataclass(frozen=True, slots=True)
class StopRows:
    """n stops. Loads and windows as they came; a window is two values. penalty: None = required (inf in an array)."""

    ids: tuple[str, ...]
    points: F64
    deliveries: Ragged
    pickups: Ragged
    windows: Ragged
    service: Numbers
    skills: Sequence[Sequence[str]]
    penalty: Sequence[float | None] | F64
    priority: Numbers


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle. start, end, profile: names, "" = the default; 0 = no bound."""

    vehicle_id: str
    start: str = ""
    end: str = ""
    ends_anywhere: bool = False
    capacities: Sequence[int] = ()
    shift: Window = ALWAYS
    skills: Sequence[str] = ()
    duration_max: int = 0
    distance_max: int = 0
    stops_max: int = 0
    fixed_cost: float = 0.0
    cost_per_km: float = 0.0
    cost_per_hour: float = 0.0
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Shipment:
    """Loads from one stop to another."""

    pickup: str
    delivery: str
    loads: Sequence[int]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Given: (m,) float64 each, row by row; durations: None = a second a metre."""

    distances: F64
    durations: F64 | None = None
    symmetric: bool = False


@dataclass(frozen=True, slots=True)
class GreatCircle:
    """By coordinates. speeds: km/h, (), one, or 24 by hour. detour: 0 = 1."""

    speeds: tuple[float, ...] = ()
    detour: float = 0.0


@dataclass(frozen=True, slots=True)
class Served:
    """By a table server."""

    profile: str = ""


Travel = Matrix | GreatCircle | Served


@dataclass(frozen=True, slots=True)
class Profile:
    """How vehicles of one kind travel. factors: of the speed, () or 24 by hour."""

    name: str
    travel: Travel
    factors: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ClosedRoad:
    """Between two places by their ids."""

    start: str
    end: str
    both_ways: bool = False


@dataclass(frozen=True, slots=True)
class RouteRows:
    """One route of a plan that came: the vehicle and its stops by id, and times where they are given."""

    vehicle: str
    stops: tuple[str, ...]
    arrivals: tuple[int, ...] = ()
    begins: tuple[int, ...] = ()
    departures: tuple[int, ...] = ()
    leaves: int = 0
    ends: int = 0


@dataclass(frozen=True, slots=True)
class PlanQuery:
    """One request. seconds: 0 = the default."""

    depots: Depots
    vehicles: tuple[Vehicle, ...]
    stops: StopRows
    shipments: tuple[Shipment, ...] = ()
    profiles: tuple[Profile, ...] = ()
    closed: tuple[ClosedRoad, ...] = ()
    seconds: float = 0.0
    seed: int = 0
    start: tuple[RouteRows, ...] = ()
    request_id: str = ""
    bound: float | None = None
    """Known already: no plan costs less."""
    part: Part = WHOLE
    """Of a stream's search."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds by which a vehicle is behind its plan."""

    vehicle: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a vehicle is: visits done, and when it can leave."""

    vehicle: str
    done: int
    ready: int


@dataclass(frozen=True, slots=True)
class ReplanQuery:
    """A running plan and what has happened. query: with the new stops as its last ones, and the closed roads."""

    query: PlanQuery
    plan: tuple[RouteRows, ...]
    dropped: tuple[str, ...]
    now: int
    progress: tuple[Whereabouts, ...] = ()
    cancelled: tuple[tuple[str, str], ...] = ()
    """(field, stop id)."""
    delays: tuple[tuple[str, Delay], ...] = ()
    """(field, delay)."""
    new_stops: tuple[str, ...] = ()
    """Fields that brought the last stops of `query`."""
    new_roads: tuple[str, ...] = ()
    """Fields that brought the last closed roads of `query`."""
    interchangeable: bool = False
    """What vehicles bring is alike, and aboard of each."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """A plan with the problem that gives its indices their names. changed: ids of vehicles."""

    problem: Problem
    plan: Plan
    request_id: str = ""
    changed: tuple[str, ...] = field(default=())
