"""`python -m loadtests.replan`: one change of a running plan in this process, from the request's bytes to the answer's.

A town with vehicles on their way: a stop comes, or one is cancelled, another one in every call. Three kinds of travel:
by coordinates that nobody has asked for before, by coordinates whose distances are kept from the call before (a new
stop is never among them), and by a matrix in the request. Beside them the kernels of the great circles, alone.

Ends with 1 when a promise of the project is broken.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import click
import numpy as np
import numpy.typing as npt
from rich import box
from rich.table import Table

from loadtests.bench.report import Result, Row
from loadtests.telling import tell
from serving.adapters.osrm_table import OsrmTable
from serving.core.clock import NEVER, SystemClock
from serving.core.errors import StoregateError
from serving.core.turn import Turn
from serving.decisions.route.contract import SPEED_KMH
from serving.decisions.route.matrix import Travels
from serving.decisions.route.params import Params
from serving.decisions.route.problem import FAR
from serving.decisions.route.search import Search
from serving.decisions.route.service import RoutingService
from serving.kernels.haversine import RADIUS_M, haversine, legs_of
from serving.runtime.process import settle
from serving.transport import route_columns
from serving.transport.routing_codec import decode_plan, decode_replan, encode_plan, encode_replan
from storegate.v1 import routing_pb2 as pb

F64 = npt.NDArray[np.float64]
TURN: Final = Turn(0.0, NEVER, 0.0)
LIMITS_MS: Final = {200: 2.0, 1000: 10.0}
"""The promises, p99, by stops; other sizes have none."""
HAVERSINE_MS: Final = 10.0
"""Likewise, of 1,000 x 1,000."""
MATRIX_POINTS: Final = 1000
STOPS_A_VEHICLE: Final = 20
NOW_S: Final = 10 * 3600
OPEN_S, SHUT_S = 8 * 3600, 20 * 3600
TOWN_DEG: Final = 0.15
"""A town is so high and wide; in the middle is the depot."""
TRAVELS: Final = ("coordinates", "coordinates kept", "matrix")
CHANGES: Final = ("insert", "cancel")
WARM_CALLS: Final = 20


@dataclass(frozen=True, slots=True)
class Town:
    """request: a plan that runs, without changes. points: (1 + n + 1, 2), the last one for a new stop. later: ids of
    the stops that nobody has driven to."""

    request: Any
    points: F64
    later: tuple[str, ...]


def service_of(kept: int) -> RoutingService:
    """kept: tables of distances, as in the settings."""
    clock, params = SystemClock(), Params()
    travels = Travels(lambda: OsrmTable(params.table, clock), kept)
    service = RoutingService([Search()], travels, params, clock)
    service.warm_replan()
    route_columns.warm()
    return service


def town_of(stops: int, seed: int, seconds: float = 1.0) -> Town:
    """Planned by the engine of the service, for so many seconds."""
    rng = np.random.default_rng(seed)
    points = 51.5 + rng.uniform(-TOWN_DEG, TOWN_DEG, (stops + 2, 2))
    points[0] = 51.5
    problem = pb.PlanRoutesRequest(time_limit_s=seconds, seed=seed)
    problem.depots.add(depot_id="hub", point=_point(points[0]))
    fleet = stops // STOPS_A_VEHICLE + 3
    for number in range(fleet):
        vehicle = problem.vehicles.add(vehicle_id=f"van-{number}", capacities=[STOPS_A_VEHICLE * 6], cost_per_km=0.5)
        vehicle.shift.start_s, vehicle.shift.end_s, vehicle.cost_per_hour = OPEN_S, SHUT_S, 20.0
    for number in range(stops):
        problem.stops.append(_stop(f"stop-{number}", points[1 + number], rng))
    service = RoutingService([Search()], Travels(_none, 1), Params(), SystemClock())
    (answer,) = service.run_plan([decode_plan(problem.SerializeToString())], TURN)
    if isinstance(answer, StoregateError):
        raise answer
    plan = pb.PlanRoutesResponse.FromString(encode_plan(answer)).plan
    request = pb.ReplanRoutesRequest(problem=problem, plan=plan, now_s=NOW_S, interchangeable_goods=True)
    later = tuple(visit.stop_id for route in plan.routes for visit in route.visits if visit.arrival_s > NOW_S + 3600)
    return Town(request, points, later)


def _none() -> Any:
    raise AssertionError("there is no table server")


def _point(at: F64) -> Any:
    return pb.GeoPoint(latitude=at[0], longitude=at[1])


def _stop(name: str, at: F64, rng: np.random.Generator) -> Any:
    opens = int(rng.integers(OPEN_S, SHUT_S - 5 * 3600))
    return pb.RouteStop(
        stop_id=name, point=_point(at), deliveries=[int(rng.integers(1, 9))], service_s=180, drop_penalty=500.0,
        windows=[pb.TimeWindow(start_s=opens, end_s=opens + 4 * 3600)],
    )  # fmt: skip


def asked(town: Town, travel: str, change: str, seed: int) -> bytes:
    """One request, of a stop drawn by `seed`."""
    rng = np.random.default_rng(seed)
    request = pb.ReplanRoutesRequest()
    request.CopyFrom(town.request)
    points = town.points if change == "insert" else town.points[:-1]
    if change == "insert":
        points = points.copy()
        points[-1] = 51.5 + rng.uniform(-TOWN_DEG, TOWN_DEG, 2)
        new = _stop("new", points[-1], rng)
        new.windows[0].start_s, new.windows[0].end_s = NOW_S, SHUT_S
        request.changes.add(new_stop=new)
    else:
        request.changes.add(cancelled_stop_id=town.later[rng.integers(len(town.later))])
    if travel == "matrix":
        metres = np.empty((len(points), len(points)))
        haversine(points[:, 0], points[:, 1], points[:, 0], points[:, 1], metres)
        matrix = request.problem.profiles.add(name="car").matrix
        matrix.distances_m.extend(metres.ravel().tolist())
        matrix.durations_s.extend((metres / (SPEED_KMH / 3.6)).ravel().tolist())
    return request.SerializeToString()


def answered(service: RoutingService, payload: bytes) -> bytes:
    """From the request's bytes to the answer's. Raises StoregateError."""
    (answer,) = service.run_replan([decode_replan(payload)], TURN)
    if isinstance(answer, StoregateError):
        raise answer
    return encode_replan(answer)


def checked(change: str, stops: int, answer: bytes) -> None:
    """Every stop is where it should be."""
    plan = pb.ReplanRoutesResponse.FromString(answer).plan
    visits = sum(len(route.visits) for route in plan.routes)
    cancelled = sum(one.reason == "cancelled" for one in plan.dropped)
    assert visits + len(plan.dropped) == stops + (change == "insert")
    assert cancelled == (change == "cancel")


def timed_calls(call: Callable[[int], object], calls: int, warm: int) -> Row:
    """Milliseconds of calls 0, 1, ...: p50, p99, and p50 and p99 of the CPU of this thread."""
    for number in range(warm):
        call(number)
    wall, cpu = np.empty(calls), np.empty(calls)
    for number in range(calls):
        began, worked = time.perf_counter_ns(), time.thread_time_ns()
        call(number)
        wall[number], cpu[number] = time.perf_counter_ns() - began, time.thread_time_ns() - worked
    quantiles = np.quantile(np.stack([wall, cpu]), [0.5, 0.99], axis=1) / 1e6
    (p50, cpu_p50), (p99, cpu_p99) = quantiles.tolist()
    return {
        "p50_ms": round(p50, 3), "p99_ms": round(p99, 3), "cpu_p50_ms": round(cpu_p50, 3),
        "cpu_p99_ms": round(cpu_p99, 3), "calls": calls,
    }  # fmt: skip


def measured(stops: int, calls: int, seed: int) -> Iterator[Row]:
    """Every kind of travel with every change."""
    town = town_of(stops, seed)
    for travel in TRAVELS:
        service = service_of(kept=0 if travel == "coordinates" else 8)
        for change in CHANGES:
            # a request with a matrix has megabytes: a few of them, in turn
            different = calls if travel != "matrix" else 5
            payloads = [asked(town, travel, change, seed + number) for number in range(different)]
            for payload in payloads[:5]:
                checked(change, stops, answered(service, payload))
            settle()  # as every process that answers does
            row = timed_calls(
                lambda number, payloads=payloads, service=service: answered(service, payloads[number % len(payloads)]),  # type: ignore[misc]
                calls, WARM_CALLS,
            )  # fmt: skip
            yield {"name": change, "travel": travel, "stops": stops, "limit_ms": LIMITS_MS.get(stops), **row}


def kernels(calls: int, seed: int) -> Iterator[Row]:
    """Great circles between 1,000 points and themselves."""
    lat, lon = np.random.default_rng(seed).uniform(-TOWN_DEG, TOWN_DEG, (2, MATRIX_POINTS))
    metres = np.empty((MATRIX_POINTS, MATRIX_POINTS))
    whole, seconds = np.empty((2, MATRIX_POINTS, MATRIX_POINTS), np.int32)
    for name, call in (
        ("haversine matrix", lambda _: haversine(lat, lon, lat, lon, metres)),
        ("metres and seconds", lambda _: legs_of(lat, lon, 1.0, 10.0, FAR, whole, seconds)),
    ):
        row = timed_calls(call, calls, 3)
        assert 0 < metres.max() < 2 * RADIUS_M
        yield {"name": name, "travel": "", "stops": MATRIX_POINTS, "limit_ms": HAVERSINE_MS, **row}


def broken(rows: list[Row]) -> list[str]:
    """Promises that do not hold."""
    return [
        f"{row['name']} {row['travel']} at {row['stops']}: p99 {row['p99_ms']} ms, promised: {row['limit_ms']:g}"
        for row in rows
        if row["limit_ms"] is not None and row["p99_ms"] > row["limit_ms"]  # type: ignore[operator]
    ]


@click.command()
@click.option("--stops", default="200,1000", show_default=True, help="Sizes of the towns, by commas.")
@click.option("--calls", default=500, show_default=True, type=click.IntRange(10), help="Of each kind.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--json", is_flag=True, help="One JSON object instead of a table.")
def main(stops: str, calls: int, seed: int, json: bool) -> None:
    """How long a change of a running plan takes."""
    began = time.perf_counter()
    try:
        sizes = [int(each) for each in stops.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not all(20 <= size <= 1000 for size in sizes):
        raise click.BadParameter(f"{stops!r}: whole numbers from 20 to 1000, by commas", param_hint="--stops")
    rows = list(kernels(max(calls // 5, 10), seed))
    for size in sizes:
        click.echo(f"changing plans of {size} stops", err=True)
        rows += measured(size, calls, seed)
    table = Table(title="changes of a running plan, one process", box=box.SIMPLE_HEAD)
    names = ("name", "travel", "stops", "p50_ms", "p99_ms", "limit_ms", "cpu_p50_ms", "cpu_p99_ms")
    for name in names:
        table.add_column(name, justify="left" if name in ("name", "travel") else "right")
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in names))
    command = f"python -m loadtests.replan --stops {stops} --calls {calls} --seed {seed}"
    setup = {"cores": len(os.sched_getaffinity(0)), "stops_a_vehicle": STOPS_A_VEHICLE}
    tell(Result(command, {"name": "a made-up town"}, seed, setup, rows, time.perf_counter() - began, broken(rows)),
         table, json=json)  # fmt: skip


if __name__ == "__main__":
    main()
