"""The kernels that read routing requests, as plain Python on arrays that say when they are left, at either end.

Compiled, they would read on: what lies behind a request is another one.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from route_requests import DECODE, Draw, outcome
from wire_damage import DAMAGES, bent, damaged
from wire_fields import part

from serving.kernels import route_wire
from serving.transport import route_columns
from storegate.v1 import routing_pb2 as pb

REQUESTS = 8
PATTERN = 0xA5
"""In arrays that are not written yet: who reads them tells something else than the compiled kernel."""


class Checked(np.ndarray):
    """No index is negative, or behind the end."""

    def _check(self, at: Any) -> None:
        for place, size in zip(at if isinstance(at, tuple) else (at,), self.shape, strict=False):
            assert 0 <= place < size, (at, self.shape)

    def __getitem__(self, at: Any) -> Any:
        self._check(at)
        return super().__getitem__(at)

    def __setitem__(self, at: Any, value: Any) -> None:
        self._check(at)
        super().__setitem__(at, value)


class Wire:
    """Of a request no more than the part that is to be read."""

    def __init__(self, wire: np.ndarray, begin: int, end: int) -> None:
        self._wire, self._begin, self._end = wire, begin, end

    def __getitem__(self, at: int) -> np.uint8:
        assert self._begin <= at < self._end, (at, self._begin, self._end)
        return self._wire[at]


def checked(columns: Any, clean: bool) -> Any:
    """clean: what is in them is to be written first."""
    for name, array in columns._asdict().items():
        if clean and name != "used":
            array.reshape(-1).view(np.uint8)[:] = PATTERN
    return columns._replace(**{name: array.view(Checked) for name, array in columns._asdict().items()})


def plain() -> dict[str, Callable[..., Any]]:
    """The kernels without their compiler, which call one another, on arrays that are checked."""
    own = dict(vars(route_wire))
    for name, each in vars(route_wire).items():
        if hasattr(each, "py_func"):
            own[name] = FunctionType(each.py_func.__code__, own)
    return {
        "read_runs": lambda wire, at, end, out: own["read_runs"](Wire(wire, at, end), at, end, out.view(Checked)),
        "read_stops": lambda wire, at, end, first, columns: own["read_stops"](
            Wire(wire, at, end), at, end, first, checked(columns, first == 0)
        ),
        "read_routes": lambda wire, at, end, columns: own["read_routes"](
            Wire(wire, at, end), at, end, checked(columns, True)
        ),
    }


KERNELS = plain()


def is_alike(kind: Any, payload: bytes) -> bool:
    """Whether plain kernels, none of which leaves an array, make the same of it as compiled ones."""
    compiled = outcome(DECODE[kind], payload)
    with pytest.MonkeyPatch.context() as patch:
        for name, kernel in KERNELS.items():
            patch.setattr(route_columns, name, kernel)
        return outcome(DECODE[kind], payload) == compiled


def test_nothing_outside_is_read_or_written_whatever_is_damaged() -> None:
    draw = Draw(23, 0.0)
    for _ in range(REQUESTS):
        request = draw.request()
        payload = request.SerializeToString()
        cases = [payload, *(bent(payload, draw.rng) for _ in range(8))]
        cases += [damaged(payload, request.DESCRIPTOR, kind, draw.rng) for kind in DAMAGES]
        for case in cases:
            assert is_alike(type(request), case), case


STOP = pb.RouteStop(
    stop_id="s-1", point=pb.GeoPoint(latitude=1.5, longitude=2), deliveries=[300, 1], pickups=[0, 70_000],
    service_s=300, windows=[pb.TimeWindow(start_s=300, end_s=70_000)], skills=["lift"], drop_penalty=1.5, priority=7,
)  # fmt: skip
ROUTE = pb.VehicleRoute(
    vehicle_id="v-1", visits=[pb.RouteVisit(stop_id="s-1", arrival_s=300, begin_s=70_000, departure_s=2**31 - 1)],
    leaves_s=1, ends_s=300, distance_m=2**40, waiting_s=300, start_loads=[300, 1], cost=1.5, done=1,
)  # fmt: skip


@pytest.mark.parametrize("end", range(max(STOP.ByteSize(), ROUTE.ByteSize()) + 1))
def test_what_breaks_off_at_any_byte_is_left_there(end: int) -> None:
    """Both where its length is as short as it is, and where it promises the whole."""
    stop, route = STOP.SerializeToString(), ROUTE.SerializeToString()
    for payload in (
        part(3, stop[:end]), part(3, stop[:end], len(stop)), part(9, part(1, route[:end])),
        part(9, part(1, route[:end], len(route))),
    ):  # fmt: skip
        assert is_alike(pb.PlanRoutesRequest, payload), payload


def test_more_than_there_is_room_for_is_left_to_the_parser() -> None:
    """One stop has all that several hundred might have."""
    for stop in (
        pb.RouteStop(deliveries=[1] * 2000), pb.RouteStop(pickups=[1] * 2000),
        pb.RouteStop(windows=[pb.TimeWindow(end_s=1)] * 2000),
    ):  # fmt: skip
        assert is_alike(pb.PlanRoutesRequest, part(3, stop.SerializeToString()))
