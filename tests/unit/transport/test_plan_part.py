"""The part of a search that travels before a request."""

from __future__ import annotations

import struct

import pytest
from towns import LINE, message

from serving.decisions.route.problem import WHOLE, Part
from serving.transport.plan_part import HEAD, part_of, with_part
from serving.transport.routing_codec import decode_plan
from storegate.v1 import routing_pb2 as pb

REQUEST = message(LINE | {"requestId": "r"}).SerializeToString()


def test_it_comes_with_the_query_and_changes_nothing_else() -> None:
    part = Part(0.25, 0.5)
    query = decode_plan(with_part(part, REQUEST))
    assert query.part == part
    assert (query.request_id, query.stops.ids) == ("r", ("a", "b", "c"))
    assert decode_plan(REQUEST).part == WHOLE


def test_who_does_not_know_it_reads_the_request() -> None:
    """A worker of the version before."""
    read = pb.PlanRoutesRequest.FromString(with_part(Part(0.5, 1.0), REQUEST))
    read.DiscardUnknownFields()
    assert read == message(LINE | {"requestId": "r"})


@pytest.mark.parametrize("shares", [(0.5, 0.2), (-0.1, 0.5), (0.0, 1.5), (float("nan"), 1.0)])
def test_what_is_no_part_is_the_whole(shares: tuple[float, float]) -> None:
    assert part_of(HEAD + struct.pack("<dd", *shares) + REQUEST) == WHOLE


@pytest.mark.parametrize("payload", [b"", HEAD, HEAD + b"\0" * 8])
def test_what_is_cut_off_is_the_whole(payload: bytes) -> None:
    assert part_of(payload) == WHOLE


def test_a_caller_cannot_tell_a_part() -> None:
    """What it sends is read and written anew: an unknown field comes last."""
    sent = pb.PlanRoutesRequest.FromString(with_part(Part(0.9, 1.0), REQUEST)).SerializeToString()
    assert part_of(sent) == WHOLE
