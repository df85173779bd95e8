"""RecommendPage: what holds for the whole page, and what for one placement of it."""

from __future__ import annotations

from typing import Any

import pytest

from serving.core.clock import SystemClock
from serving.core.errors import InvalidInput
from serving.decisions.recommend.contract import EXPLAIN_TRACE, PageQuery, Pin, Query, SessionEvent
from serving.decisions.recommend.filters import compiled
from serving.events.types import VIEW
from serving.transport.codecs import PAGE_SIZE
from serving.transport.recommend_codec import decode_page
from storegate.v1 import recommendation_pb2 as pb


def page(*placements: pb.PagePlacement, **fields: Any) -> PageQuery:
    return decode_page(pb.RecommendPageRequest(placements=placements, **fields).SerializeToString(), SystemClock())


def part(**fields: Any) -> pb.PagePlacement:
    return pb.PagePlacement(**fields)


def test_a_placement_without_wishes_asks_for_the_defaults() -> None:
    assert page(part()) == PageQuery((Query(),))


def test_every_field_arrives_in_every_placement() -> None:
    """What the page says holds for all of them, what a placement says for itself."""
    found = page(
        part(placement="buy-it-again", page_size=3, diversity=0.5),
        part(
            placement="similar-items",
            item_ids=["22423"],
            filter="price < 500",
            constraints=pb.Constraints(pins=[pb.Pin(item_id="p", position=2)]),
        ),
        user_id="17850",
        visitor_id="cookie",
        session_events=[pb.SessionEvent(event_type="detail-page-view", item_id="a")],
        exclude_item_ids=["x"],
        filter="brand:Acme",
        explain=pb.EXPLAIN_TRACE,
        personalization=1,
        objective="revenue",
        objective_weight=0.0,
        deliver_to={"location": "north"},
        request_id="r-1",
        validate_only=True,
    )
    shared: dict[str, Any] = {
        "user_id": "17850",
        "visitor_id": "cookie",
        "session": (SessionEvent(VIEW, "a"),),
        "exclude": ("x",),
        "explain": EXPLAIN_TRACE,
        "personal": True,
        "objective": "revenue",
        "objective_weight": 0.0,
        "deliver_to": "north",
        "request_id": "r-1",
        "validate_only": True,
    }
    again = Query("buy-it-again", page_size=3, diversity=0.5, filter="brand:Acme", **shared)
    similar = Query(
        "similar-items",
        item_ids=("22423",),
        filter="(brand:Acme) AND (price < 500)",
        pins=(Pin("p", 1),),
        **shared,
    )
    assert found == PageQuery((again, similar), "r-1")


@pytest.mark.parametrize("mine", ["price < 5", "price < 5 OR on_sale", "  ", ""])
@pytest.mark.parametrize("everywhere", ["brand:Acme OR brand:Oak", " ", ""])
def test_two_filters_become_one_that_compiles(everywhere: str, mine: str) -> None:
    """OR binds tighter than AND, and a blank filter is none."""
    (query,) = page(part(filter=mine), filter=everywhere).queries
    compiled(query.filter)
    wanted = [text for text in (everywhere, mine) if text.strip()]
    assert all(text in query.filter for text in wanted)
    assert (" AND " in query.filter) == (len(wanted) == 2)


def test_a_page_has_one_to_twelve_placements() -> None:
    assert len(page(*[part()] * 12).queries) == 12
    for count in (0, 13):
        with pytest.raises(InvalidInput, match=f"{count} placements.*1 to 12") as caught:
            page(*[part()] * count)
        assert caught.value.field == "placements"


REFUSED = [
    ("placements[1].placement", {"placement": "homepage"}),
    ("placements[1].item_ids", {"placement": "similar-items"}),
    ("placements[1].item_ids[0]", {"item_ids": [""]}),
    ("placements[1].page_size", {"page_size": 101}),
    ("placements[1].filter", {"filter": "price <"}),
    ("placements[1].diversity", {"diversity": 2.0}),
    ("placements[1].constraints.max_per_brand", {"constraints": pb.Constraints(max_per_brand=-1)}),
    ("placements[1].constraints.min_margin", {"constraints": pb.Constraints(min_margin=2.0)}),
    ("placements[1].constraints.pins[0].position", {"constraints": pb.Constraints(pins=[pb.Pin(item_id="a")])}),
]


@pytest.mark.parametrize(("field", "fields"), REFUSED, ids=[field for field, _ in REFUSED])
def test_an_error_of_a_placement_says_which_one(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        page(part(), part(**fields))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("filter", {"filter": "price <"}),
        ("user_id", {"user_id": "x" * 257}),
        ("objective", {"objective": "profit"}),
        ("deliver_to.location", {"deliver_to": pb.Delivery()}),
        ("exclude_item_ids", {"exclude_item_ids": ["a"] * 501}),
        ("explain", {"explain": 9}),
    ],
)
def test_an_error_of_the_page_names_the_field_alone(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        page(part(), **fields)
    assert caught.value.field == field


def test_filters_that_are_too_much_together_are_refused_where_they_meet() -> None:
    """Each is within the bounds of a filter, both together are not."""
    half = " AND ".join(["price < 5"] * 60)
    assert page(part(filter=half)).queries[0].filter == half
    with pytest.raises(InvalidInput, match="at most 100 comparisons") as caught:
        page(part(), part(filter=half), filter=half)
    assert caught.value.field == "placements[1].filter"


def test_bytes_that_are_no_message_name_the_message() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_page(b"\xff\xff", SystemClock())
    assert (caught.value.field, caught.value.reason) == ("RecommendPageRequest", "MALFORMED_MESSAGE")


def test_many_placements_are_bulk_and_few_are_not() -> None:
    """Told from the bytes before they are decoded; what is no message is left to the decoder."""

    def units(placements: int) -> int:
        return PAGE_SIZE.units(pb.RecommendPageRequest(placements=[part()] * placements).SerializeToString())

    assert [units(count) for count in (0, 1, 4, 12)] == [1, 1, 4, 12]
    assert PAGE_SIZE.interactive_max == 4
    assert PAGE_SIZE.units(b"\xff") == 1
