"""GetDecision and ReplayDecision on the wire."""

from __future__ import annotations

import json

import pytest

from serving.core.errors import InvalidInput
from serving.decisions.recommend.contract import Query, SessionEvent
from serving.decisions.recommend.record import Decision, Difference, Logged, Replayed, Result
from serving.events.contract import Outcome
from serving.transport.decision_codec import decode_get, decode_replay, encode_logged, encode_replayed
from storegate.v1 import recommendation_pb2 as pb

ID = "0123456789abcdef" * 2
QUERY = Query(
    "on-sale", "ada", "v-1", session=(SessionEvent(2, "cüp", 5),), filter="price < 5", personal=True, decision_id=ID
)
DECISION = Decision(
    ID, 1_800_000_000.25, QUERY, b"x" * 24, {"candidates": 200}, "r1", {"ranker": "7", "index": "3"}, 12,
    (Result("mug", 0.5, 0, 1, "cup", 0.5, 499, "GBP", 0.25), Result("free", -1.0, 12, 0, "", 0.0, 0, "", 1.0)),
    (("scorer", "onnx"),),
)  # fmt: skip
LOGGED = Logged(
    DECISION,
    (
        Outcome(ID, "mug", "detail-page-view", 5),
        Outcome(ID, "elsewhere", "detail-page-view", 6),
        Outcome(ID, "mug", "purchase-complete", 7),
    ),
)


def test_a_decision_is_told_with_its_outcomes() -> None:
    told = pb.Decision.FromString(encode_logged(LOGGED))
    assert (told.decision_id, told.placement, told.user_id, told.visitor_id) == (ID, "on-sale", "ada", "v-1")
    assert (told.time.seconds, told.time.nanos, told.catalogue_version) == (1_800_000_000, 250_000_000, 12)
    assert dict(told.model_versions) == {"ranker": "7", "index": "3"}
    assert [(each.stage, each.cause) for each in told.degraded] == [("scorer", "onnx")]
    first, second = told.results
    assert (first.item_id, first.score, first.propensity, first.source) == ("mug", 0.5, 0.25, "item-item")
    assert (first.price.amount_minor, first.price.currency_code) == (499, "GBP")
    assert list(first.outcomes) == ["detail-page-view", "purchase-complete"]
    assert (second.item_id, second.source, second.HasField("price"), list(second.outcomes)) == (
        "free", "pinned", False, [],
    )  # fmt: skip


def test_the_question_is_told_as_readable_json() -> None:
    text = pb.Decision.FromString(encode_logged(LOGGED)).query_json
    assert "cüp" in text
    found = json.loads(text)
    assert (found["placement"], found["filter"]) == ("on-sale", "price < 5")
    assert found["session"] == [{"type": 2, "item_id": "cüp", "time_s": 5}]


@pytest.mark.parametrize("differences", [(), (Difference("results[0].item_id", "mug", "cup"),)])
def test_a_replay_is_identical_without_differences(differences: tuple[Difference, ...]) -> None:
    told = pb.ReplayDecisionResponse.FromString(encode_replayed(Replayed(LOGGED, differences)))
    assert told.identical is not bool(differences)
    assert [(each.field, each.logged, each.replayed) for each in told.differences] == [
        (each.field, each.logged, each.replayed) for each in differences
    ]
    assert told.decision.decision_id == ID


def test_the_id_arrives() -> None:
    assert decode_get(pb.GetDecisionRequest(decision_id=ID).SerializeToString()) == ID
    assert decode_replay(pb.ReplayDecisionRequest(decision_id=ID).SerializeToString()) == ID


@pytest.mark.parametrize("name", ["", "ab", ID[:-1], ID + "0", ID.upper(), "g" * 32, ID[:-1] + "\n", "٣" * 32])
def test_what_is_no_id_is_refused_by_name(name: str) -> None:
    for decode, request in ((decode_get, pb.GetDecisionRequest), (decode_replay, pb.ReplayDecisionRequest)):
        with pytest.raises(InvalidInput, match="32 hexadecimal digits") as caught:
            decode(request(decision_id=name).SerializeToString())
        assert caught.value.field == "decision_id"


def test_bytes_that_are_no_message_are_refused() -> None:
    for decode in (decode_get, decode_replay):
        with pytest.raises(InvalidInput) as caught:
            decode(b"\xff")
        assert caught.value.reason == "MALFORMED_MESSAGE"
