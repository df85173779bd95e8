"""Bad input, over both faces: each has a status, a reason and the name of what is wrong. Nothing else is disturbed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from e2e.faces import Face, GrpcFace, HttpFace, Refused
from e2e.gateways import awaited

from storegate.v1.recommendation_pb2 import RecommendRequest

Pair = tuple[GrpcFace, HttpFace]
INVALID = {"grpc": "INVALID_ARGUMENT", "http": 400}
TOO_LARGE = {"grpc": "RESOURCE_EXHAUSTED", "http": 413}
STOCK = {"itemId": "x", "location": "n"}
FAR, LONG_AGO = {"eventTime": "2999-01-01T00:00:00Z"}, {"eventTime": "1999-01-01T00:00:00Z"}
EVENT = {"eventId": "e", "eventType": "add-to-cart", "visitorId": "bad-input", "items": [{"itemId": "x"}]}


def refused(face: Face, method: str, body: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        face.ask(method, body)
    return caught.value


@pytest.mark.parametrize(
    ("method", "body", "reason", "field"),
    [
        ("Recommend", {"pageSize": -1}, "INVALID_FIELD", "page_size"),
        ("Recommend", {"pageSize": 101}, "INVALID_FIELD", "page_size"),
        ("Recommend", {"userId": "x" * 257}, "INVALID_FIELD", "user_id"),
        ("Recommend", {"userId": "ä" * 129}, "INVALID_FIELD", "user_id"),
        ("Recommend", {"visitorId": "a\u0007b"}, "INVALID_FIELD", "visitor_id"),
        ("Recommend", {"itemIds": ["ok", "a\nb"]}, "INVALID_FIELD", "item_ids[1]"),
        ("Recommend", {"itemIds": ["x"] * 101}, "INVALID_FIELD", "item_ids"),
        ("Recommend", {"excludeItemIds": ["x" * 257]}, "INVALID_FIELD", "exclude_item_ids[0]"),
        ("Recommend", {"diversity": "NaN"}, "INVALID_FIELD", "diversity"),
        ("Recommend", {"diversity": "Infinity"}, "INVALID_FIELD", "diversity"),
        ("Recommend", {"placement": "homepage"}, "UNKNOWN_PLACEMENT", "placement"),
        ("Recommend", {"placement": "others-you-may-like"}, "INVALID_FIELD", "item_ids"),
        ("Rerank", {"userId": "u"}, "INVALID_FIELD", "item_ids"),
        ("Rerank", {"itemIds": ["x"], "pageSize": 501}, "INVALID_FIELD", "page_size"),
        ("GetItem", {"item_id": "x" * 257}, "INVALID_FIELD", "item_id"),
        ("WriteUserEvent", {}, "INVALID_FIELD", "event"),
        ("WriteUserEvent", {"event": EVENT | FAR}, "INVALID_FIELD", "event.event_time"),
        ("WriteUserEvent", {"event": EVENT | LONG_AGO}, "INVALID_FIELD", "event.event_time"),
        ("WriteUserEvent", {"event": EVENT | {"items": []}}, "MISSING_ITEM", "event.items"),
        ("WriteUserEvent", {"event": EVENT | {"eventType": "click"}}, "UNKNOWN_EVENT_TYPE", "event.event_type"),
        ("WriteUserEvent", {"event": EVENT | {"visitorId": ""}}, "INVALID_FIELD", "event.user_id"),
        ("WriteUserEvent", {"event": EVENT | {"eventId": ""}}, "INVALID_FIELD", "event.event_id"),
        ("ImportUserEvents", {"uri": ""}, "INVALID_FIELD", "uri"),
        ("ImportUserEvents", {"uri": "../live.json.jsonl"}, "INVALID_FIELD", "uri"),
        ("ImportUserEvents", {"uri": "s3://bucket/clicks.csv"}, "INVALID_FIELD", "uri"),
        ("UpsertItems", {"items": []}, "INVALID_FIELD", "items"),
        ("SetStock", {"updates": [STOCK | {"onHand": -1}]}, "INVALID_FIELD", "updates[0].on_hand"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:40],
)  # fmt: skip
def test_a_bad_field_is_named(face: Face, method: str, body: dict[str, Any], reason: str, field: str) -> None:
    """Status, reason, the field, and a message that says what was got and what would be right."""
    error = refused(face, method, body)
    assert (error.status, error.reason, error.facts["field"]) == (INVALID[face.name], reason, field)
    assert field in error.message
    assert "expected" in error.message
    assert error.retry_s is None


def test_an_unknown_item_is_not_found(face: Face) -> None:
    error = refused(face, "GetItem", {"item_id": "no-such-item"})
    assert (error.status, error.reason) == ({"grpc": "NOT_FOUND", "http": 404}[face.name], "NOT_FOUND")
    assert error.facts["name"] == "no-such-item"


def test_an_unknown_user_is_a_new_user(face: Face) -> None:
    """An answer, the same as for anybody unknown."""
    answer = face.ask("Recommend", {"userId": "nobody-has-this-name"})
    assert len(answer.results) == 10
    assert not answer.serving_info.HasField("events_applied_through")


def test_unknown_context_items_are_listed(face: Face) -> None:
    """The answer is made of the rest."""
    answer = face.ask("Recommend", {"placement": "others-you-may-like", "itemIds": ["gone-1", "gone-2"]})
    assert list(answer.missing_item_ids) == ["gone-1", "gone-2"]
    assert len(answer.results) == 10


def test_bytes_that_are_no_utf8_are_refused(both_faces: Pair) -> None:
    """gRPC: the message is malformed. HTTP: so is the JSON, at a line and a column."""
    grpc_face, http_face = both_faces
    with pytest.raises(Refused) as caught:
        grpc_face.send("Recommend", b"\x12\x02\xff\xfe")
    assert (caught.value.status, caught.value.reason) == ("INVALID_ARGUMENT", "MALFORMED_MESSAGE")
    assert "UTF-8" in caught.value.message
    with pytest.raises(Refused) as caught:
        http_face.send("Recommend", b'{"userId":\n "\xff\xfe"}')
    assert (caught.value.status, caught.value.reason) == (400, "MALFORMED_JSON")
    assert (caught.value.facts["line"], caught.value.facts["column"]) == ("2", "3")


def test_bytes_that_are_no_message_are_refused(both_faces: Pair) -> None:
    with pytest.raises(Refused) as caught:
        both_faces[0].send("Recommend", b"\xff\xff\xff\xff")
    assert (caught.value.status, caught.value.reason) == ("INVALID_ARGUMENT", "MALFORMED_MESSAGE")


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (b'{"userId": }', "1", "12"),
        (b'{"userId": "u",\n  "pageSize": 5,}', "2", "17"),
        (b'{"diversity":\n\n NaN}', "3", "2"),
        (b'["u"]', "1", "1"),
        (b'{"userId": "u"', "1", "15"),
    ],
)
def test_malformed_json_is_told_by_line_and_column(both_faces: Pair, body: bytes, line: str, column: str) -> None:
    """Where it stops being JSON."""
    with pytest.raises(Refused) as caught:
        both_faces[1].send("Recommend", body)
    assert (caught.value.status, caught.value.reason) == (400, "MALFORMED_JSON")
    assert (caught.value.facts["line"], caught.value.facts["column"]) == (line, column)
    assert f"line {line}, column {column}" in caught.value.message


def test_an_unknown_json_field_is_named(both_faces: Pair) -> None:
    """By its path, with the fields that there are."""
    with pytest.raises(Refused) as caught:
        both_faces[1].send("Recommend", b'{"constraints": {"maxPerColour": 2}}')
    error = caught.value
    assert (error.status, error.reason, error.facts["field"]) == (400, "UNKNOWN_FIELD", "constraints.maxPerColour")
    assert "maxPerBrand" in error.message


@pytest.mark.parametrize("body", [b'{"pageSize": "many"}', b'{"itemIds": "P1"}', b'{"pageSize": 99999999999}'])
def test_a_json_value_of_the_wrong_kind_names_its_field(both_faces: Pair, body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        both_faces[1].send("Recommend", body)
    assert (caught.value.status, caught.value.reason) == (400, "INVALID_FIELD")
    assert caught.value.facts["field"] == next(iter(json.loads(body)))


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-protobuf", "application/json; charset=latin-1"])
def test_a_body_that_is_not_said_to_be_json_is_refused(both_faces: Pair, content_type: str) -> None:
    with pytest.raises(Refused) as caught:
        both_faces[1].send("Recommend", b"{}", content_type=content_type)
    assert (caught.value.status, caught.value.reason) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "application/json" in caught.value.message


def test_a_body_over_the_limit_is_refused(face: Face, both_faces: Pair) -> None:
    """With its size and the limit; the connection serves on."""
    limit = 4 << 20
    bodies = {
        "grpc": RecommendRequest(request_id="x" * limit).SerializeToString(),
        "http": b'{"requestId": "' + b"x" * limit + b'"}',
    }
    with pytest.raises(Refused) as caught:
        next(each for each in both_faces if each.name == face.name).send("Recommend", bodies[face.name])
    assert (caught.value.status, caught.value.reason) == (TOO_LARGE[face.name], "PAYLOAD_TOO_LARGE")
    assert caught.value.facts["limit_bytes"] == str(limit)
    assert int(caught.value.facts["size_bytes"]) > limit
    assert face.ask("Recommend", {}).results


def test_a_deadline_already_past_is_told(both_faces: Pair) -> None:
    """Nothing is computed for a caller who has stopped waiting. grpcio may say so before the gateway's word arrives."""
    grpc_face, http_face = both_faces

    def told() -> str:
        with pytest.raises(Refused) as caught:
            grpc_face.send("Recommend", b"", grpc_timeout="0n")
        assert caught.value.status == "DEADLINE_EXCEEDED"
        return caught.value.reason

    assert awaited(told, "the gateway's word is first") == "DEADLINE_EXPIRED"
    with pytest.raises(Refused) as caught:
        http_face.send("Recommend", b"{}", x_storegate_timeout_ms="0")
    assert (caught.value.status, caught.value.reason) == (504, "DEADLINE_EXPIRED")


@pytest.mark.parametrize("told", ["-5", "soon", "1e3"])
def test_a_deadline_that_is_no_number_is_named(both_faces: Pair, told: str) -> None:
    with pytest.raises(Refused) as caught:
        both_faces[1].send("Recommend", b"{}", x_storegate_timeout_ms=told)
    assert (caught.value.status, caught.value.facts["field"]) == (400, "x-storegate-timeout-ms")
