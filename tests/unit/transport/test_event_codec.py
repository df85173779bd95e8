"""WriteUserEvent: every check of the request, by name."""

from __future__ import annotations

from typing import Any

import pytest

from serving.core.errors import InvalidInput
from serving.events.contract import EventWritten, WriteEvent
from serving.events.types import EVENT_TYPES, NEEDS_ITEM, UserEvent
from serving.transport.event_codec import decode_write, encode_written
from storegate.v1 import event_pb2 as pb

NOW_S = 1_700_000_000
LONG = "x" * 257
ITEM = [pb.EventItem(item_id="a")]


class Still:
    """A clock that stands."""

    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return NOW_S + 0.9


def write(validate_only: bool = False, **fields: Any) -> WriteEvent:
    """A purchase of one item, with `fields` changed."""
    usual = {"event_id": "e-1", "event_type": "purchase-complete", "user_id": "u", "items": ITEM}
    request = pb.WriteUserEventRequest(event=pb.UserEvent(**{**usual, **fields}), validate_only=validate_only)
    return decode_write(request.SerializeToString(), Still())


def test_every_field_arrives() -> None:
    """A quantity that is not said is 1."""
    items = [pb.EventItem(item_id="a", quantity=3), pb.EventItem(item_id="b")]
    written = write(
        True, visitor_id="v", items=items, event_time={"seconds": NOW_S - 60}, search_query="mug", personalization=1,
        attribution_token="token",
    )  # fmt: skip
    event = UserEvent("e-1", "purchase-complete", "u", "v", NOW_S - 60, (("a", 3), ("b", 1)), "mug")
    assert written == WriteEvent(event, validate_only=True, personal=True, attribution_token="token")


def test_an_event_without_a_time_happened_now() -> None:
    assert write().event.time_s == NOW_S
    assert write().personal is None
    assert write(personalization=2).personal is False


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_of_the_vocabulary_is_taken(name: str) -> None:
    """With an item where it needs one; a search with its words."""
    assert write(event_type=name, search_query="mug", items=ITEM if name in NEEDS_ITEM else []).event.event_type == name


REFUSED = [
    ("event.event_id", {"event_id": ""}),
    ("event.event_id", {"event_id": LONG}),
    ("event.event_id", {"event_id": "a\r"}),
    ("event.event_type", {"event_type": ""}),
    ("event.event_type", {"event_type": "click"}),
    ("event.user_id", {"user_id": "", "visitor_id": ""}),
    ("event.user_id", {"user_id": LONG}),
    ("event.visitor_id", {"visitor_id": "\x1b"}),
    ("event.event_time", {"event_time": {"seconds": NOW_S + 302}}),
    ("event.event_time", {"event_time": {"seconds": 946_684_799}}),
    ("event.event_time", {"event_time": {"seconds": -5}}),
    ("event.items", {"items": []}),
    ("event.items", {"items": ITEM * 101}),
    ("event.items[0].item_id", {"items": [pb.EventItem(item_id="")]}),
    ("event.items[0].quantity", {"items": [pb.EventItem(item_id="a", quantity=-1)]}),
    ("event.items[0].quantity", {"items": [pb.EventItem(item_id="a", quantity=65536)]}),
    ("event.search_query", {"event_type": "search", "search_query": ""}),
    ("event.search_query", {"event_type": "search", "search_query": LONG}),
    ("personalization", {"personalization": 3}),
]


@pytest.mark.parametrize(("field", "fields"), REFUSED, ids=[f"{field}-{n}" for n, (field, _) in enumerate(REFUSED)])
def test_what_cannot_be_used_is_refused_by_name(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        write(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize(("said", "durable"), [(0, None), (1, False), (2, True)])
def test_the_class_of_acknowledgement_arrives(said: int, durable: bool | None) -> None:
    event = pb.UserEvent(event_id="e", event_type="home-page-view", user_id="u")
    request = pb.WriteUserEventRequest(event=event, acknowledgement=said)
    assert decode_write(request.SerializeToString(), Still()).durable is durable


def test_an_unknown_class_of_acknowledgement_is_refused() -> None:
    event = pb.UserEvent(event_id="e", event_type="home-page-view", user_id="u")
    request = pb.WriteUserEventRequest(event=event, acknowledgement=7)
    with pytest.raises(InvalidInput, match="FAST or DURABLE"):
        decode_write(request.SerializeToString(), Still())


def test_clocks_may_differ_by_five_minutes() -> None:
    assert write(event_time={"seconds": NOW_S + 300}).event.time_s == NOW_S + 300


def test_a_request_without_an_event_says_so() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_write(b"", Still())
    assert caught.value.field == "event"


def test_what_became_of_it_is_told() -> None:
    told = pb.WriteUserEventResponse.FromString(encode_written(EventWritten(True, ("x", "y"))))
    assert (told.stored, list(told.missing_item_ids)) == (True, ["x", "y"])
