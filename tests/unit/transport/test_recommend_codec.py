"""Recommend and Rerank: every check of the request, by name."""

from __future__ import annotations

from typing import Any

import pytest

from serving.core.errors import InvalidInput
from serving.decisions.recommend.contract import (
    EXPLAIN_NONE,
    EXPLAIN_REASONS,
    EXPLAIN_TRACE,
    PLACEMENTS,
    Pin,
    Query,
    SessionEvent,
)
from serving.events.types import CART, VIEW
from serving.transport.codecs import RERANK_SIZE
from serving.transport.page_tokens import page_token
from serving.transport.recommend_codec import decode_recommend, decode_rerank
from storegate.v1 import recommendation_pb2 as pb

NOW_S = 1_700_000_000
LONG = "x" * 257


class Still:
    """A clock that stands until it is moved."""

    now_s = float(NOW_S)

    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return self.now_s


def recommend(**fields: Any) -> Query:
    return decode_recommend(pb.RecommendRequest(**fields).SerializeToString(), Still())


def rerank(**fields: Any) -> Query:
    return decode_rerank(pb.RerankRequest(**fields).SerializeToString(), Still())


def event(**fields: Any) -> pb.SessionEvent:
    return pb.SessionEvent(**{"event_type": "detail-page-view", "item_id": "a", **fields})


def pin(**fields: Any) -> pb.Pin:
    return pb.Pin(**{"item_id": "a", "position": 1, **fields})


def test_the_empty_request_asks_for_the_defaults() -> None:
    assert decode_recommend(b"", Still()) == Query()


def test_every_field_arrives() -> None:
    session = [
        event(event_time={"seconds": NOW_S - 5}),
        event(event_type="add-to-cart", item_id="b"),
        event(event_type="home-page-view", item_id=""),
    ]
    query = recommend(
        placement="others-you-may-like",
        user_id="17850",
        visitor_id="cookie",
        item_ids=["22423", "85123A"],
        session_events=session,
        page_size=100,
        exclude_item_ids=["x"],
        constraints=pb.Constraints(
            max_per_brand=2,
            max_per_category=3,
            min_margin=0.25,
            pins=[pb.Pin(item_id="p", position=1), pb.Pin(item_id="q", position=100)],
            exclude_bought=True,
            exclude_viewed=True,
        ),
        diversity=0.25,
        explain=pb.EXPLAIN_TRACE,
        personalization=2,
        request_id="r-1",
        validate_only=True,
        filter='price < 5000 AND NOT category:"gift"',
        objective="margin",
        objective_weight=0.75,
        deliver_to={"location": "north", "need_by": {"seconds": NOW_S + 86_400}},
        page_token=page_token(30),
        trace_item_ids=["why"],
    )
    assert query == Query(
        placement="others-you-may-like",
        user_id="17850",
        visitor_id="cookie",
        item_ids=("22423", "85123A"),
        session=(SessionEvent(VIEW, "a", NOW_S - 5), SessionEvent(CART, "b"), SessionEvent(0, "")),
        page_size=100,
        exclude=("x",),
        max_per_brand=2,
        max_per_category=3,
        min_margin=0.25,
        pins=(Pin("p", 0), Pin("q", 99)),
        exclude_bought=True,
        exclude_viewed=True,
        diversity=0.25,
        explain=EXPLAIN_TRACE,
        personal=False,
        request_id="r-1",
        validate_only=True,
        filter='price < 5000 AND NOT category:"gift"',
        objective="margin",
        objective_weight=0.75,
        deliver_to="north",
        need_by_s=NOW_S + 86_400,
        offset=30,
        trace_items=("why",),
    )


def test_zero_is_a_choice_where_absence_means_the_default() -> None:
    assert recommend(diversity=0.0).diversity == 0.0
    assert recommend().diversity is None
    assert recommend(personalization=1).personal is True
    assert recommend(objective_weight=0.0).objective_weight == 0.0
    assert recommend().objective_weight is None
    assert recommend(deliver_to={"location": "north"}).need_by_s == 0


def test_reasons_are_given_unless_they_are_declined() -> None:
    kinds = (pb.EXPLAIN_UNSPECIFIED, pb.EXPLAIN_NONE, pb.EXPLAIN_REASONS, pb.EXPLAIN_TRACE)
    found = [recommend(explain=kind).explain for kind in kinds]
    assert found == [EXPLAIN_REASONS, EXPLAIN_NONE, EXPLAIN_REASONS, EXPLAIN_TRACE]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_placement_can_be_asked_for(placement: str) -> None:
    """With items all nine; those that are about items refuse to be asked without."""
    assert recommend(placement=placement, item_ids=["a"]).placement == placement
    if placement in ("others-you-may-like", "similar-items", "frequently-bought-together"):
        with pytest.raises(InvalidInput, match=f"the items that {placement} is about") as caught:
            recommend(placement=placement)
        assert caught.value.field == "item_ids"
    else:
        assert recommend(placement=placement).item_ids == ()


