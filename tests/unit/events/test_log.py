"""Entries of the event log: what is written is read again, and what is none says so."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from serving.events.log import LoggedEvent, Position, Span, decode_logged, encode_logged, identity
from serving.events.types import EVENT_TYPES, UserEvent

texts = st.text(max_size=20)
events = st.builds(
    UserEvent,
    texts,
    st.sampled_from(EVENT_TYPES),
    texts,
    texts,
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(texts, st.integers(1, 65535)), max_size=4).map(tuple),
    texts,
)


@given(st.builds(LoggedEvent, events, texts, st.integers(-1, 255)))
def test_an_entry_comes_back_as_it_was(logged: LoggedEvent) -> None:
    entry = encode_logged(logged)
    assert decode_logged(entry) == logged
    assert json.loads(entry)["event_id"] == logged.event.event_id  # other programs can read it


@pytest.mark.parametrize("entry", [b"", b"\xff", b"[]", b"{}", b'"x"', b'{"event_id": "e"}', b"null"])
def test_what_is_no_entry_says_so(entry: bytes) -> None:
    with pytest.raises(ValueError, match="not an entry of the event log"):
        decode_logged(entry)


def test_a_newer_version_may_say_more() -> None:
    logged = LoggedEvent(UserEvent("e", "search", "ada", "", 5, (), "mug"))
    assert decode_logged(json.dumps(json.loads(encode_logged(logged)) | {"device": "phone"}).encode()) == logged


def test_an_event_is_known_by_its_id_and_whose_it_is() -> None:
    assert identity("ada", "", "e") == identity("ada", "cookie", "e")  # the user counts
    others = identity("bob", "", "e"), identity("", "ada", "e"), identity("ada", "", "f")
    assert len({identity("ada", "", "e"), *others}) == 4


def test_positions_are_in_order_of_time_and_number() -> None:
    assert Position.parse("12-3") == Position(12, 3)
    assert str(Position(12, 3)) == "12-3"
    assert Position(9, 10) < Position(10, 2) < Position(10, 11)
    assert Span(Position(1, 0), Position(9, 0)).holds(Span(Position(1, 0), Position(8, 5)))
    assert not Span(Position(1, 1), Position(9, 0)).holds(Span(Position(1, 0), Position(2, 0)))
