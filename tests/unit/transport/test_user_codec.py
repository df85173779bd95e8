"""Requests about people are checked, tokens fit one person alone, and records come out as they are stored."""

from __future__ import annotations

import pytest

from serving.core.errors import InvalidInput
from serving.events.erasure import EraseUser, Erasure, State
from serving.events.export import ExportedEvent, ExportUser, Page, Place, ProfileRecord, Stage
from serving.events.log import LoggedEvent
from serving.events.types import UserEvent
from serving.transport import user_codec
from serving.transport.user_codec import PAGE_SIZE, decode_erase, decode_export, encode_page, export_token
from storegate.v1 import event_pb2 as pb

PLACE = Place(Stage.ARCHIVE, 1_764_000_000_000, 1_764_000_000_500, "2026-11-26", 7)


def test_requests_are_read() -> None:
    """One of the two ids; the default size of a page."""
    request = pb.EraseUserRequest(visitor_id="cookie", request_id="r")
    assert decode_erase(request.SerializeToString()) == EraseUser("", "cookie", "r")
    asked = pb.ExportUserRequest(user_id="ada", page_token=export_token(PLACE, "u:ada"))
    assert decode_export(asked.SerializeToString()) == ExportUser("ada", "", PAGE_SIZE, PLACE)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "user_id"),
        ({"user_id": "a", "visitor_id": "b"}, "visitor_id"),
        ({"user_id": "a\n"}, "user_id"),
        ({"visitor_id": "x" * 257}, "visitor_id"),
        ({"user_id": "a", "page_size": -1}, "page_size"),
        ({"user_id": "a", "page_size": 1001}, "page_size"),
        ({"user_id": "a", "page_token": "x"}, "page_token"),
        ({"user_id": "a", "page_token": export_token(PLACE, "v:a")}, "page_token"),
        ({"user_id": "a", "page_token": export_token(PLACE.to(Stage.WAITING), "u:a") + "="}, "page_token"),
        ({"user_id": "a", "page_token": export_token(Place(Stage.ARCHIVE, 5, 4), "u:a")}, "page_token"),
        ({"user_id": "a", "page_token": export_token(Place(Stage.ARCHIVE, 4, 5, "", -1), "u:a")}, "page_token"),
    ],
)
def test_bad_fields_are_named(fields: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_export(pb.ExportUserRequest(**fields).SerializeToString())
    assert caught.value.field == field


def test_no_token_names_anybody() -> None:
    token = export_token(PLACE, "u:ada")
    assert "ada" not in str(user_codec.urlsafe_b64decode(token + "=" * (-len(token) % 4)))


def test_a_page_is_written() -> None:
    event = UserEvent("e1", "search", "ada", "cookie", 1_764_000_000, (("mug", 2),), "red mug")
    told = [
        ProfileRecord("add-to-cart", "mug", 1_764_000_001, 3),
        ExportedEvent(LoggedEvent(event, "d" * 32, 3), 1_764_000_000_123),
        Erasure("e" * 32, "5" * 32, 1_764_000_000_500, State.RUNNING, events=4, left=("x: damaged",)),
    ]
    page = pb.ExportUserResponse.FromString(encode_page(Page(told, PLACE, "u:ada")))
    profile, logged, erasure = page.records
    assert (profile.profile_record.quantity, profile.profile_record.event_time.seconds) == (3, 1_764_000_001)
    assert logged.event.received_time.ToMilliseconds() == 1_764_000_000_123
    assert (logged.event.event.visitor_id, logged.event.event.search_query) == ("cookie", "red mug")
    assert (erasure.erasure.state, erasure.erasure.events) == (pb.ERASURE_RUNNING, 4)
    assert not erasure.erasure.HasField("complete_time")
    assert page.next_page_token == export_token(PLACE, "u:ada")
    assert pb.ExportUserResponse.FromString(encode_page(Page([], None, "u:ada"))).next_page_token == ""
