"""Published instances as requests, and plans made as PlanRoutes makes them: step by step, bytes in and bytes out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from model_repo.datasets.vrp_files import Instance
from model_repo.evaluate.route.problems import HIERARCHICAL
from serving.core.clock import SystemClock
from serving.core.errors import InvalidInput
from serving.decisions.route.contract import PlanAnswer
from serving.decisions.route.matrix import Tables, Travels
from serving.decisions.route.params import Limits, Params
from serving.decisions.route.problem import STOPS_MAX, VEHICLES_MAX, Engine, Plan, Problem
from serving.decisions.route.service import RoutingService
from serving.transport.plan_steps import PlanSteps
from serving.transport.routing_codec import decode_plan, encode_plan
from storegate.v1 import routing_pb2 as pb

DEGREES_MAX: Final = 50.0
"""Coordinates of an instance are drawn as if they were degrees, no more than this."""
SECONDS_MAX: Final = 3600.0


def request_of(instance: Instance, objective: str = "") -> Any:
    """The PlanRoutesRequest; the instance's units of distance stand for metres and seconds."""
    scale = DEGREES_MAX / max(1.0, float(abs(instance.xy).max()))
    points = [pb.GeoPoint(longitude=x, latitude=y) for x, y in (instance.xy * scale).tolist()]
    n = len(instance.demand) - 1
    fixed = float(instance.distance.max()) * 2 * n if objective == HIERARCHICAL else 0.0
    request = pb.PlanRoutesRequest(
        depots=[pb.RouteDepot(depot_id="depot", point=points[0])],
        vehicles=[
            pb.RouteVehicle(
                vehicle_id=f"vehicle-{number + 1}",
                capacities=[instance.capacity],
                fixed_cost=fixed,
                cost_per_km=1000.0 if fixed else 0.0,
            )
            for number in range(instance.vehicles)
        ],
        profiles=[pb.TravelProfile(matrix=pb.TravelMatrix(distances_m=instance.distance.ravel().tolist()))],
    )
    windows = zip(instance.opens.tolist(), instance.closes.tolist(), strict=True)
    for number, (opens, closes) in enumerate(windows):
        window = pb.TimeWindow(start_s=opens, end_s=closes) if instance.windows else None
        if number == 0:
            if window is not None:
                request.depots[0].hours.CopyFrom(window)
            continue
        request.stops.add(
            stop_id=f"{number}", point=points[number], deliveries=[int(instance.demand[number])],
            service_s=int(instance.service[number]), windows=[window] if window is not None else [],
        )  # fmt: skip
    return request


def streamed(request: Any, engines: Sequence[Engine], seconds: float, threads: int, seed: int) -> tuple[Problem, Plan]:
    """The last plan of the stream, and the problem as it was read."""
    limits = Limits(stops_max=STOPS_MAX, vehicles_max=VEHICLES_MAX, seconds_max=SECONDS_MAX, threads=threads)
    service = RoutingService(engines, Travels(_no_tables, 1), Params(limits), SystemClock())
    request.time_limit_s, request.seed = seconds, seed
    steps = PlanSteps(request.SerializeToString(), limits, time.monotonic())
    best: PlanAnswer | None = None
    while (step := steps.next(time.monotonic())) is not None:
        answer = service.plan(decode_plan(step.payload), step.deadline)
        steps.took(encode_plan(answer), time.monotonic())
        if best is None or answer.plan.cost < best.plan.cost:
            best = answer
    assert best is not None  # the first step has a plan, or raises
    return best.problem, best.plan


def _no_tables() -> Tables:
    raise InvalidInput("table_server", "", "a matrix: a published instance has one")
