"""Stops and visits read from bytes: the kernels equal protobuf's own parser, object by object."""

from __future__ import annotations

import numpy as np

from serving.kernels.route_wire import (
    BYTES,
    DELIVERIES,
    FIXED32,
    FIXED64,
    NAMES,
    REFUSED,
    VARINT,
    RouteColumns,
    StopColumns,
    read_routes,
    read_runs,
    read_stops,
)
from storegate.v1 import routing_pb2 as pb

N = 40


def bytes_of(message: object) -> np.ndarray:
    return np.frombuffer(message.SerializeToString(), np.uint8)


def stop_columns(n: int, size: int) -> StopColumns:
    return StopColumns(
        np.empty(size, np.uint8), np.empty(size, np.uint8), np.empty((4, n), np.int64), np.empty(size, np.int64),
        np.empty(size, np.int64), np.empty((size, 2), np.int64), np.empty((n, 2)), np.empty(n), np.empty(n, np.int64),
        np.empty(n, np.int64), np.zeros(5, np.int64),
    )  # fmt: skip


def stops() -> list[pb.RouteStop]:
    rng = np.random.default_rng(3)
    found = []
    for number in range(N):
        stop = pb.RouteStop(stop_id=f"stop-{number}" * (number % 3), service_s=int(rng.integers(3)) * 10_000)
        stop.deliveries.extend((rng.integers(2**62, size=number % 4)).tolist())
        stop.pickups.extend(range(number % 2))
        stop.skills.extend(["lift", "cold"][: number % 3])
        if number % 5:
            stop.point.latitude, stop.point.longitude = rng.normal(size=2)
            stop.drop_penalty, stop.priority = rng.normal(), number
        for _ in range(number % 3):
            stop.windows.add(start_s=int(rng.integers(9)), end_s=int(rng.integers(2**31)))
        found.append(stop)
    return found


def test_stops_are_those_of_the_parser() -> None:
    rows = stops()
    wire = bytes_of(pb.PlanRoutesRequest(stops=rows))
    columns = stop_columns(N, len(wire))
    assert read_stops(wire, 0, len(wire), 0, columns) == N
    names, words, deliveries, pickups, windows = columns.used.tolist()
    assert columns.names[:names].tobytes() == b"".join(row.stop_id.encode() + b"\0" for row in rows)
    assert columns.words[:words].tobytes() == b"".join(word.encode() + b"\0" for row in rows for word in row.skills)
    counts = [(len(row.skills), len(row.deliveries), len(row.pickups), len(row.windows)) for row in rows]
    assert columns.counts.T.tolist() == [list(each) for each in counts]
    assert columns.deliveries[:deliveries].tolist() == [value for row in rows for value in row.deliveries]
    assert columns.pickups[:pickups].tolist() == [value for row in rows for value in row.pickups]
    assert columns.windows[:windows].tolist() == [[each.start_s, each.end_s] for row in rows for each in row.windows]
    points = [(row.point.latitude, row.point.longitude) if row.HasField("point") else (np.nan, np.nan) for row in rows]
    assert np.array_equal(columns.points, points, equal_nan=True)
    assert columns.penalty.tolist() == [row.drop_penalty if row.HasField("drop_penalty") else np.inf for row in rows]
    assert columns.service.tolist() == [row.service_s for row in rows]
    assert columns.priority.tolist() == [row.priority for row in rows]


def test_stops_are_added_behind_those_that_are_there_until_the_columns_are_full() -> None:
    rows = stops()
    first, second = (bytes_of(pb.PlanRoutesRequest(stops=part)) for part in (rows[:30], rows[30:]))
    columns = stop_columns(N, len(first) + len(second))
    assert read_stops(first, 0, len(first), 0, columns) == 30
    used = columns.used.copy()
    assert read_stops(second, 0, len(second), 30, columns) == N
    assert (columns.used[[NAMES, DELIVERIES]] > used[[NAMES, DELIVERIES]]).all()
    assert columns.service.tolist() == [row.service_s for row in rows]
    assert read_stops(second, 0, len(second), N, columns) == REFUSED
    assert read_stops(first, 0, len(first), 0, stop_columns(N, 60)) == REFUSED


def test_visits_are_those_of_the_parser() -> None:
    rng = np.random.default_rng(5)
    plan = pb.RoutePlan()
    for number in range(6):
        visits = [
            pb.RouteVisit(stop_id=f"stop-{i}", arrival_s=i, begin_s=int(rng.integers(2**31)), departure_s=300 * i)
            for i in range(number)
        ]
        plan.routes.add(
            vehicle_id=f"van-{number}", visits=visits, leaves_s=number, ends_s=70_000, distance_m=2**40, waiting_s=1,
            start_loads=[1, 300], cost=1.5, done=2,
        )  # fmt: skip
    wire = bytes_of(plan)
    size, count = len(wire), len(plan.routes)
    columns = RouteColumns(
        np.empty(size, np.uint8), np.empty(size, np.uint8), np.empty(count, np.int64), np.empty((3, size), np.int64),
        np.empty((2, count), np.int64), np.zeros(3, np.int64),
    )  # fmt: skip
    assert read_routes(wire, 0, size, columns) == count
    vehicles, stops, visits = columns.used.tolist()
    assert columns.vehicles[:vehicles].tobytes() == b"".join(b"van-%d\0" % number for number in range(6))
    every = [visit for route in plan.routes for visit in route.visits]
    assert columns.stops[:stops].tobytes() == b"".join(visit.stop_id.encode() + b"\0" for visit in every)
    assert columns.counts.tolist() == list(range(6))
    assert columns.times[:, :visits].T.tolist() == [[one.arrival_s, one.begin_s, one.departure_s] for one in every]
    assert columns.ends.T.tolist() == [[route.leaves_s, route.ends_s] for route in plan.routes]


def test_neighbours_of_one_number_and_kind_are_one_run() -> None:
    fields = b"\x0a\x01a", b"\x0a\x00", b"\x08\x80\x01", b"\xc1\x3e" + bytes(8), b"\x0d" + bytes(4), b"\x0a\x00"
    wire = np.frombuffer(b"".join(fields), np.uint8)
    out = np.empty((5, 5), np.int64)
    assert read_runs(wire, 0, len(wire), out) == 5
    assert out.tolist() == [
        [1, BYTES, 0, 5, 2], [1, VARINT, 5, 8, 1], [1000, FIXED64, 8, 18, 1], [1, FIXED32, 18, 23, 1],
        [1, BYTES, 23, 25, 1],
    ]  # fmt: skip
    assert read_runs(wire, 0, len(wire), out[:4]) == REFUSED
    assert [read_runs(wire, 0, end, out) for end in (2, 7, 9, 17, 22)] == [REFUSED] * 5