REFUSED = [
    ("page_size", {"page_size": -1}),
    ("page_size", {"page_size": 101}),
    ("placement", {"placement": "homepage"}),
    ("user_id", {"user_id": LONG}),
    ("user_id", {"user_id": "é" * 129}),
    ("user_id", {"user_id": "a\nb"}),
    ("visitor_id", {"visitor_id": "a\x00"}),
    ("request_id", {"request_id": LONG}),
    ("item_ids", {"placement": "others-you-may-like"}),
    ("item_ids", {"item_ids": ["a"] * 101}),
    ("item_ids[1]", {"item_ids": ["a", ""]}),
    ("item_ids[0]", {"item_ids": [LONG]}),
    ("exclude_item_ids", {"exclude_item_ids": ["a"] * 501}),
    ("exclude_item_ids[0]", {"exclude_item_ids": ["a\tb"]}),
    ("constraints.max_per_brand", {"constraints": pb.Constraints(max_per_brand=-1)}),
    ("constraints.max_per_category", {"constraints": pb.Constraints(max_per_category=-1)}),
    ("constraints.min_margin", {"constraints": pb.Constraints(min_margin=-0.01)}),
    ("constraints.min_margin", {"constraints": pb.Constraints(min_margin=1.01)}),
    ("constraints.min_margin", {"constraints": pb.Constraints(min_margin=float("nan"))}),
    ("constraints.pins", {"constraints": pb.Constraints(pins=[pin()] * 21)}),
    ("constraints.pins[0].item_id", {"constraints": pb.Constraints(pins=[pin(item_id="")])}),
    ("constraints.pins[1].item_id", {"constraints": pb.Constraints(pins=[pin(), pin(item_id="a\nb")])}),
    ("constraints.pins[1].position", {"constraints": pb.Constraints(pins=[pin(), pin(position=0)])}),
    ("constraints.pins[0].position", {"constraints": pb.Constraints(pins=[pin(position=101)])}),
    ("objective", {"objective": "profit"}),
    ("objective_weight", {"objective_weight": -0.01}),
    ("objective_weight", {"objective_weight": 1.01}),
    ("objective_weight", {"objective_weight": float("nan")}),
    ("deliver_to.location", {"deliver_to": pb.Delivery()}),
    ("deliver_to.location", {"deliver_to": pb.Delivery(location=LONG)}),
    ("deliver_to.need_by", {"deliver_to": pb.Delivery(location="north", need_by={"seconds": 1})}),
    ("deliver_to.need_by", {"deliver_to": pb.Delivery(location="north", need_by={"seconds": 2**32})}),
    ("trace_item_ids", {"trace_item_ids": ["a"] * 21}),
    ("trace_item_ids[1]", {"trace_item_ids": ["a", ""]}),
    ("page_token", {"page_token": "next"}),
    ("filter", {"filter": "price <"}),
    ("diversity", {"diversity": -0.01}),
    ("diversity", {"diversity": 1.01}),
    ("diversity", {"diversity": float("nan")}),
    ("explain", {"explain": 4}),
    ("personalization", {"personalization": 7}),
    ("session_events", {"session_events": [event()] * 101}),
    ("session_events[0].event_type", {"session_events": [event(event_type="detail-page-seen")]}),
    ("session_events[1].item_id", {"session_events": [event(), event(item_id="")]}),
    ("session_events[0].item_id", {"session_events": [event(item_id="a\x7f")]}),
    ("session_events[0].event_time", {"session_events": [event(event_time={"seconds": NOW_S + 301})]}),
    ("session_events[0].event_time", {"session_events": [event(event_time={"seconds": 1})]}),
]


