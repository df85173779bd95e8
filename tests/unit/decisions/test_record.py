"""Logged decisions: nothing is lost on the way to bytes and back, nothing of who did not consent is kept, and every
difference is told."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.core.catalogue import Catalogue, Item
from serving.decisions.recommend.contract import Answer, Pin, Query, ReasonCode, SessionEvent, Source
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.record import (
    SCORE_REL_TOLERANCE,
    Decision,
    Difference,
    Result,
    decision_of,
    differences,
    params_of,
)
from serving.decisions.recommend.record_bytes import decode, encode, query_from_dict, query_to_dict

WALL = 1_800_000_000.123_456_7
IDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
TUPLES = st.lists(IDS, max_size=3).map(tuple)
FLOATS = st.floats(0.0, 1.0)
QUERIES = st.builds(
    Query,
    placement=IDS,
    user_id=IDS,
    visitor_id=IDS,
    item_ids=TUPLES,
    session=st.lists(
        st.builds(SessionEvent, st.integers(0, 9), IDS, st.integers(0, 2**32)), max_size=3
    ).map(tuple),
    page_size=st.integers(1, 100),
    exclude=TUPLES,
    max_per_brand=st.integers(0, 9),
    max_per_category=st.integers(0, 9),
    diversity=st.none() | FLOATS,
    explain=st.integers(0, 2),
    personal=st.sampled_from([None, True, False]),
    request_id=IDS,
    given=st.none() | TUPLES,
    filter=IDS,
    min_margin=FLOATS,
    pins=st.lists(st.builds(Pin, IDS, st.integers(0, 99)), max_size=3).map(tuple),
    exclude_bought=st.booleans(),
    exclude_viewed=st.booleans(),
    objective=IDS,
    objective_weight=st.none() | FLOATS,
    deliver_to=IDS,
    need_by_s=st.integers(0, 2**40),
    offset=st.integers(0, 200),
    trace_items=TUPLES,
    decision_id=IDS,
)  # fmt: skip
F32 = st.floats(width=32, allow_nan=False)
RESULTS = st.builds(
    Result, IDS, F32, st.integers(0, 12), st.integers(0, 12), IDS, F32, st.integers(0, 10**15), IDS, F32
)
DECISIONS = st.builds(
    Decision,
    decision_id=IDS,
    wall=st.floats(0.0, 4e9),
    query=QUERIES,
    blob=st.binary(max_size=100),
    params=st.just({name: getattr(Params(), name) for name in (field.name for field in fields(Params))}),
    release=IDS,
    versions=st.dictionaries(IDS, IDS, max_size=3),
    catalogue_version=st.integers(0, 2**53),
    results=st.lists(RESULTS, max_size=4).map(tuple),
    degraded=st.lists(st.tuples(IDS, IDS), max_size=2).map(tuple),
    missing=TUPLES,
    next_offset=st.integers(0, 200),
    before=st.lists(QUERIES, max_size=2).map(tuple),
    priced_by=IDS,
)


def answer(**changes: Any) -> Answer:
    """Two results of a catalogue of three."""
    items = [Item("mug", currency="GBP"), Item("cup", currency="EUR"), Item("jug")]
    made = Answer(
        catalogue=Catalogue.build(items, version=7),
        rows=np.array([1, 0], np.int32),
        scores=np.array([0.1, -0.2], np.float32),
        sources=np.array([Source.ITEM_ITEM, Source.PINNED], np.uint8),
        reasons=np.array([ReasonCode.BOUGHT_TOGETHER, ReasonCode.NONE], np.uint8),
        related=np.array([2, -1], np.int32),
        weights=np.array([0.75, 0.0], np.float32),
        prices=np.array([499, 5], np.int64),
        propensities=np.array([1.0, 0.25], np.float32),
        missing=("gone",),
        degraded=(("scorer", "onnx"),),
        versions={"ranker": "9"},
        decision_id="ab" * 16,
        next_offset=2,
    )
    return replace(made, **changes)


def decision(query: Query | None = None, **changes: Any) -> Decision:
    return replace(decision_of("r1", Params(), query or Query(user_id="ada"), b"x" * 24, WALL, answer()), **changes)


def told(one: Decision, other: Decision) -> list[tuple[str, str, str]]:
    return [(each.field, each.logged, each.replayed) for each in differences(one, other)]


@given(QUERIES)
@settings(max_examples=50)
def test_a_query_survives_json(query: Query) -> None:
    """Every field: a new one must be added to the strategy above."""
    found = query_to_dict(query)
    assert set(found) == {field.name for field in fields(Query)}
    assert query_from_dict(json.loads(json.dumps(found))) == query == query_from_dict(found)


def test_every_field_of_a_query_is_tried() -> None:
    """All fields but one differ from their defaults in a query that survives."""
    query = Query(
        "p", "u", "v", ("i",), (SessionEvent(1, "i", 2),), 3, ("e",), 1, 2, 0.1, 2, False, "r", True, ("g",), "f", 0.5,
        (Pin("i", 4),), True, True, "margin", 0.25, "here", 9, 20, ("t",), "d",
    )  # fmt: skip
    usual = Query()
    assert [field.name for field in fields(Query) if getattr(query, field.name) == getattr(usual, field.name)] == []
    assert query_from_dict(json.loads(json.dumps(query_to_dict(query)))) == query


@given(DECISIONS)
@settings(max_examples=50)
def test_a_decision_survives_its_bytes(decision: Decision) -> None:
    assert decode(encode(decision)) == decision


def test_a_record_that_does_not_say_whose_prices_it_shows_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of an earlier version."""
    made = decision(priced_by="r9")
    dumps = json.dumps
    with monkeypatch.context() as patched:
        patched.setattr(
            "serving.decisions.recommend.record_bytes.json.dumps",
            lambda found, **options: dumps({k: v for k, v in found.items() if k != "priced_by"}, **options),
        )
        old = encode(made)
    assert decode(encode(made)) == made
    assert decode(old) == replace(made, priced_by="")


