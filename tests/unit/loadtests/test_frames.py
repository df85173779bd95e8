"""Bodies as h2load sends them."""

from __future__ import annotations

import pytest
from google.protobuf import json_format

from loadtests.bench import frames
from storegate.v1 import gateway_pb2, recommendation_pb2


def test_a_frame_of_a_known_user_reads_back_as_the_request() -> None:
    """Five bytes of prefix, then the message that the generated classes understand."""
    (body,) = frames.known(["C000017"])
    assert body[0] == 0
    assert int.from_bytes(body[1:5], "big") == len(body) - 5
    request = recommendation_pb2.RecommendRequest.FromString(frames.unframe(body))
    assert (request.user_id, request.page_size, request.visitor_id) == ("C000017", 20, "")


def test_anonymous_visitors_differ_and_name_no_user() -> None:
    """A thousand bodies are a thousand visitors, all of one length."""
    bodies = frames.anonymous(1000)
    requests = [recommendation_pb2.RecommendRequest.FromString(frames.unframe(body)) for body in bodies]
    assert len({request.visitor_id for request in requests}) == 1000
    assert {request.user_id for request in requests} == {""}
    assert len({len(body) for body in bodies}) == 1


def test_ping_is_an_empty_message() -> None:
    """Nothing but the prefix."""
    (body,) = frames.ping()
    assert body == bytes(5)
    assert gateway_pb2.PingRequest.FromString(frames.unframe(body)) == gateway_pb2.PingRequest()


@pytest.mark.parametrize("body", [b"", b"\0\0\0\0", b"\1\0\0\0\0", b"\0\0\0\0\2x", b"\0\0\0\0\0x"])
def test_what_is_no_plain_frame_is_refused(body: bytes) -> None:
    """Too short, compressed, or of another length than it says."""
    with pytest.raises(ValueError, match=r"frame|flag"):
        frames.unframe(body)


def test_the_largest_group_of_one_length_is_kept() -> None:
    """h2load cannot send bodies of different lengths from one file."""
    bodies = frames.known(["12", "13", "1234", "99"])
    assert frames.even(bodies) == [bodies[0], bodies[1], bodies[3]]


def test_shuffling_keeps_all_and_repeats_itself() -> None:
    """Same seed, same order; nothing lost."""
    bodies = frames.known([f"C{n:06d}" for n in range(500)])
    once, again, other = frames.shuffled(bodies, 1), frames.shuffled(bodies, 1), frames.shuffled(bodies, 2)
    assert once == again != other
    assert sorted(once) == sorted(bodies)


def test_a_body_over_http_asks_the_same() -> None:
    """JSON that protobuf's mapping reads as the request over gRPC."""
    (body,), (framed,) = frames.known_json(["C000017"]), frames.known(["C000017"])
    asked = json_format.Parse(body, recommendation_pb2.RecommendRequest())
    assert asked.SerializeToString() == frames.unframe(framed)