@pytest.mark.parametrize(("field", "fields"), REFUSED, ids=[f"{field}-{n}" for n, (field, _) in enumerate(REFUSED)])
def test_what_cannot_be_used_is_refused_by_name(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        recommend(**fields)
    assert caught.value.field == field


def test_requests_that_differ_in_their_ids_alone_share_all_else() -> None:
    """What is remembered of one request carries no id into the next, and hides no error."""
    clock = Still()

    def ask(**fields: Any) -> Query:
        return decode_recommend(pb.RecommendRequest(**fields).SerializeToString(), clock)

    for name in ("user_id", "visitor_id", "request_id"):
        for value in ("a", "b"):
            assert ask(page_size=7, filter="on_sale", **{name: value}) == Query(
                page_size=7, filter="on_sale", **{name: value}
            )
        with pytest.raises(InvalidInput) as caught:
            ask(page_size=7, filter="on_sale", **{name: LONG})
        assert caught.value.field == name
    for _ in range(2):
        with pytest.raises(InvalidInput, match="page_size"):
            ask(page_size=101)


def test_the_time_of_an_event_is_compared_with_the_clock_every_time() -> None:
    """The same bytes, an hour later."""
    clock, asked = Still(), pb.RecommendRequest(session_events=[event(event_time={"seconds": NOW_S + 3600})])
    with pytest.raises(InvalidInput, match="in the future"):
        decode_recommend(asked.SerializeToString(), clock)
    clock.now_s += 3600
    assert decode_recommend(asked.SerializeToString(), clock).session[0].time_s == NOW_S + 3600


def test_a_long_request_is_decoded_like_a_short_one() -> None:
    """Beyond what is remembered."""
    ids = tuple(f"item-{number}" for number in range(100))
    assert recommend(user_id="a", exclude_item_ids=ids) == Query(user_id="a", exclude=ids)


def test_the_limits_themselves_are_allowed() -> None:
    assert recommend(user_id="x" * 256, page_size=100, item_ids=["a"] * 100, diversity=1.0).page_size == 100
    assert recommend(session_events=[event(event_time={"seconds": NOW_S + 300})] * 100).session
    assert len(recommend(constraints=pb.Constraints(pins=[pin(position=100)] * 20, min_margin=1.0)).pins) == 20
    assert len(recommend(trace_item_ids=["a"] * 20).trace_items) == 20
    assert recommend(objective_weight=1.0).objective_weight == 1.0


def test_unknown_words_are_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="recommended-for-you, others-you-may-like") as placement:
        recommend(placement="homepage")
    assert placement.value.reason == "UNKNOWN_PLACEMENT"
    with pytest.raises(InvalidInput, match="detail-page-view, search, add-to-cart") as kind:
        recommend(session_events=[event(event_type="click")])
    assert kind.value.reason == "UNKNOWN_EVENT_TYPE"
    with pytest.raises(InvalidInput, match="purchase, click, revenue, margin") as objective:
        recommend(objective="profit")
    assert objective.value.reason == "UNKNOWN_OBJECTIVE"


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        ("pirce < 5", "UNKNOWN_FIELD_IN_FILTER", r"filter: got 'pirce < 5', expected price, .*\(column 1\)"),
        ("price <", "INVALID_FILTER", r"expected a value to compare price with \(column 8\)"),
        ('brand:Acme AND price < "a"', "INVALID_FILTER", r"expected a number without quotes \(column 24\)"),
        ("x" * 2049, "INVALID_FILTER", "at most 2048 bytes"),
    ],
    ids=["field", "value", "kind", "length"],
)
def test_a_filter_that_is_none_says_where_and_what_was_expected(text: str, reason: str, says: str) -> None:
    """The request's field first, then the column of the text."""
    with pytest.raises(InvalidInput, match=says) as caught:
        recommend(filter=text)
    assert (caught.value.field, caught.value.reason) == ("filter", reason)


def test_a_later_page_may_be_shorter_but_never_passes_the_end() -> None:
    """Two hundred results can be reached, however large the pages are."""
    query = recommend(page_token=page_token(150), page_size=100)
    assert (query.offset, query.page_size) == (150, 50)
    assert recommend(page_token=page_token(100), page_size=100).page_size == 100


@pytest.mark.parametrize("payload", [b"\xff\xff", b"\x12\x05ab", b"\x12\x02\xff\xfe"], ids=["tag", "cut", "not-utf-8"])
def test_bytes_that_are_no_message_name_the_message(payload: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_recommend(payload, Still())
    assert (caught.value.field, caught.value.reason) == ("RecommendRequest", "MALFORMED_MESSAGE")


def test_rerank_keeps_its_items_and_answers_all_of_them_by_default() -> None:
    query = rerank(item_ids=["b", "a"], user_id="u", page_size=0)
    assert (query.given, query.page_size, query.item_ids) == (("b", "a"), 2, ())
    assert rerank(item_ids=["a"] * 500, page_size=500).page_size == 500
    ruled = rerank(item_ids=["a"], constraints=pb.Constraints(min_margin=0.5, pins=[pin()]), explain=pb.EXPLAIN_TRACE)
    assert (ruled.min_margin, ruled.pins, ruled.explain) == (0.5, (Pin("a", 0),), EXPLAIN_TRACE)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("item_ids", {}),
        ("item_ids", {"item_ids": ["a"] * 501}),
        ("page_size", {"item_ids": ["a"], "page_size": 501}),
        ("page_size", {"item_ids": ["a"], "page_size": -1}),
        ("diversity", {"item_ids": ["a"], "diversity": 2.0}),
        ("constraints.min_margin", {"item_ids": ["a"], "constraints": pb.Constraints(min_margin=2.0)}),
    ],
)
def test_rerank_refuses_by_name(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        rerank(**fields)
    assert caught.value.field == field


def test_a_long_list_is_bulk_and_a_short_one_is_not() -> None:
    """Told from the bytes before they are decoded; what is no message is left to the decoder."""

    def units(items: int) -> int:
        return RERANK_SIZE.units(pb.RerankRequest(item_ids=["i"] * items).SerializeToString())

    assert [units(count) for count in (0, 1, 100, 101, 500)] == [1, 1, 1, 2, 5]
    assert RERANK_SIZE.interactive_max == 1
    assert RERANK_SIZE.units(b"\xff") == 1
