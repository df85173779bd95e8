"""What Locust's users ask, and which answers they call wrong."""

from __future__ import annotations

from collections import Counter

import pytest
from google.protobuf import json_format

from loadtests.bench.checks import counted
from loadtests.bench.checks import wrong as wrong_answer
from loadtests.ids import Ids
from loadtests.users import MIX, PAGE_SIZE, RECOMMEND, WRITE_USER_EVENT, Question, Visitors, wrong
from storegate.v1 import event_pb2, recommendation_pb2

IDS = Ids(tuple(f"C{n:06d}" for n in range(50)), tuple(f"P{n:05d}" for n in range(80)))


def test_every_question_of_the_mix_is_a_message_of_the_contract() -> None:
    """A thousand questions: all four kinds, about as often as they should come, and protobuf reads every body."""
    visitors = Visitors(IDS, 0)
    questions = [visitors.next() for _ in range(1000)]
    kinds = Counter(question.name for question in questions)
    for name, weight in MIX:
        assert kinds[name] == pytest.approx(100 * weight, abs=50)
    for question in questions:
        message = {
            RECOMMEND: recommendation_pb2.RecommendRequest,
            WRITE_USER_EVENT: event_pb2.WriteUserEventRequest,
        }[question.method]
        json_format.ParseDict(question.body, message())


def test_events_are_written_for_visitors_of_the_load_test_alone() -> None:
    """No real user's profile changes; every event id is new."""
    visitors = Visitors(IDS, 1)
    events = [q.body["event"] for q in (visitors.next() for _ in range(1000)) if q.method == WRITE_USER_EVENT]
    assert all("userId" not in event and event["visitorId"].startswith("loadtest-") for event in events)
    assert len({event["eventId"] for event in events}) == len(events) > 50


def test_the_same_seed_asks_the_same_recommendations() -> None:
    """Event ids apart."""
    one, other = Visitors(IDS, 7), Visitors(IDS, 7)
    assert [q.body for q in (one.next() for _ in range(8)) if q.method == RECOMMEND] == [
        q.body for q in (other.next() for _ in range(8)) if q.method == RECOMMEND
    ]


PAGE = Question("item page", RECOMMEND, {}, frozenset({"P1"}))
EVENT = Question("event", WRITE_USER_EVENT, {})


@pytest.mark.parametrize(
    ("question", "answer", "problem"),
    [
        (PAGE, {"results": [{"itemId": "P2"}, {"itemId": "P3"}]}, ""),
        (PAGE, {}, "no results"),
        (PAGE, {"results": [{"itemId": "P2"}, {"itemId": "P2"}]}, "none twice"),
        (PAGE, {"results": [{"title": "?"}]}, "none twice"),
        (PAGE, {"results": [{"itemId": f"P{n}"} for n in range(2, PAGE_SIZE + 3)]}, "at most 20"),
        (PAGE, {"results": [{"itemId": "P1"}]}, "own item"),
        (EVENT, {"stored": True}, ""),
        (EVENT, {}, "not stored"),
    ],
)
def test_wrong_answers_are_told_from_right_ones(question: Question, answer: dict[str, object], problem: str) -> None:
    """A status of 200 is not enough."""
    found = wrong(question, answer)
    assert (problem in found) if problem else not found


def test_the_bench_looks_at_answers_too() -> None:
    """Empty ones and repeated items."""
    result, answer = recommendation_pb2.RecommendResult, recommendation_pb2.RecommendResponse
    assert not wrong_answer(answer(results=[result(item_id="a"), result(item_id="b")]))
    assert "without results" in wrong_answer(answer())
    assert "twice" in wrong_answer(answer(results=[result(item_id="a"), result(item_id="a")]))


def test_the_servers_own_count_is_summed_over_replicas() -> None:
    """Answered and failed calls of one method, whatever the reason."""
    text = (
        "# TYPE storegate_calls_answered counter\n"
        'storegate_calls_answered_total{method="/a/B"} 7.0\n'
        'storegate_calls_answered_total{method="/a/C"} 100.0\n'
        "# TYPE storegate_calls_failed counter\n"
        'storegate_calls_failed_total{method="/a/B",reason="OVERLOADED"} 2.0\n'
        'storegate_calls_failed_total{method="/a/B",reason="DEADLINE_EXPIRED"} 1.0\n'
    )
    assert counted([text, text], "/a/B") == (14, 6)
    assert counted([""], "/a/B") == (0, 0)
