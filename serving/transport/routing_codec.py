"""PlanRoutes and ReplanRoutes: messages of storegate.v1 to columns, plans to messages.

Columns, not an object a stop: a running plan of a thousand stops is to be changed within milliseconds. Most are read
from the bytes (route_columns.py), the rest by the parser, which makes the same of all where they cannot be. What the
columns say is checked by decisions/route/building.py; here only what must be known before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from serving.core.errors import InvalidInput
from serving.decisions.route.contract import (
    ALWAYS,
    CHANGES_MAX,
    ClosedRoad,
    Delay,
    Depots,
    GreatCircle,
    Matrix,
    PlanAnswer,
    PlanQuery,
    Profile,
    Ragged,
    ReplanQuery,
    RouteRows,
    Served,
    Shipment,
    StopRows,
    Travel,
    Vehicle,
    Whereabouts,
    Window,
)
from serving.decisions.route.problem import DEPOTS_MAX, PROFILES_MAX, STOPS_MAX, VEHICLES_MAX, Reason
from serving.decisions.route.problem import Route as DomainRoute
from serving.decisions.route.sent import as_sent
from serving.transport import checks
from serving.transport.plan_part import part_of
from serving.transport.route_columns import PLAN, REPLAN, Left, Taken, taken
from serving.transport.route_matrices import Numbers, lifted, varint
from storegate.v1 import routing_pb2 as pb

F64 = npt.NDArray[np.float64]
NOWHERE: Final = (math.nan, math.nan)
PROBLEM: Final = (1,)
"""Where a ReplanRoutesRequest has it."""
NAME_BYTES_MAX: Final = 128
REQUEST_ID_BYTES_MAX: Final = 256


def decode_plan(payload: bytes) -> PlanQuery:
    """The columns of the request. Raises InvalidInput naming the field."""
    try:
        parts = taken(payload, PLAN)
        query = _query(pb.PlanRoutesRequest.FromString(parts.rest), parts, parts.routes)
        return replace(query, part=part_of(payload))
    except (Left, DecodeError):
        parts = Taken(*lifted(payload))
    query = _query(checks.parsed(pb.PlanRoutesRequest.FromString, "PlanRoutesRequest", parts.rest), parts)
    return replace(query, part=part_of(payload))


def encode_plan(answer: PlanAnswer) -> bytes:
    """The serialised PlanRoutesResponse, without what the stream says of itself."""
    message = pb.PlanRoutesResponse(request_id=answer.request_id)
    _write_plan(answer, message.plan)
    return checks.wire(message)


def decode_replan(payload: bytes) -> ReplanQuery:
    """The columns of the request. Raises InvalidInput naming the field."""
    try:
        parts = taken(payload, REPLAN)
        return _replan(pb.ReplanRoutesRequest.FromString(parts.rest), parts)
    except (Left, DecodeError):
        parts = Taken(*lifted(payload, PROBLEM))
    return _replan(checks.parsed(pb.ReplanRoutesRequest.FromString, "ReplanRoutesRequest", parts.rest), parts)


def encode_replan(answer: PlanAnswer) -> bytes:
    """The serialised ReplanRoutesResponse."""
    message = pb.ReplanRoutesResponse(changed_vehicle_ids=answer.changed, request_id=answer.request_id)
    _write_plan(answer, message.plan)
    return checks.wire(message)


def plan_units(payload: bytes) -> int:
    """Of work: 1 for every 64 KiB of the request."""
    return 1 + len(payload) // 65_536


def plan_message(answer: PlanAnswer) -> Any:
    """A RoutePlan."""
    message = pb.RoutePlan()
    _write_plan(answer, message)
    return message


def _write_plan(answer: PlanAnswer, message: Any) -> None:
    """Into a RoutePlan where it stands: a part that is made before its whole is copied into it, visit by visit."""
    problem, plan = answer.problem, answer.plan
    stops, vehicles = problem.stops.ids, problem.vehicles.ids
    penalty = problem.stops.penalty
    left_out = sum(float(penalty[one.stop]) for one in plan.dropped if math.isfinite(penalty[one.stop]))
    for route in plan.routes:
        _write_route(route, stops, vehicles[route.vehicle], message.routes.add())
    for one in plan.dropped:
        message.dropped.add(stop_id=stops[one.stop], reason=str(one.reason), detail=one.detail)
    message.cost, message.penalty = plan.routes_cost, left_out
    message.distance_m, message.duration_s, message.engine = plan.distance, plan.duration, plan.engine
    if plan.bound is not None:
        message.lower_bound = plan.bound
        if plan.bound > 0:
            message.gap_pct = max(0.0, 100.0 * (plan.routes_cost + left_out - plan.bound) / plan.bound)


def _write_route(route: DomainRoute, stops: Sequence[str], vehicle: str, message: Any) -> None:
    message.vehicle_id = vehicle
    add = message.visits.add
    for stop, arrival, begin, departure in zip(
        route.stops, route.arrivals, route.begins, route.departures, strict=True
    ):
        add(stop_id=stops[stop], arrival_s=arrival, begin_s=begin, departure_s=departure)
    message.leaves_s, message.ends_s, message.distance_m = route.leaves, route.ends, route.distance
    message.waiting_s, message.cost, message.done = route.waiting, route.cost, route.done
    message.start_loads.extend(route.load)


def _replan(request: Any, parts: Taken) -> ReplanQuery:
    """parts: what is not in the request. Raises Left, and InvalidInput."""
    _at_most("changes", len(request.changes), CHANGES_MAX)
    problem = request.problem  # nobody else reads it
    own = len(problem.stops) if parts.stops is None else parts.stops.count, len(problem.closed_roads)
    new_stops: dict[str, Any] = {}  # by the field that brings it
    new_roads: list[str] = []
    cancelled = [  # earlier: they do not come back
        (f"plan.dropped[{number}].stop_id", one.stop_id)
        for number, one in enumerate(request.plan.dropped)
        if one.reason == Reason.CANCELLED
    ]
    delays: list[tuple[str, Delay]] = []
    for number, change in enumerate(request.changes):
        field, kind = f"changes[{number}]", change.WhichOneof("change")
        if kind == "new_stop":
            new_stops[f"{field}.new_stop"] = change.new_stop
        elif kind == "closed_road":
            problem.closed_roads.append(change.closed_road)
            new_roads.append(f"{field}.closed_road")
        elif kind == "cancelled_stop_id":
            cancelled.append((f"{field}.cancelled_stop_id", change.cancelled_stop_id))
        elif kind == "delay":
            delays.append((f"{field}.delay", Delay(change.delay.vehicle_id, change.delay.delay_s)))
        else:
            raise InvalidInput(field, "nothing", "new_stop, cancelled_stop_id, delay or closed_road")
    _at_most("progress", len(request.progress), VEHICLES_MAX)
    try:
        query = _query(problem, parts, new=tuple(new_stops.values()))
    except InvalidInput as error:
        raise as_sent(error, (own[0], tuple(new_stops)), (own[1], new_roads)) from None
    return ReplanQuery(
        query=replace(query, start=()),
        plan=_routes("plan", request.plan, parts.routes),
        dropped=tuple([one.stop_id for one in request.plan.dropped]),
        now=checks.whole("now_s", request.now_s, 0),
        progress=tuple([Whereabouts(one.vehicle_id, one.done, one.ready_s) for one in request.progress]),
        cancelled=tuple(cancelled),
        delays=tuple(delays),
        new_stops=tuple(new_stops),
        new_roads=tuple(new_roads),
        interchangeable=request.interchangeable_goods,
        request_id=checks.text("request_id", request.request_id, REQUEST_ID_BYTES_MAX),
    )


def _query(
    request: Any, parts: Taken, start: tuple[RouteRows, ...] | None = None, new: Sequence[Any] = ()
) -> PlanQuery:
    """parts, start: what is not in the request. new: stops beside its own. Raises Left, and InvalidInput."""
    stops = [*request.stops, *new] if parts.stops is None else []  # a list: each stop's object is made once
    count = len(stops) if parts.stops is None else parts.stops.count + len(new)
    for name, many, most in (
        ("depots", len(request.depots), DEPOTS_MAX),
        ("vehicles", len(request.vehicles), VEHICLES_MAX),
        ("stops", count, STOPS_MAX),
        ("profiles", len(request.profiles), PROFILES_MAX),
        ("shipments", len(request.shipments), count),
        ("closed_roads", len(request.closed_roads), count * 10),
    ):
        _at_most(name, many, most)
    depots, numbers = request.depots, parts.numbers
    return PlanQuery(
        depots=Depots(
            tuple([one.depot_id for one in depots]),
            _points("depots", depots),
            [_window(one.hours) if one.HasField("hours") else ALWAYS for one in depots],
        ),
        vehicles=tuple([_vehicle(one) for one in request.vehicles]),
        stops=_stops(stops) if parts.stops is None else parts.stops.rows(new),
        shipments=tuple(
            [Shipment(one.pickup_stop_id, one.delivery_stop_id, tuple(one.loads)) for one in request.shipments]
        ),
        profiles=tuple(
            [_profile(f"profiles[{number}]", one, numbers.get(number)) for number, one in enumerate(request.profiles)]
        ),
        closed=tuple([ClosedRoad(one.from_id, one.to_id, one.both_ways) for one in request.closed_roads]),
        seconds=request.time_limit_s,
        seed=request.seed,
        start=_routes("start", request.start, start),
        request_id=checks.text("request_id", request.request_id, REQUEST_ID_BYTES_MAX),
        bound=request.start.lower_bound if request.start.HasField("lower_bound") else None,
    )


def _stops(stops: Any) -> StopRows:
    return StopRows(
        ids=tuple([one.stop_id for one in stops]),
        points=_points("stops", stops),
        deliveries=_ragged([one.deliveries for one in stops]),
        pickups=_ragged([one.pickups for one in stops]),
        windows=_windows([one.windows for one in stops]),
        service=[one.service_s for one in stops],
        skills=[tuple(skills) if (skills := one.skills) else () for one in stops],
        penalty=[one.drop_penalty if one.HasField("drop_penalty") else None for one in stops],
        priority=[one.priority for one in stops],
    )


def _ragged(columns: Sequence[Sequence[int]]) -> Ragged:
    return list(chain.from_iterable(columns)), list(map(len, columns))


def _windows(columns: Sequence[Sequence[Any]]) -> Ragged:
    flat = [value for each in chain.from_iterable(columns) for value in (each.start_s, each.end_s)]
    return flat, [2 * len(each) for each in columns]


def _vehicle(one: Any) -> Vehicle:
    return Vehicle(
        vehicle_id=one.vehicle_id,
        start=one.start_depot_id,
        end=one.end_depot_id,
        ends_anywhere=one.ends_anywhere,
        capacities=tuple(one.capacities),
        shift=_window(one.shift) if one.HasField("shift") else ALWAYS,
        skills=tuple(one.skills),
        duration_max=one.duration_s_max,
        distance_max=one.distance_m_max,
        stops_max=one.stops_max,
        fixed_cost=one.fixed_cost,
        cost_per_km=one.cost_per_km,
        cost_per_hour=one.cost_per_hour,
        profile=one.profile,
    )


def _points(owner: str, rows: Any) -> F64:
    """(n, 2) degrees; NaN where none is given."""
    points = np.array([(at.latitude, at.longitude) for at in [one.point for one in rows]], np.float64).reshape(-1, 2)
    for number in np.flatnonzero(~points.any(1)):  # 0 and 0, or nothing
        if not rows[number].HasField("point"):
            points[number] = NOWHERE
    for number in np.flatnonzero(np.isnan(points).any(1)):
        for name, value in zip(("latitude", "longitude"), points[number], strict=True):
            if rows[number].HasField("point") and math.isnan(value):
                raise InvalidInput(f"{owner}[{number}].point.{name}", float(value), "a number of degrees")
    return points


def _profile(field: str, one: Any, numbers: Numbers | None) -> Profile:
    kind = one.WhichOneof("travel")
    travel: Travel = GreatCircle()
    if kind == "matrix":
        if numbers is None:
            numbers = packed_doubles(one.matrix)
        travel = Matrix(numbers.get(1, np.empty(0)), numbers.get(2), one.matrix.symmetric)
    elif kind == "great_circle":
        travel = GreatCircle(tuple(one.great_circle.speeds_kmh), one.great_circle.detour_factor)
    elif kind == "table_server":
        named = checks.text(f"{field}.table_server.server_profile", one.table_server.server_profile, NAME_BYTES_MAX)
        travel = Served(named)
    return Profile(checks.text(f"{field}.name", one.name, NAME_BYTES_MAX), travel, tuple(one.speed_factors))


def packed_doubles(message: Any) -> dict[int, F64]:
    """The packed fields of doubles of a message without other fields of variable length, by number.

    Through the wire format, in which they lie as an array does: a list of a million numbers would take a second.
    """
    message.DiscardUnknownFields()
    wire, at = checks.wire(message), 0
    found: dict[int, F64] = {}
    while at < len(wire):
        key, at = varint(wire, at)
        length, at = varint(wire, at)
        if key & 7 == 2:
            found[key >> 3] = np.frombuffer(wire, "<f8", length // 8, at)
            at += length
    return found


def _routes(field: str, plan: Any, rows: tuple[RouteRows, ...] | None) -> tuple[RouteRows, ...]:
    """rows: None = they are in the plan."""
    _at_most(f"{field}.routes", len(plan.routes), VEHICLES_MAX)
    _at_most(f"{field}.dropped", len(plan.dropped), STOPS_MAX)
    return tuple([_route(one) for one in plan.routes]) if rows is None else rows


def _route(one: Any) -> RouteRows:
    visits = [(each.stop_id, each.arrival_s, each.begin_s, each.departure_s) for each in one.visits]
    stops, arrivals, begins, departures = zip(*visits, strict=True) if visits else ((), (), (), ())
    return RouteRows(one.vehicle_id, stops, arrivals, begins, departures, one.leaves_s, one.ends_s)


def _window(window: Any) -> Window:
    return window.start_s, window.end_s


def _at_most(field: str, many: int, most: int) -> None:
    if many > most:
        raise InvalidInput(field, f"{many} {field.rpartition('.')[2]}", f"at most {most}", reason="WRONG_COUNT")
