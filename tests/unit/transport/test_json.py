"""JSON in and out is protobuf's JSON mapping; what is wrong with a body is said with its place."""

from __future__ import annotations

import json
import math

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.core.errors import InvalidInput
from serving.transport.http_errors import MalformedJson
from serving.transport.json_reader import from_json
from serving.transport.json_writer import to_json
from storegate.v1 import catalog_pb2, event_pb2, recommendation_pb2

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
INT32 = st.integers(-(2**31), 2**31 - 1)
ENDS = 3.3999999521443642e38
FLOAT = st.floats(-ENDS, ENDS, width=32, allow_subnormal=False) | st.sampled_from([math.nan, math.inf, -math.inf])
"""Not the sign of NaN, for which JSON has no word, nor the outermost numbers: json_format does not read them back."""
TIMES = st.builds(dict, seconds=st.integers(0, 253402300799), nanos=st.integers(0, 999_999_999))
MONEY = st.builds(dict, amount_minor=st.integers(-(2**63), 2**63 - 1), currency_code=TEXT)
REASONS = st.builds(recommendation_pb2.Reason, code=TEXT, weight=FLOAT, related_item_id=TEXT, text=TEXT)
RESULTS = st.builds(
    recommendation_pb2.RecommendResult,
    item_id=TEXT,
    title=TEXT,
    price=MONEY | st.none(),
    score=FLOAT,
    reasons=st.lists(REASONS, max_size=2),
    propensity=FLOAT,
)
TRACES = st.builds(
    recommendation_pb2.Trace,
    stages=st.lists(
        st.builds(recommendation_pb2.TraceStage, name=TEXT, removed=st.dictionaries(TEXT, INT32, max_size=3)),
        max_size=2,
    ),
    items=st.lists(
        st.builds(recommendation_pb2.TraceItem, shown=st.booleans(), signals=st.dictionaries(TEXT, FLOAT, max_size=3)),
        max_size=2,
    ),
)
INFOS = st.builds(
    recommendation_pb2.ServingInfo,
    model_versions=st.dictionaries(TEXT, TEXT, max_size=3),
    catalogue_version=st.integers(0, 2**63 - 1),
    batch_size=INT32,
    events_applied_through=TIMES | st.none(),
)
MESSAGES = st.one_of(
    st.builds(
        recommendation_pb2.RecommendResponse,
        results=st.lists(RESULTS, max_size=3),
        missing_item_ids=st.lists(TEXT, max_size=3),
        serving_info=INFOS | st.none(),
        request_id=TEXT,
        trace=TRACES | st.none(),
    ),
    st.builds(
        recommendation_pb2.RecommendRequest,
        diversity=st.none() | FLOAT,
        objective_weight=st.none() | st.floats(allow_nan=False) | st.just(math.nan),
        explain=st.integers(0, 5),
        validate_only=st.booleans(),
    ),
    st.builds(
        catalog_pb2.Item,
        item_id=TEXT,
        category_path=st.lists(TEXT, max_size=3),
        price=MONEY,
        stock=st.lists(st.builds(catalog_pb2.LocationStock, location=TEXT, on_hand=INT32), max_size=2),
        available_time=TIMES,
        in_model=st.booleans(),
    ),
    st.builds(catalog_pb2.ImportItemsRequest, inline_json_lines=st.none() | TEXT),
    st.builds(event_pb2.WriteUserEventResponse, stored=st.booleans()),
)


