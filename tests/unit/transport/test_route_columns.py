"""Routing requests read from their bytes are what the parser makes of them: the same columns, or the same error."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from serving.core.errors import InvalidInput
from serving.transport import routing_codec
from serving.transport.route_columns import PLAN, REPLAN, Left, Tree, taken
from serving.transport.route_matrices import LARGE_BYTES, varint_bytes
from storegate.v1 import routing_pb2 as pb

DECODE: dict[Any, Callable[[bytes], Any]] = {
    pb.PlanRoutesRequest: routing_codec.decode_plan, pb.ReplanRoutesRequest: routing_codec.decode_replan
}  # fmt: skip
TREES: dict[Any, Tree] = {pb.PlanRoutesRequest: PLAN, pb.ReplanRoutesRequest: REPLAN}
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
        return repr(plain(decode(payload)))
    except InvalidInput as error:
        return repr((str(error), error.field, error.reason))


def both(kind: Any, payload: bytes) -> tuple[str, str]:
    """(what it is read as, what the parser alone makes of it)"""

    def left(payload: bytes, tree: Tree) -> Any:
        raise Left

    read = outcome(DECODE[kind], payload)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routing_codec, "taken", left)
        return read, outcome(DECODE[kind], payload)


def is_read(kind: Any, payload: bytes) -> bool:
    """Whether the kernels read it."""
    try:
        found = taken(payload, TREES[kind])
    except Left:
        return False
    return found.stops is not None or found.routes is not None


@pytest.mark.parametrize(("odd", "share"), [(0.0, 0.8), (0.02, 0.3), (0.3, 0.0)])
def test_random_requests_are_read_as_the_parser_reads_them(odd: float, share: float) -> None:
    """All fields of stops and visits. share: so many at least are not left to the parser."""
    draw, read = Draw(7, odd), 0
    for _ in range(300):
        request = draw.request()
        payload = request.SerializeToString()
        found, expected = both(type(request), payload)
        assert found == expected
        read += is_read(type(request), payload)
    assert read >= 300 * share


def damaged(payload: bytes, rng: np.random.Generator) -> bytes:
    """Cut off, overwritten, with something put in or out, or twice."""
    at = int(rng.integers(len(payload) + 1))
    more = bytes(rng.choice([0, 1, 2, 8, 10, 18, 26, 34, 127, 128, 255, int(rng.integers(256))], rng.integers(1, 4)))
    size = int(rng.integers(1, 8))
    return (
        payload[:at],
        payload[:at] + more + payload[at + len(more) :],
        payload[:at] + more + payload[at:],
        payload[:at] + payload[at + size :],
        payload[:at] + payload[at : at + size] + payload[at:],
        payload + payload[at:],
        payload + payload,
    )[rng.integers(7)]


def test_damaged_requests_are_refused_or_read_as_the_parser_does() -> None:
    draw, kinds = Draw(11, 0.0), {"refused": 0, "read": 0, "parsed": 0}
    for _ in range(150):
        request = draw.request()
        payload = request.SerializeToString()
        for _ in range(10):
            wrong = damaged(payload, draw.rng)
            found, expected = both(type(request), wrong)
            assert found == expected, wrong
            kind = "refused" if "MALFORMED" in found else "read" if is_read(type(request), wrong) else "parsed"
            kinds[kind] += 1
    assert min(kinds.values()) > 30, kinds


STOP = pb.RouteStop(stop_id="s", point=pb.GeoPoint(latitude=1.0), deliveries=[1]).SerializeToString()


@pytest.mark.parametrize(
    "more",
    [
        b"\xfa\x01\x01a",  # a field of a later version
        b"\x0a\x01t",  # the id once more
        b"\x0a\x02\xff\xfe",  # no UTF-8
        b"\x12\x09\x11" + bytes(8),  # the point in two parts
        b"\x12\x05\x0d" + bytes(4),  # a latitude of four bytes
        b"\x18\x05",  # a delivery that is not packed
        b"\x1a\x02\x80\x00",  # a number not in its shortest spelling
        b"\x30" + b"\xff" * 9 + b"\x01",  # a negative service
        b"\x30\x80\x80\x80\x80\x10",  # a service beyond 32 bits
        b"\x2a\x03\x08\x01\x20",  # a window that breaks off
        b"\x41" + np.float64(np.inf).tobytes(),
        b"\x41" + bytes(4),
        b"\x2b\x2c",  # a group
    ],
)
def test_a_stop_that_is_written_otherwise_is_the_parsers(more: bytes) -> None:
    stop = STOP + more if more[:2] != b"\x0a\x02" else more
    problem = b"\x1a" + varint_bytes(len(stop)) + stop
    payload = b"\x0a" + varint_bytes(len(problem)) + problem
    assert not is_read(pb.PlanRoutesRequest, problem)
    for kind, each in ((pb.PlanRoutesRequest, problem), (pb.ReplanRoutesRequest, payload)):
        found, expected = both(kind, each)
        assert found == expected


def test_an_infinite_penalty_is_not_the_same_as_none() -> None:
    request = pb.PlanRoutesRequest(stops=[pb.RouteStop(drop_penalty=np.inf), pb.RouteStop()])
    assert routing_codec.decode_plan(request.SerializeToString()).stops.penalty == [np.inf, None]


def test_new_stops_that_do_not_fit_are_the_parsers() -> None:
    """More, or longer ones, than there is room for beside those of the problem."""
    request = pb.ReplanRoutesRequest(problem=pb.PlanRoutesRequest(stops=[pb.RouteStop(stop_id="a")]))
    for number in range(100):
        request.changes.add(new_stop=pb.RouteStop(stop_id=f"{number}" + "x" * 100))
    found, expected = both(pb.ReplanRoutesRequest, request.SerializeToString())
    assert found == expected
    assert "'99xxx" in found


def test_a_large_matrix_is_lifted_from_between_the_columns() -> None:
    numbers = np.random.default_rng(0).uniform(0, 9, LARGE_BYTES // 8 + 1).tolist()
    request = Draw(1, 0.0).replan()
    del request.problem.profiles[:]
    for name in ("car", "bike"):
        request.problem.profiles.add(name=name, matrix=pb.TravelMatrix(distances_m=numbers, symmetric=True))
    payload = request.SerializeToString()
    found, expected = both(pb.ReplanRoutesRequest, payload)
    assert found == expected
    parts = taken(payload, REPLAN)
    assert sorted(parts.numbers) == [0, 1]
    assert parts.stops is not None
    assert len(parts.rest) < LARGE_BYTES
