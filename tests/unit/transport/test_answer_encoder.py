"""The hand-made wire format equals what the generated classes give."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.core.catalogue import Catalogue, Item
from serving.decisions.recommend.contract import SOURCE_NAMES, Answer, ReasonCode
from serving.transport import answer_encoder
from serving.transport.answer_encoder import AnswerEncoder
from serving.transport.reasons import reason_text
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
ENCODER = AnswerEncoder()
"""One for all examples: its caches must not mix them up."""


def by_protobuf(answer: Answer) -> pb.RecommendResponse:
    """The same answer, the plain way."""
    response = pb.RecommendResponse(missing_item_ids=answer.missing, request_id=answer.request_id)
    items = answer.catalogue.items
    for position, row in enumerate(answer.rows):
        item = items[row]
        result = response.results.add(item_id=item.item_id, title=item.title, score=answer.scores[position])
        result.source = SOURCE_NAMES[answer.sources[position]]
        if item.price or item.currency:
            result.price.amount_minor, result.price.currency_code = item.price, item.currency
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
        sources=column(st.integers(0, 5), np.uint8),
        reasons=column(st.integers(0, 7), np.uint8),
        related=column(st.integers(-1, n - 1), np.int32),
        weights=column(FLOATS, np.float32),
        missing=tuple(draw(st.lists(TEXT, max_size=3))),
        degraded=tuple(draw(st.lists(st.tuples(TEXT, TEXT), max_size=2))),
        stages=tuple(draw(st.lists(st.tuples(TEXT, st.integers(0, 2**31 - 1)), max_size=5))),
        batch_size=draw(st.integers(0, 1000)),
        applied_through_s=draw(st.integers(0, 2**32)),
        versions=draw(st.dictionaries(st.sampled_from(["ranker", "factors", "index"]), TEXT)),
        request_id=draw(TEXT),
    )


@given(answers())
@settings(max_examples=150, deadline=None)
def test_an_answer_parses_to_what_protobuf_would_have_written(answer: Answer) -> None:
    """Twice: the second time from the caches. Compared as deterministic bytes, because NaN differs from itself."""
    expected = by_protobuf(answer).SerializeToString(deterministic=True)
    for _ in range(2):
        parsed = pb.RecommendResponse.FromString(ENCODER.encode(answer))
        assert parsed.SerializeToString(deterministic=True) == expected
        assert pb.RerankResponse.FromString(ENCODER.encode(answer)).SerializeToString(deterministic=True) == expected


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


def test_full_caches_are_emptied_and_answers_stay_right(monkeypatch: object) -> None:
    encoder = AnswerEncoder()
    catalogue = Catalogue.build([Item(str(number), f"Item {number}") for number in range(20)])
    monkeypatch.setattr(answer_encoder, "CACHED_PARTS_MAX", 3)  # type: ignore[attr-defined]
    for row in range(19):
        answer = one_result(catalogue)
        answer.rows[0], answer.related[0] = row, row + 1
        result = pb.RecommendResponse.FromString(encoder.encode(answer)).results[0]
        assert (result.item_id, result.reasons[0].related_item_id) == (str(row), str(row + 1))
        assert max(len(encoder._items), len(encoder._reasons)) <= 3


def test_reasons_read_as_sentences() -> None:
    """An item without a title is named by its id; a reason without an item needs none."""
    assert reason_text(ReasonCode.BECAUSE_YOU_VIEWED, Item("85123A")) == "Because you viewed 85123A"
    assert reason_text(ReasonCode.BOUGHT_TOGETHER, Item("a", "Mug")) == "Often bought with Mug"
    assert reason_text(ReasonCode.BUY_AGAIN, Item("a", "Mug")) == "You have bought this before"
    alone = [reason_text(code, None) for code in ReasonCode if code]
    assert len(set(alone)) == len(alone) == 7
