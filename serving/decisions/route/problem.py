"""A routing problem as arrays, a plan as routes of stop indices, and what an engine is.

Whole numbers: distances in metres, times in seconds on one clock (0 = midnight of the first day), loads in units of
the caller's. Costs are float64. Nodes of a matrix are the depots, then the stops: node of stop i = depots + i.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

STOPS_MAX: Final = 5_000
VEHICLES_MAX: Final = 1_000
DEPOTS_MAX: Final = 100
DIMENSIONS_MAX: Final = 8
WINDOWS_MAX: Final = 8
"""Time windows of one stop."""
SKILLS_MAX: Final = 63
PRIORITY_MAX: Final = 100
PROFILES_MAX: Final = 8
TIME_MAX: Final = 10**8
"""Seconds: latest end of a shift or a window (about three years)."""
FAR: Final = 2**30
"""Duration or distance of an arc that nobody may drive: a closed road."""
ANYWHERE: Final = -1
"""As a vehicle's end: the route ends at its last stop."""
ON_EVERY_VEHICLE: Final = -2
"""As the place of a delivery: every vehicle has such goods aboard."""
LOAD_MAX: Final = 10**12
COST_MAX: Final = 1e12

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stops:
    """n stops, k dimensions of load, w windows.

    delivery: brought from the vehicle's start depot; pickup: taken to its end; (n, k), 0 or more.
    partner: the other stop of a shipment, -1 = none; the same vehicle collects `carried` at the first and hands it over
    at the second, where `carried` is negative (without a load, the one listed first is the first); they have no
    delivery and no pickup. A shipment is visited as a whole or not at all.
    opens, closes: (n, w), service begins within one of them; ascending and apart; a stop with fewer repeats its last.
    penalty: cost of leaving the stop out; inf = it is left out only where it cannot be visited, and among those
    a stop of priority p weighs as 1 + p stops of priority 0.
    skills: (n,) bits that a vehicle must have, all of them.
    """

    ids: tuple[str, ...]
    delivery: Ints
    pickup: Ints
    carried: Ints
    partner: Ints
    opens: Ints
    closes: Ints
    service: Ints
    penalty: Floats
    priority: Ints
    skills: Ints


@dataclass(frozen=True, slots=True)
class Vehicles:
    """v vehicles, each for one route. start, end: index of a depot; end ANYWHERE = at the last stop.

    capacity: (v, k). opens, closes: the shift; duration counts from leaving the start to arriving at the end, waiting
    and service with it, and a vehicle leaves as late as its arrivals allow. A vehicle without stops costs nothing.
    profile: (v,) which matrix. skills: (v,) bits.
    """

    ids: tuple[str, ...]
    start: Ints
    end: Ints
    capacity: Ints
    opens: Ints
    closes: Ints
    duration_max: Ints
    distance_max: Ints
    stops_max: Ints
    fixed_cost: Floats
    cost_per_metre: Floats
    cost_per_second: Floats
    profile: Ints
    skills: Ints


@dataclass(frozen=True, slots=True)
class Progress:
    """What is driven of a running plan: it stays, and no stop comes before it. `progress.progress_at` makes it.

    done: by vehicle, the stops that it has left, is at or is on its way to, in order; driven: their (arrival, begin,
    departure). ready: (v,) when it can leave the last of them (or its start, where none is done); a late vehicle is
    one whose `ready` is later than planned. left: (v,) when it left its start; -1 = it stands there.
    aboard: (n,) the vehicle that carries the stop's `delivery` already, which no other can bring then; -1 = it lies at
    the depot, where only vehicles that have not left can load it; ON_EVERY_VEHICLE = anyone has such goods aboard.
    held: (v, k) load aboard for no stop of the problem's plan, as that of a cancelled one.
    """

    done: tuple[tuple[int, ...], ...]
    driven: tuple[tuple[tuple[int, int, int], ...], ...]
    ready: Ints
    left: Ints
    aboard: Ints
    held: Ints


