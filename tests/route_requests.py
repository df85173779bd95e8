"""Random routing requests, and what is read of their bytes: by the kernels, and by the parser alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from serving.core.errors import InvalidInput
from serving.transport import route_columns, route_matrices, routing_codec
from serving.transport.route_columns import PLAN, REPLAN, Left, Tree, taken
from serving.transport.route_matrices import LARGE_BYTES
from storegate.v1 import routing_pb2 as pb

DECODE: dict[Any, Callable[[bytes], Any]] = {
    pb.PlanRoutesRequest: routing_codec.decode_plan, pb.ReplanRoutesRequest: routing_codec.decode_replan
}  # fmt: skip
TREES: dict[Any, Tree] = {pb.PlanRoutesRequest: PLAN, pb.ReplanRoutesRequest: REPLAN}
MALFORMED = "MALFORMED_MESSAGE"
WORDS = ["a", "stop-1", "x" * 130, "", "caf\u00e9", "\u6771\u4eac \U0001f69a", "b c"]
USUAL = [0, 1, 5, 127, 128, 16_384, 2**31 - 1]
DOUBLES = [0.0, -0.0, 51.5, -180.0, 1e300]


class Draw:
    """Random messages. odd: how often a value is one that the parser alone reads."""

    def __init__(self, seed: int, odd: float) -> None:
        self.rng, self.odd = np.random.default_rng(seed), odd

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def one(self, usual: list[Any], odd: list[Any]) -> Any:
        among = odd if self.chance(self.odd) else usual
        return among[self.rng.integers(len(among))]

    def word(self) -> str:
        return self.one(WORDS, ["nul\0nul"])

    def whole(self) -> int:
        return self.one(USUAL, [-1, -(2**31)])

    def double(self) -> float:
        return self.one(DOUBLES, [float("nan"), float("inf"), -float("inf")])

    def many(self, draw: Callable[[], Any], most: int = 3) -> list[Any]:
        return [draw() for _ in range(self.rng.integers(most + 1))]

    def point(self) -> Any:
        fields = {name: self.double() for name in ("latitude", "longitude") if self.chance(0.8)}
        return pb.GeoPoint(**fields)

    def window(self) -> Any:
        return pb.TimeWindow(**{name: self.whole() for name in ("start_s", "end_s") if self.chance(0.8)})

    def stop(self) -> Any:
        stop = pb.RouteStop(stop_id=self.word())
        if self.chance(0.7):
            stop.point.CopyFrom(self.point())
        for name in ("deliveries", "pickups"):
            if self.chance(0.6):
                getattr(stop, name).extend(self.many(lambda: self.one([*USUAL, 10**12, 2**63 - 1], [-(2**63)]), 8))
        stop.windows.extend(self.many(self.window, self.one([2], [9])))
        if self.chance(0.3):
            stop.skills.extend(self.many(self.word))
        if self.chance(0.5):
            stop.drop_penalty = self.double()
        stop.service_s, stop.priority = self.whole(), self.whole()
        return stop

    def plan(self) -> Any:
        plan = pb.RoutePlan(cost=self.double(), engine=self.word(), distance_m=self.whole())
        for _ in range(self.rng.integers(4)):
            visits = self.many(
                lambda: pb.RouteVisit(
                    stop_id=self.word(), arrival_s=self.whole(), begin_s=self.whole(), departure_s=self.whole()
                )
            )
            plan.routes.add(
                vehicle_id=self.word(), visits=visits, leaves_s=self.whole(), ends_s=self.whole(), cost=self.double(),
                distance_m=self.whole(), waiting_s=self.whole(), start_loads=self.many(self.whole), done=self.whole(),
            )  # fmt: skip
        for _ in range(self.rng.integers(3)):
            plan.dropped.add(stop_id=self.word(), reason=self.one(["no-time-left"], ["cancelled"]))
        if self.chance(0.3):
            plan.lower_bound = self.double()
        return plan

    def problem(self) -> Any:
        problem = pb.PlanRoutesRequest(time_limit_s=self.double(), seed=3, request_id=self.word())
        for _ in range(self.rng.integers(3)):
            problem.depots.add(depot_id=self.word(), point=self.point(), hours=self.window())
        for _ in range(self.rng.integers(3)):
            problem.vehicles.add(vehicle_id=self.word(), capacities=self.many(self.whole), shift=self.window())
        problem.stops.extend(self.many(self.stop, 6))
        if self.chance(0.3):
            problem.shipments.add(pickup_stop_id=self.word(), delivery_stop_id=self.word(), loads=[1])
        if self.chance(0.3):
            problem.profiles.add(name=self.word(), matrix=pb.TravelMatrix(distances_m=[0.0, 1.0]))
        if self.chance(0.3):
            problem.closed_roads.add(from_id=self.word(), to_id=self.word(), both_ways=True)
        if self.chance(0.4):
            problem.start.CopyFrom(self.plan())
        return problem

    def replan(self) -> Any:
        request = pb.ReplanRoutesRequest(problem=self.problem(), now_s=self.whole(), interchangeable_goods=True)
        if self.chance(0.9):
            request.plan.CopyFrom(self.plan())
        for _ in range(self.rng.integers(4)):
            request.changes.add(**self.one(
                [{"new_stop": self.stop()}, {"cancelled_stop_id": self.word()}, {"closed_road": pb.ClosedRoad()},
                 {"delay": pb.VehicleDelay(delay_s=self.whole())}], [{}],
            ))  # fmt: skip
        for _ in range(self.rng.integers(2)):
            request.progress.add(vehicle_id=self.word(), done=self.whole())
        return request

    def request(self) -> Any:
        return self.replan() if self.chance(0.6) else self.problem()


def plain(value: Any) -> Any:
    """As lists, numbers and texts, whatever holds them."""
    if dataclasses.is_dataclass(value):
        return [(each.name, plain(getattr(value, each.name))) for each in dataclasses.fields(value)]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return float("inf") if value is None else value


def outcome(decode: Callable[[bytes], Any], payload: bytes) -> str:
    try:
        with np.errstate(invalid="ignore"):  # a NaN that signals
            return repr(plain(decode(payload)))
    except InvalidInput as error:
        what = (
            error.expected if error.reason == MALFORMED else str(error)
        )  # bytes are shown as far as they were looked at
        return repr((what, error.field, error.reason))


def read(kind: Any, payload: bytes, large: int = LARGE_BYTES) -> str:
    """What it is read as. large: bytes from which on matrices are not given to the parser."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (route_columns, route_matrices):
            patch.setattr(module, "LARGE_BYTES", large)
        return outcome(DECODE[kind], payload)


def parsed(kind: Any, payload: bytes) -> str:
    """What the parser alone makes of it."""

    def left(payload: bytes, tree: Tree) -> Any:
        raise Left

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routing_codec, "taken", left)
        return outcome(DECODE[kind], payload)


def both(kind: Any, payload: bytes) -> tuple[str, str]:
    """(what it is read as, what the parser alone makes of it)"""
    return read(kind, payload), parsed(kind, payload)


def is_read(kind: Any, payload: bytes) -> bool:
    """Whether the kernels read it."""
    try:
        found = taken(payload, TREES[kind])
    except Left:
        return False
    return found.stops is not None or found.routes is not None