def test_a_record_of_an_older_version_gets_defaults_for_what_it_lacks() -> None:
    """And loses what is known no more."""
    found = query_to_dict(Query(user_id="ada"))
    del found["min_margin"]
    assert query_from_dict(found | {"forgotten": 1}) == Query(user_id="ada")
    assert params_of({"candidates": 300, "forgotten": 1}) == Params(candidates=300)


@pytest.mark.parametrize("cut", [0, 1, 2, 20, -1])
def test_bytes_that_are_no_record_are_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"not a record|cut off"):
        decode(encode(decision())[:cut])
    with pytest.raises(ValueError, match="version 9"):
        decode(b"\x09" + encode(decision())[1:])


def test_an_answer_is_recorded_with_all_it_showed() -> None:
    made = decision(Query(user_id="ada", page_size=2))
    assert made.results == (
        Result("cup", float(np.float32(0.1)), 0, 3, "jug", 0.75, 499, "EUR", 1.0),
        Result("mug", float(np.float32(-0.2)), 12, 0, "", 0.0, 5, "GBP", 0.25),
    )
    assert (made.decision_id, made.release, made.catalogue_version, made.wall) == ("ab" * 16, "r1", 7, WALL)
    assert (made.versions, made.missing, made.degraded, made.next_offset) == (
        {"ranker": "9"}, ("gone",), (("scorer", "onnx"),), 2,
    )  # fmt: skip
    assert made.query == Query(user_id="ada", page_size=2, personal=True, decision_id="ab" * 16)
    assert params_of(made.params) == Params()


@pytest.mark.parametrize(("asked", "default"), [(False, True), (None, False), (False, False)])
def test_nothing_of_a_visitor_without_consent_is_recorded(asked: bool | None, default: bool) -> None:
    """Denied by the request or by the store's default; in the placements before it likewise. The question stays."""
    query = Query(
        user_id="ada-secret", visitor_id="cookie-secret", session=(SessionEvent(1, "seen-secret"),), personal=asked,
        request_id="request-secret", item_ids=("mug",), filter="price < 5",
    )  # fmt: skip
    params = Params(personalization=default)
    made = decision_of("r1", params, query, b"profile-secret", WALL, answer(), [replace(query, decision_id="cd" * 16)])
    assert made.query == Query(item_ids=("mug",), filter="price < 5", personal=False, decision_id="ab" * 16)
    assert made.before == (replace(made.query, decision_id="cd" * 16),)
    assert made.blob == b""
    assert "secret" not in repr(made)


