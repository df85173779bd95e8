"""Routing requests read from their bytes are what the parser makes of them: the same columns, or the same error."""

from __future__ import annotations

import numpy as np
import pytest
from route_requests import Draw, both, is_read

from serving.transport import routing_codec
from serving.transport.checks import varint
from serving.transport.route_columns import REPLAN, taken
from serving.transport.route_matrices import LARGE_BYTES
from storegate.v1 import routing_pb2 as pb


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
    problem = b"\x1a" + varint(len(stop)) + stop
    payload = b"\x0a" + varint(len(problem)) + problem
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
