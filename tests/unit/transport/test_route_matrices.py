"""Matrices found in the bytes of a request are those that the parser finds; the rest of the request stays."""

from __future__ import annotations

import numpy as np
import pytest

from serving.transport.route_matrices import LARGE_BYTES, lifted
from serving.transport.routing_codec import decode_replan
from storegate.v1 import routing_pb2 as pb

NUMBERS = np.random.default_rng(0).uniform(0, 9, LARGE_BYTES // 8 + 1)


def request() -> pb.ReplanRoutesRequest:
    """Three profiles: a large matrix in the second, a small one in the third."""
    problem = pb.PlanRoutesRequest(stops=[pb.RouteStop(stop_id="a")], profiles=[pb.TravelProfile(name="air")])
    large = pb.TravelMatrix(distances_m=NUMBERS.tolist(), durations_s=(NUMBERS * 2).tolist(), symmetric=True)
    problem.profiles.add(name="car", matrix=large, speed_factors=[1.0] * 24)
    problem.profiles.add(name="foot", matrix=pb.TravelMatrix(distances_m=[0.0]))
    return pb.ReplanRoutesRequest(problem=problem, now_s=7, request_id="r")


def test_large_matrices_are_taken_out_and_nothing_else():
    sent = request()
    rest, numbers = lifted(sent.SerializeToString(), (1,))
    assert list(numbers) == [1]
    assert numbers[1][1].tolist() == NUMBERS.tolist()
    assert numbers[1][2].tolist() == (NUMBERS * 2).tolist()
    left = pb.ReplanRoutesRequest.FromString(rest)
    matrix = sent.problem.profiles[1].matrix
    del matrix.distances_m[:], matrix.durations_s[:]
    assert left == sent


def test_the_query_has_the_numbers_of_every_profile():
    profiles = decode_replan(request().SerializeToString()).query.profiles
    assert profiles[1].travel.distances.tolist() == NUMBERS.tolist()
    assert profiles[1].travel.symmetric
    assert profiles[1].factors == (1.0,) * 24
    assert profiles[2].travel.distances.tolist() == [0.0]


@pytest.mark.parametrize(
    "tail",
    [
        pb.ReplanRoutesRequest(problem=pb.PlanRoutesRequest(seed=3)).SerializeToString(),
        b"\x0b\x0c",  # a group
    ],
)
def test_what_is_written_unusually_is_the_parsers(tail: bytes):
    """A problem in two parts is merged: the matrix stays where it is."""
    payload = request().SerializeToString() + tail
    assert lifted(payload, (1,)) == (payload, {})


@pytest.mark.parametrize("end", [-1, -9, LARGE_BYTES + 5])
def test_a_request_that_breaks_off_is_the_parsers(end: int):
    payload = request().SerializeToString()[:end]
    assert lifted(payload, (1,)) == (payload, {})