@pytest.mark.parametrize(("asked", "default"), [(True, False), (None, True), (True, True)])
def test_with_consent_the_inputs_are_kept_and_the_default_of_the_day_is_written_down(
    asked: bool | None, default: bool
) -> None:
    query = Query(user_id="ada", session=(SessionEvent(1, "mug"),), personal=asked, request_id="r")
    made = decision_of("r1", Params(personalization=default), query, b"x" * 24, WALL, answer())
    assert made.query == replace(query, personal=True, decision_id="ab" * 16)
    assert made.blob == b"x" * 24


def test_the_same_decision_has_no_differences() -> None:
    assert differences(decision(), decode(encode(decision()))) == []


def test_scores_may_differ_in_their_last_bits_and_nothing_else() -> None:
    """Within SCORE_REL_TOLERANCE of the score, or near 0; propensities and weights are compared exactly."""
    one = decision()
    first, second = one.results
    near = replace(first, score=first.score * (1 + 0.9 * SCORE_REL_TOLERANCE))
    far = replace(first, score=first.score * (1 + 1.5 * SCORE_REL_TOLERANCE))
    assert differences(one, replace(one, results=(near, second))) == []
    assert [each.field for each in differences(one, replace(one, results=(far, second)))] == ["results[0].score"]
    zero = replace(one, results=(replace(first, score=0.0), second))
    assert differences(zero, replace(one, results=(replace(first, score=5e-7), second))) == []
    for field in ("weight", "propensity"):
        moved = replace(first, **{field: getattr(first, field) * (1 + 1e-7)})
        assert [each.field for each in differences(one, replace(one, results=(moved, second)))] == [
            f"results[0].{field}"
        ]


def test_every_field_is_compared_and_named() -> None:
    """Codes by their names, versions before the results that they explain."""
    one = decision()
    first, second = one.results
    other = replace(
        one,
        release="r2",
        versions={"ranker": "8", "index": "1"},
        catalogue_version=8,
        params=dict(one.params) | {"candidates": 100, "new-one": 5},
        degraded=(),
        missing=(),
        next_offset=0,
        results=(
            replace(
                first, item_id="jug", score=9.5, source=1, reason=6, related="", weight=0.5, price=1, currency="GBP",
                propensity=0.5,
            ),
            second,
        ),
    )  # fmt: skip
    assert told(one, other) == [
        ("release", "r1", "r2"),
        ("versions[index]", "", "1"),
        ("versions[ranker]", "9", "8"),
        ("catalogue_version", "7", "8"),
        ("params.candidates", "200", "100"),
        ("degraded", "(('scorer', 'onnx'),)", "()"),
        ("missing_item_ids", "('gone',)", "()"),
        ("next_offset", "2", "0"),
        ("results[0].item_id", "cup", "jug"),
        ("results[0].score", "0.10000000149011612", "9.5"),
        ("results[0].source", "item-item", "factors"),
        ("results[0].reason", "BOUGHT_TOGETHER", "TRENDING"),
        ("results[0].related", "jug", ""),
        ("results[0].weight", "0.75", "0.5"),
        ("results[0].price", "499", "1"),
        ("results[0].currency", "EUR", "GBP"),
        ("results[0].propensity", "1.0", "0.5"),
    ]


def test_results_on_one_side_only_are_told_by_their_items() -> None:
    one = decision()
    shorter = replace(one, results=one.results[:1])
    assert differences(one, shorter) == [Difference("results[1].item_id", "mug", "")]
    assert differences(shorter, one) == [Difference("results[1].item_id", "", "mug")]