@dataclass(frozen=True)
class Problem:
    """distance, duration: (p, d + n, d + n) int32, by profile; FAR = closed. symmetric: promised by the caller.

    speed: (p, 24) float64, factor of the speed by hour of the day; None = the same all day. An arc takes its
    `duration` at factor 1; a vehicle that leaves later never arrives earlier.
    depot_opens, depot_closes: (d,) when vehicles may leave and arrive.
    """

    depot_ids: tuple[str, ...]
    depot_opens: Ints
    depot_closes: Ints
    stops: Stops
    vehicles: Vehicles
    distance: npt.NDArray[np.int32]
    duration: npt.NDArray[np.int32]
    speed: Floats | None = None
    progress: Progress | None = None

    @cached_property
    def depots(self) -> int:
        return len(self.depot_ids)

    @cached_property
    def longest_arc(self) -> int:
        """Metres; FAR where one is closed."""
        return int(self.distance.max(initial=0))

    @cached_property
    def drop_costs(self) -> Floats:
        """(n,) float64: cost of leaving each stop out, finite; that of a required one is above any plan's cost."""
        vehicles, stops = self.vehicles, self.stops
        longest = float(self.longest_arc)
        if longest >= FAR:
            longest = float(self.distance[self.distance < FAR].max(initial=0))
        legs = len(stops.ids) + 2 * len(vehicles.ids)
        shift = (vehicles.closes - vehicles.opens).clip(0)
        given = stops.penalty[np.isfinite(stops.penalty)]
        whole = (
            1.0
            + float(vehicles.fixed_cost.sum())
            + float(vehicles.cost_per_metre.max(initial=0.0)) * longest * legs
            + float((vehicles.cost_per_second * shift).sum())
            + float(given.sum())
        )
        return np.where(np.isfinite(stops.penalty), stops.penalty, whole * (1.0 + stops.priority))


class Reason(StrEnum):
    """Why a stop is left out; the first that holds."""

    CANCELLED = "cancelled"
    NO_VEHICLE_HAS_SKILLS = "no-vehicle-has-its-skills"
    ABOVE_EVERY_CAPACITY = "above-every-capacity"
    NOT_ABOARD = "goods-not-aboard"
    """Of a running plan: its goods lie at the depot, or on a vehicle that may not visit it."""
    OUT_OF_REACH = "out-of-reach-in-time"
    """No vehicle, driving to it alone, arrives within a window and returns within shift and limits."""
    PARTNER_LEFT_OUT = "partner-left-out"
    CAPACITY = "no-capacity-left"
    """Time would allow it, room does not."""
    TIME = "no-time-left"
    VEHICLE_LIMITS = "vehicle-limits"
    """Its routes would be too long: stops, metres or hours."""
    NOT_WORTH_IT = "costs-more-than-its-penalty"
    NOT_FOUND = "no-room-found-in-the-time"
    """It fits somewhere now, at a cost above what leaving it out costs in this plan, or the time was up."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """One stop left out."""

    stop: int
    reason: Reason
    detail: str = ""
    """For people."""


@dataclass(frozen=True, slots=True)
class Route:
    """One vehicle's stops in order, each with its arrival, begin of service and departure (seconds).

    load: at the start of the route, by dimension. done: how many of the stops are driven already.
    """

    vehicle: int
    stops: tuple[int, ...]
    arrivals: tuple[int, ...]
    begins: tuple[int, ...]
    departures: tuple[int, ...]
    leaves: int
    ends: int
    distance: int
    waiting: int
    load: tuple[int, ...]
    cost: float
    done: int = 0

    @property
    def duration(self) -> int:
        return self.ends - self.leaves


@dataclass(frozen=True, slots=True)
class Plan:
    """Routes of the vehicles that drive, in the order of the vehicles, and the stops left out.

    cost: of the routes and of what is left out, as `Problem.drop_costs` says; routes_cost: of the routes alone.
    engine: who found it. bound: no plan costs less; None = not known.
    """

    routes: tuple[Route, ...]
    dropped: tuple[Dropped, ...]
    cost: float
    routes_cost: float
    engine: str = ""
    bound: float | None = None

    @property
    def distance(self) -> int:
        return sum(route.distance for route in self.routes)

    @property
    def duration(self) -> int:
        return sum(route.duration for route in self.routes)


@dataclass(frozen=True, slots=True)
class Part:
    """Of a search that is made in pieces, each from the best plan of those before: shares of the whole's time."""

    begins: float = 0.0
    ends: float = 1.0


WHOLE: Final = Part()

TELL_S: Final = 0.2
"""An engine tells a better plan at most so often, as that takes as long as some of its rounds; the last one always."""

OnBetter = Callable[[Plan], None]
Cancelled = Callable[[], bool]


class Engine(Protocol):
    """One way to find plans. Deterministic for a seed, as far as it ends before the deadline."""

    @property
    def name(self) -> str:
        """As a plan says who found it."""
        ...

    def misfit(self, problem: Problem) -> str:
        """Why it cannot take this problem; "" = it can."""
        ...

    def improve(
        self,
        problem: Problem,
        plan: Plan | None,
        *,
        seed: int,
        deadline: float,
        on_better: OnBetter,
        cancelled: Cancelled,
    ) -> Plan | None:
        """The best plan it finds until `deadline` (time.monotonic seconds), from `plan` on where there is one.

        Calls `on_better` with each better plan that it comes by, and asks `cancelled` at least every 100 ms where it
        can. None = it found no plan.
        """
        ...
