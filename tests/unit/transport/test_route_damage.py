"""Damaged routing requests are read as the parser reads them, or refused as it refuses them; see wire_damage.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from route_requests import MALFORMED, Draw, is_read, parsed, read
from wire_damage import DAMAGES, NO_UTF8, bent, damaged
from wire_fields import fields_of, padded, part, places, varint, written

from serving.transport import routing_codec
from storegate.v1 import routing_pb2 as pb

REQUESTS, ROUNDS = 50, 2
SMALL = 24
"""Bytes from which on a matrix is large here: those of the requests are."""


@pytest.fixture(scope="module")
def requests() -> list[Any]:
    draw = Draw(19, 0.0)
    made = []
    while len(made) < REQUESTS:
        request = draw.request()
        if isinstance(request, pb.ReplanRoutesRequest):
            request.changes.add(new_stop=draw.stop())
        problem = request.problem if isinstance(request, pb.ReplanRoutesRequest) else request
        if not problem.stops:
            continue
        numbers = draw.rng.normal(size=4).tolist()
        problem.profiles.add(name="car", matrix=pb.TravelMatrix(distances_m=numbers, durations_s=numbers))
        made.append(request)
    return made


def test_a_request_is_its_fields(requests: list[Any]) -> None:
    """Nothing but the damage makes a damaged request another one."""
    for request in requests:
        payload = request.SerializeToString()
        assert written(fields_of(payload, request.DESCRIPTOR)) == payload
        assert is_read(type(request), payload)


@pytest.mark.parametrize("kind", [*DAMAGES, "bent"])
def test_damaged_requests_are_the_parsers_or_read_as_it_does(requests: list[Any], kind: str) -> None:
    rng = np.random.default_rng(sum(kind.encode()))
    changed = refused = by_kernels = 0
    for request in requests * ROUNDS:
        payload = request.SerializeToString()
        wrong = bent(payload, rng) if kind == "bent" else damaged(payload, request.DESCRIPTOR, kind, rng)
        expected = parsed(type(request), wrong)
        for large in (1 << 16, SMALL):
            assert read(type(request), wrong, large) == expected, wrong
        changed += wrong != payload
        refused += MALFORMED in expected
        by_kernels += is_read(type(request), wrong) and wrong != payload
    assert changed >= 0.6 * REQUESTS * ROUNDS
    assert refused + by_kernels >= 0.2 * REQUESTS * ROUNDS


@pytest.mark.parametrize("wrong", NO_UTF8)
@pytest.mark.parametrize("message", [pb.RouteStop, pb.RouteVisit, pb.VehicleRoute])
def test_an_id_that_is_no_utf8_is_refused_wherever_it_stands(message: Any, wrong: bytes) -> None:
    """Between others whose bytes might complete it."""
    request = pb.PlanRoutesRequest(stops=[pb.RouteStop(stop_id="a"), pb.RouteStop(stop_id="\u6771")])
    for vehicle in ("v", "w"):
        request.start.routes.add(vehicle_id=vehicle, visits=[pb.RouteVisit(stop_id="a"), pb.RouteVisit(stop_id="b")])
    texts = {pb.RouteStop: b"a", pb.RouteVisit: b"b", pb.VehicleRoute: b"v"}
    fields = fields_of(request.SerializeToString(), request.DESCRIPTOR)
    (around, at) = next((around, at) for around, at in places(fields) if around[at].content == texts[message])
    around[at].content = wrong
    payload = written(fields)
    assert not is_read(pb.PlanRoutesRequest, payload)
    assert MALFORMED in read(pb.PlanRoutesRequest, payload)


@pytest.mark.parametrize("more", range(1, 11))
def test_lengths_around_a_matrix_are_as_long_as_the_parser_allows(more: int) -> None:
    """Who takes the numbers of a large one out spells the lengths of what is around them anew."""
    problem = pb.PlanRoutesRequest(profiles=[pb.TravelProfile(name="car")])
    problem.profiles[0].matrix.distances_m.extend([1.0, 2.0, 3.0, 4.0])
    for depth in range(3):
        fields = fields_of(problem.SerializeToString(), problem.DESCRIPTOR)
        one = [around[at] for around, at in places(fields) if not around[at].text][depth]
        one.size = lambda size: padded(varint(size), more)
        wrong = written(fields)
        assert read(pb.PlanRoutesRequest, wrong, SMALL) == parsed(pb.PlanRoutesRequest, wrong), wrong


def test_durations_of_no_number_are_none() -> None:
    """Though their field is there."""
    numbers = pb.TravelMatrix(distances_m=[1.0, 2.0, 3.0, 4.0]).SerializeToString()
    payload = part(5, part(2, numbers + part(2, b"")))
    assert read(pb.PlanRoutesRequest, payload, SMALL) == parsed(pb.PlanRoutesRequest, payload)


def test_a_matrix_that_is_no_message_is_none() -> None:
    """But a field of a later version, even where its eight bytes might be one."""
    profile = part(1, b"name of a profile") + b"\x11" + b"\x0a\x00\x18\x01\x18\x01\x18\x01"
    payload = part(5, profile)
    expected = parsed(pb.PlanRoutesRequest, payload)
    assert "GreatCircle" in repr(routing_codec.decode_plan(payload))
    assert read(pb.PlanRoutesRequest, payload, SMALL) == expected
