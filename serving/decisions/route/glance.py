"""Whether a plan keeps every promise of its problem, seen at once; what it breaks is said by checker.py."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

import numpy as np

from serving.decisions.route.problem import ON_EVERY_VEHICLE, Floats, Ints, Plan, Problem, Route
from serving.kernels.route_check import DRIVEN, SHIFT, UNTOLD, VEHICLE, Asked, Told, broken

NO_SPEEDS: Final = np.empty((0, 24))


def first_broken(problem: Problem, plan: Plan) -> int:
    """KEPT = the plan is feasible; otherwise a promise of kernels/route_check.py that it may break."""
    try:
        told = _told(problem, plan)
    except (TypeError, ValueError, OverflowError):  # something is no number of 64 bits
        return UNTOLD
    if isinstance(told, int):
        return told
    return int(broken(_asked(problem), told, float(plan.routes_cost)))


def _told(problem: Problem, plan: Plan) -> Told | int:
    """A plan as arrays, or the promise it breaks where it has no such form."""
    routes, dimensions = plan.routes, problem.vehicles.capacity.shape[1]
    counts = [len(route.stops) for route in routes]
    for route, count in zip(routes, counts, strict=True):
        if not len(route.arrivals) == len(route.begins) == len(route.departures) == count:
            return SHIFT
        if len(route.load) != dimensions:
            return VEHICLE
    if (progress := problem.progress) is not None:
        for route in routes:
            if not 0 <= route.vehicle < len(progress.done):
                return VEHICLE
            done = progress.done[route.vehicle]
            if done and not _kept(route, done, progress.driven[route.vehicle]):
                return DRIVEN
    first = np.zeros(len(routes) + 1, np.int64)
    np.cumsum(counts, out=first[1:])
    return Told(
        vehicle=_whole([route.vehicle for route in routes]),
        leaves=_whole([route.leaves for route in routes]),
        ends=_whole([route.ends for route in routes]),
        metres=_whole([route.distance for route in routes]),
        costs=np.array([route.cost for route in routes], np.float64),
        first=first,
        load=_whole(chain.from_iterable([route.load for route in routes])).reshape(len(routes), dimensions),
        stop=_whole(chain.from_iterable([route.stops for route in routes])),
        arrival=_whole(chain.from_iterable([route.arrivals for route in routes])),
        begin=_whole(chain.from_iterable([route.begins for route in routes])),
        departure=_whole(chain.from_iterable([route.departures for route in routes])),
        dropped=_whole([drop.stop for drop in plan.dropped]),
    )


def _kept(route: Route, done: tuple[int, ...], driven: tuple[tuple[int, int, int], ...]) -> bool:
    """Whether the route begins with what is driven."""
    count = len(done)
    if tuple(route.stops[:count]) != tuple(done):
        return False
    return tuple(zip(route.arrivals[:count], route.begins[:count], route.departures[:count], strict=True)) == driven


def _whole(values: Iterable[int]) -> Ints:
    """int64. Raises TypeError for what is no whole number, OverflowError for what has no room."""
    return np.asarray(array("q", list(values))).view(np.int64)


def _asked(problem: Problem) -> Asked:
    stops, vehicles, progress = problem.stops, problem.vehicles, problem.progress
    fleet = len(vehicles.ids)
    if progress is None:
        done, ready, left = np.zeros(fleet, np.int64), np.full(fleet, -(2**62), np.int64), np.full(fleet, -1, np.int64)
        aboard, held = np.full(len(stops.ids), ON_EVERY_VEHICLE, np.int64), np.zeros(vehicles.capacity.shape, np.int64)
    else:
        done = np.array([len(stops) for stops in progress.done], np.int64)
        ready, left, aboard, held = map(_int64, (progress.ready, progress.left, progress.aboard, progress.held))
    return Asked(
        opens=_int64(stops.opens),
        closes=_int64(stops.closes),
        service=_int64(stops.service),
        delivery=_int64(stops.delivery),
        pickup=_int64(stops.pickup),
        carried=_int64(stops.carried),
        partner=_int64(stops.partner),
        need=_int64(stops.skills),
        start=_int64(vehicles.start),
        end=_int64(vehicles.end),
        capacity=_int64(vehicles.capacity),
        shift_opens=_int64(vehicles.opens),
        shift_closes=_int64(vehicles.closes),
        duration_max=_int64(vehicles.duration_max),
        distance_max=_int64(vehicles.distance_max),
        stops_max=_int64(vehicles.stops_max),
        fixed=_float64(vehicles.fixed_cost),
        per_metre=_float64(vehicles.cost_per_metre),
        per_second=_float64(vehicles.cost_per_second),
        profile=_int64(vehicles.profile),
        skills=_int64(vehicles.skills),
        depot_opens=_int64(problem.depot_opens),
        depot_closes=_int64(problem.depot_closes),
        distance=np.ascontiguousarray(problem.distance, np.int32),
        duration=np.ascontiguousarray(problem.duration, np.int32),
        speed=NO_SPEEDS if problem.speed is None else _float64(problem.speed),
        done=done,
        ready=ready,
        left=left,
        aboard=aboard,
        held=held,
    )


def _int64(values: Any) -> Ints:
    return np.ascontiguousarray(values, np.int64)


def _float64(values: Any) -> Floats:
    return np.ascontiguousarray(values, np.float64)
