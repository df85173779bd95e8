"""The hand-made wire format and JSON equal what the generated classes give."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InternalError
from serving.decisions.recommend.contract import (
    PAGED_ITEMS_MAX,
    PLACEMENTS,
    SOURCE_NAMES,
    Answer,
    PageAnswer,
    ReasonCode,
    Source,
    Trace,
    TraceItem,
    TraceStage,
)
from serving.transport import result_parts
from serving.transport.answer_encoder import AnswerEncoder, WireParts
from serving.transport.answer_writer import AnswerWriter
from serving.transport.page_tokens import page_token
from serving.transport.reasons import reason_text
from serving.transport.result_parts import ResultParts
from storegate.v1 import recommendation_pb2 as pb

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
FLOATS = st.floats(width=32)
ITEMS = st.builds(
    Item,
    item_id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=300),
    title=TEXT | st.just("a long title " * 900),
    price=st.integers(0, 10**15),
    currency=st.sampled_from(["", "GBP"]),
)
COUNTS = st.integers(0, 2**31 - 1)
TRACES = st.builds(
    Trace,
    stages=st.lists(
        st.builds(TraceStage, TEXT, COUNTS, st.dictionaries(TEXT, COUNTS, max_size=3)), min_size=1, max_size=3
    ).map(tuple),
    items=st.lists(
        st.builds(
            TraceItem,
            item_id=TEXT,
            shown=st.booleans(),
            rank=COUNTS,
            score=FLOATS,
            sources=st.lists(st.sampled_from(SOURCE_NAMES), max_size=3).map(tuple),
            why_not=TEXT,
            signals=st.dictionaries(TEXT, FLOATS, max_size=3),
        ),
        max_size=3,
    ).map(tuple),
)


def sign(decision_id: str, made_s: int, placement: int) -> str:
    """A token that shows what was signed."""
    return f"{decision_id}/{made_s}/{placement}"


ENCODER = AnswerEncoder(sign)
WRITER = AnswerWriter(sign)
"""One for all examples: their caches must not mix them up."""


def by_protobuf(answer: Answer) -> pb.RecommendResponse:
    """The same answer, the plain way."""
    response = pb.RecommendResponse(
        missing_item_ids=answer.missing,
        request_id=answer.request_id,
        decision_id=answer.decision_id,
        next_page_token=page_token(answer.next_offset),
    )
    if answer.decision_id:
        response.attribution_token = sign(answer.decision_id, answer.made_s, PLACEMENTS.index(answer.placement))
    if answer.trace is not None:
        for stage in answer.trace.stages:
            response.trace.stages.add(name=stage.name, kept=stage.kept, removed=stage.removed)
        for one in answer.trace.items:
            fields = {name: getattr(one, name) for name in ("item_id", "shown", "rank", "score", "sources", "why_not")}
            response.trace.items.add(**fields, signals=one.signals)
    items = answer.catalogue.items
    for position, row in enumerate(answer.rows):
        item = items[row]
        result = response.results.add(item_id=item.item_id, title=item.title, score=answer.scores[position])
        result.source = SOURCE_NAMES[answer.sources[position]]
        result.propensity = answer.propensities[position]
        price = int(answer.prices[position])
        if price or item.currency:
            result.price.amount_minor, result.price.currency_code = price, item.currency
        code = ReasonCode(answer.reasons[position])
        if code:
            other = items[answer.related[position]] if answer.related[position] >= 0 else None
            result.reasons.add(
                code=code.name,
                weight=answer.weights[position],
                related_item_id=other.item_id if other else "",
                text=reason_text(code, other),
            )
    info = response.serving_info
    for name, version in answer.versions.items():
        if name == "index":
            info.index_version = version
        else:
            info.model_versions[name] = version
    info.catalogue_version, info.batch_size = answer.catalogue.version, answer.batch_size
    for name, micros in answer.stages:
        info.stages.add(name=name, micros=micros)
    for stage, cause in answer.degraded:
        info.degraded.add(stage=stage, cause=cause)
    if answer.applied_through_s:
        info.events_applied_through.seconds = answer.applied_through_s
    return response


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    items = draw(st.lists(ITEMS, min_size=1, max_size=5, unique_by=lambda item: item.item_id))
    n = len(items)
    rows = draw(st.lists(st.integers(0, n - 1), max_size=25))
    k = len(rows)

    def column(values: st.SearchStrategy[float], dtype: type) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=k, max_size=k)), dtype)

    return Answer(
        catalogue=Catalogue.build(items, version=draw(st.integers(0, 2**62))),
        rows=np.array(rows, np.int32),
        scores=column(FLOATS, np.float32),
        sources=column(st.sampled_from(Source), np.uint8),
        reasons=column(st.sampled_from(ReasonCode), np.uint8),
        related=column(st.integers(-1, n - 1), np.int32),
        weights=column(FLOATS, np.float32),
        prices=column(st.integers(0, 10**15), np.int64),
        propensities=column(FLOATS, np.float32),
        missing=tuple(draw(st.lists(TEXT, max_size=3))),
        degraded=tuple(draw(st.lists(st.tuples(TEXT, TEXT), max_size=2))),
        stages=tuple(draw(st.lists(st.tuples(TEXT, st.integers(0, 2**31 - 1)), max_size=5))),
        batch_size=draw(st.integers(0, 1000)),
        applied_through_s=draw(st.integers(0, 2**32)),
        versions=draw(st.dictionaries(st.sampled_from(["ranker", "factors", "index"]), TEXT)),
        request_id=draw(TEXT),
        decision_id=draw(st.just("") | st.text("0123456789abcdef", min_size=32, max_size=32)),
        made_s=draw(st.integers(0, 2**32)),
        placement=draw(st.sampled_from(PLACEMENTS)),
        next_offset=draw(st.integers(0, PAGED_ITEMS_MAX - 1)),
        trace=draw(st.none() | TRACES),
    )


@given(answers())
@settings(max_examples=150)
def test_an_answer_parses_to_what_protobuf_would_have_written(answer: Answer) -> None:
    """Twice: the second time from the caches. Compared as deterministic bytes, because NaN differs from itself."""
    expected = by_protobuf(answer).SerializeToString(deterministic=True)
    as_rerank = pb.RerankResponse.FromString(expected).SerializeToString(deterministic=True)
    for _ in range(2):
        parsed = pb.RecommendResponse.FromString(ENCODER.encode(answer))
        assert parsed.SerializeToString(deterministic=True) == expected
        reranked = pb.RerankResponse.FromString(ENCODER.encode(answer))
        assert reranked.SerializeToString(deterministic=True) == as_rerank


@given(st.lists(answers(), max_size=3), TEXT)
@settings(max_examples=50)
def test_a_page_parses_to_what_protobuf_would_have_written(parts: list[Answer], request_id: str) -> None:
    """A section an answer, in order, each under the name of its placement."""
    expected = pb.RecommendPageResponse(request_id=request_id)
    for answer in parts:
        expected.sections.add(placement=answer.placement, response=by_protobuf(answer))
    found = pb.RecommendPageResponse.FromString(ENCODER.encode_page(PageAnswer(tuple(parts), request_id)))
    assert found.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)


@given(answers())
@settings(max_examples=150)
def test_the_json_of_an_answer_is_what_protobuf_would_have_written(answer: Answer) -> None:
    """Twice: the second time from what is kept."""
    expected = read(json_format.MessageToJson(by_protobuf(answer)))
    for _ in range(2):
        assert read(WRITER.write(answer)) == expected


def read(text: str | bytes) -> Any:
    """JSON of which no member stands twice, its numbers as float32."""
    return json.loads(text, parse_float=lambda digits: float(np.float32(digits)), object_pairs_hook=once)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    assert len(found) == len(pairs)
    return found


@given(st.lists(answers(), max_size=3), TEXT)
@settings(max_examples=50)
def test_the_json_of_a_page_is_what_protobuf_would_have_written(parts: list[Answer], request_id: str) -> None:
    expected = pb.RecommendPageResponse(request_id=request_id)
    for answer in parts:
        expected.sections.add(placement=answer.placement, response=by_protobuf(answer))
    found = WRITER.write_page(PageAnswer(tuple(parts), request_id))
    assert read(found) == read(json_format.MessageToJson(expected))


@given(st.lists(FLOATS, min_size=1, max_size=30))
@settings(max_examples=300)
def test_a_number_in_json_is_as_short_as_protobufs(values: list[float]) -> None:
    """Whatever its size, down to the smallest and up to the largest float32."""
    answer = one_result(Catalogue.build([Item("a"), Item("b")]))
    for value in values:
        answer.scores = np.array([value], np.float32)
        found = json.loads(WRITER.write(answer))["results"][0].get("score", 0.0)
        expected = json_format.MessageToDict(pb.RecommendResult(score=value)).get("score", 0.0)
        assert repr(found) == repr(expected)


def test_sources_and_reasons_have_places_among_the_parts() -> None:
    """Each has a number below the places there are."""
    assert max(*Source, *ReasonCode) < result_parts.NUMBERS
    assert (len(SOURCE_NAMES), len(ReasonCode)) == (13, 13)


def test_without_a_signer_and_without_a_decision_there_is_no_token() -> None:
    """What is not logged cannot be attributed."""
    answer = one_result(Catalogue.build([Item("a"), Item("b")]))
    assert pb.RecommendResponse.FromString(AnswerEncoder(sign).encode(answer)).attribution_token == ""
    answer.decision_id, answer.placement = "0" * 32, PLACEMENTS[3]
    assert pb.RecommendResponse.FromString(AnswerEncoder().encode(answer)).attribution_token == ""
    assert pb.RecommendResponse.FromString(AnswerEncoder(sign).encode(answer)).attribution_token == f"{'0' * 32}/0/3"


def one_result(catalogue: Catalogue, code: ReasonCode = ReasonCode.BECAUSE_YOU_BOUGHT) -> Answer:
    """Row 0 because of row 1."""
    return Answer(
        catalogue=catalogue,
        rows=np.zeros(1, np.int32),
        scores=np.ones(1, np.float32),
        sources=np.zeros(1, np.uint8),
        reasons=np.array([code], np.uint8),
        related=np.ones(1, np.int32),
        weights=np.ones(1, np.float32),
        prices=catalogue.price[:1],
        propensities=np.ones(1, np.float32),
    )


def test_a_new_price_or_title_is_seen_at_once() -> None:
    """Of the item itself and of the item that the reason names."""
    encoder = AnswerEncoder()
    before = Catalogue.build([Item("a", "Mug", price=100, currency="GBP"), Item("b", "Cup")])
    after = before.updated([Item("a", "Mug", price=90, currency="GBP"), Item("b", "Tea cup")], 1)
    for catalogue, price, text in (
        (before, 100, "Because you bought Cup"),
        (after, 90, "Because you bought Tea cup"),
        (before, 100, "Because you bought Cup"),
    ):
        result = pb.RecommendResponse.FromString(encoder.encode(one_result(catalogue))).results[0]
        assert (result.price.amount_minor, result.reasons[0].text) == (price, text)


def test_the_price_shown_is_the_answers_and_not_the_items() -> None:
    """A quote changes nothing of the item, and is seen at once; so is its end."""
    encoder = AnswerEncoder()
    answer = one_result(Catalogue.build([Item("a", "Mug", price=100, currency="GBP"), Item("b", "Cup")]))
    for price in (100, 75, 0, 100):
        answer.prices = np.array([price], np.int64)
        result = pb.RecommendResponse.FromString(encoder.encode(answer)).results[0]
        assert (result.price.amount_minor, result.price.currency_code) == (price, "GBP")


def test_a_full_store_of_parts_is_emptied_and_answers_stay_right() -> None:
    """Room for the fixed parts and a few items: what does not fit makes everything before it be forgotten."""
    parts = ResultParts(WireParts(), bytes_max=2000)
    catalogue = Catalogue.build([Item(str(number), f"Item {number} {'x' * 200}") for number in range(20)])
    for row in range(19):
        answer = one_result(catalogue)
        answer.rows[0], answer.related[0] = row, row + 1
        result = pb.RecommendResponse.FromString(parts.results(answer)).results[0]
        assert (result.item_id, result.reasons[0].related_item_id) == (str(row), str(row + 1))


def test_releases_that_take_turns_do_not_fill_the_store() -> None:
    """Every swap gives all items new serials; each writes over what it said before, also where one says more."""
    parts = ResultParts(WireParts())
    long, short = (
        [Item("a", "Mug" * words, price=100, currency="GBP"), Item("b", "Cup" * (6 - words))] for words in (5, 1)
    )
    used = set()
    for number in range(40):
        items = long if number % 2 else short
        result = pb.RecommendResponse.FromString(parts.results(one_result(Catalogue.build(items)))).results[0]
        assert (result.title, result.reasons[0].text) == (items[0].title, f"Because you bought {items[1].title}")
        used.add(parts._used)
    assert len(used) <= 3


def test_what_finds_no_room_at_all_is_an_error_and_no_endless_loop() -> None:
    """Two items, of which the second always drives out the first."""
    catalogue = Catalogue.build([Item("a", "x" * 500), Item("b", "y" * 500)])
    with pytest.raises(InternalError, match="1 results is too large"):
        ResultParts(WireParts(), bytes_max=2000).results(one_result(catalogue))


def test_a_catalogue_that_grows_is_followed() -> None:
    """Rows beyond those there was room for."""
    encoder, catalogue = AnswerEncoder(), Catalogue.build([Item("a"), Item("b")])
    for number in range(10):
        catalogue = catalogue.updated([Item(f"new-{number}")], number + 1)
        answer = one_result(catalogue)
        answer.rows[0] = number + 2
        result = pb.RecommendResponse.FromString(encoder.encode(answer)).results[0]
        assert (result.item_id, result.reasons[0].related_item_id) == (f"new-{number}", "b")


def test_reasons_read_as_sentences() -> None:
    """An item without a title is named by its id; a reason without an item needs none."""
    assert reason_text(ReasonCode.BECAUSE_YOU_VIEWED, Item("85123A")) == "Because you viewed 85123A"
    assert reason_text(ReasonCode.BOUGHT_TOGETHER, Item("a", "Mug")) == "Often bought with Mug"
    assert reason_text(ReasonCode.SIMILAR_ITEM, Item("a", "Mug")) == "Similar to Mug"
    assert reason_text(ReasonCode.OFTEN_NEXT, Item("a", "Mug")) == "Often chosen after Mug"
    assert reason_text(ReasonCode.BUY_AGAIN, Item("a", "Mug")) == "You have bought this before"
    alone = [reason_text(code, None) for code in ReasonCode if code]
    assert len(set(alone)) == len(alone) == 12