def same_value(mine: object, theirs: object) -> bool:
    """Equal JSON; numbers equal as float32, whose shortest text is not unique."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(same_value(mine[key], theirs[key]) for key in mine)
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(same_value, mine, theirs))
    if isinstance(mine, float) and isinstance(theirs, float):
        return math.isclose(mine, theirs, rel_tol=2e-7)
    return mine == theirs and type(mine) is type(theirs)


@given(MESSAGES)
@settings(max_examples=200)
def test_written_json_is_what_protobuf_writes(message: object) -> None:
    """And reads back as the same message, bit by bit."""
    written = to_json(message)
    assert same_value(json.loads(written), json_format.MessageToDict(message))
    again = json_format.Parse(written, type(message)())
    assert again.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (b'{"userId": "1",\n "pageSize": x}', 2, 14),
        (b'{"userId": "1"', 1, 15),
        (b'{"userId": "NaN",\n\n "diversity": NaN}', 3, 15),
        (b'{"diversity": -Infinity}', 1, 15),
        (b'{"userId": "a\xff"}', 1, 14),
        ('{\n"userId": "é'.encode()[:-1], 2, 12),
        (b"[1]", 1, 1),
        (b"[" * 100_000, 1, 1),
        (b'{"pageSize": ' + b"1" * 5000 + b"}", 1, 1),
    ],
)
def test_malformed_json_says_line_and_column(body: bytes, line: int, column: int) -> None:
    with pytest.raises(MalformedJson) as caught:
        from_json(body, recommendation_pb2.RecommendRequest)
    assert (caught.value.facts["line"], caught.value.facts["column"]) == (str(line), str(column))
    assert f"line {line}, column {column}" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"userID": "1"}, "userID", "UNKNOWN_FIELD"),
        ({"sessionEvents": [{}, {"kind": "view"}]}, "sessionEvents[1].kind", "UNKNOWN_FIELD"),
        ({"constraints": {"maxPerShop": 1}}, "constraints.maxPerShop", "UNKNOWN_FIELD"),
        ({"userId": 5}, "userId", "INVALID_FIELD"),
        ({"pageSize": "ten"}, "pageSize", "INVALID_FIELD"),
        ({"pageSize": 2**40}, "pageSize", "INVALID_FIELD"),
        ({"itemIds": "22423"}, "itemIds", "INVALID_FIELD"),
        ({"userId": "\ud800"}, "userId", "INVALID_FIELD"),
        ({"personalization": "MAYBE"}, "personalization", "INVALID_FIELD"),
        ({"sessionEvents": [{"eventTime": "noon"}]}, "sessionEvents[0].eventTime", "INVALID_FIELD"),
    ],
)
def test_a_field_that_does_not_fit_is_named(body: dict[str, object], field: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        from_json(json.dumps(body).encode(), recommendation_pb2.RecommendRequest)
    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert field in str(caught.value)


def test_an_unknown_field_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="placement, userId, visitorId"):
        from_json(b'{"user": "1"}', recommendation_pb2.RecommendRequest)


def test_a_field_given_twice_is_refused() -> None:
    """Python would silently take the last."""
    with pytest.raises(InvalidInput, match="every field once"):
        from_json(b'{"userId": "1", "userId": "2"}', recommendation_pb2.RecommendRequest)


def test_both_spellings_of_a_field_are_read() -> None:
    """lowerCamelCase and the .proto's own, as the mapping says; an empty body is an empty message."""
    for body in (b'{"userId": "1"}', b'{"user_id": "1"}'):
        assert from_json(body, recommendation_pb2.RecommendRequest).user_id == "1"
    assert from_json(b" ", recommendation_pb2.RecommendRequest) == recommendation_pb2.RecommendRequest()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"pageSize": " at a' + b"." * 1_000_000 + b'!"}', "pageSize"),
        (b"{" + b"".join(b'"a%d":1,' % i for i in range(80_000)) + b'"z":1,"z":2}', "z"),
    ],
    ids=["a value that looks like a path", "many fields, the last twice"],
)
def test_a_hostile_body_is_refused_in_linear_time(body: bytes, field: str) -> None:
    """Each took minutes, on the event loop of all callers."""
    with pytest.raises(InvalidInput) as caught:
        from_json(body, recommendation_pb2.RecommendRequest)
    assert caught.value.field == field
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize("body", [b'{"\\ud800": 1}', b'{"sessionEvents": [{"\\ud800": 1}]}'])
def test_a_name_that_utf8_cannot_carry_is_an_unknown_field(body: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        from_json(body, recommendation_pb2.RecommendRequest)
    assert caught.value.reason == "UNKNOWN_FIELD"
