"""RecommendationService: the same over both faces; see parity_laws."""

from __future__ import annotations

from typing import Any

from parity_laws import Answered, Asked, EqualAnswers, EqualErrors, Refused
from parity_shop import DECIDED, LOGGED, answer

from serving.core.errors import NotFound, Overloaded
from serving.decisions.recommend.contract import PageAnswer, PageQuery, Query
from serving.decisions.recommend.record import Difference, Replayed
from serving.transport import codecs as wire
from serving.transport.page_tokens import page_token


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case Query(user_id="flood"):
            return Overloaded("the queue is full", 0.25)
        case Query():
            return answer(query)
        case PageQuery(queries=queries, request_id=request_id):
            return PageAnswer(tuple(answer(each) for each in queries), request_id)
        case Asked(decision_id=decision_id) if decision_id != DECIDED:
            return NotFound("decision", decision_id)
        case Asked(method=wire.GET_DECISION):
            return LOGGED
        case Asked():
            return Replayed(LOGGED, (Difference("results[0].score", "0.5", "0.25"),))


ANSWERED: Answered = [
    ("Recommend", {}),
    ("Recommend", {"userId": "17850", "pageSize": 2, "requestId": "ä", "explain": "EXPLAIN_NONE"}),
    ("Recommend", {"placement": "others-you-may-like", "itemIds": ["22423", "gone"], "diversity": 0.5}),
    ("Recommend", {"filter": 'price < 5000 AND NOT category:"gift"', "objective": "margin", "objectiveWeight": 0.5}),
    ("Recommend", {"explain": "EXPLAIN_TRACE", "traceItemIds": ["47566"], "pageToken": page_token(20)}),
    (
        "Recommend",
        {
            "constraints": {"minMargin": 0.25, "pins": [{"itemId": "22423", "position": 2}], "excludeBought": True},
            "deliverTo": {"location": "main", "needBy": "2027-01-01T00:00:00Z"},
        },
    ),
    (
        "RecommendPage",
        {
            "placements": [
                {"placement": "buy-it-again", "pageSize": 2},
                {"placement": "similar-items", "itemIds": ["22423", "gone"], "filter": "on_sale"},
            ],
            "filter": "brand:Acme",
            "explain": "EXPLAIN_TRACE",
            "requestId": "ä",
        },
    ),
    ("GetDecision", {"decision_id": DECIDED}),
    ("ReplayDecision", {"decision_id": DECIDED}),
    ("Rerank", {"itemIds": ["85123A", "22423"], "userId": "u", "personalization": "PERSONALIZATION_DENIED"}),
]


REFUSED: Refused = [
    ("Recommend", {"pageSize": -1}, "INVALID_FIELD"),
    ("Recommend", {"pageSize": 101}, "INVALID_FIELD"),
    ("Recommend", {"userId": "x" * 257}, "INVALID_FIELD"),
    ("Recommend", {"userId": "a\nb"}, "INVALID_FIELD"),
    ("Recommend", {"placement": "homepage"}, "UNKNOWN_PLACEMENT"),
    ("Recommend", {"diversity": "NaN"}, "INVALID_FIELD"),
    ("Recommend", {"userId": "flood"}, "OVERLOADED"),
    ("Recommend", {"filter": "pirce < 5"}, "UNKNOWN_FIELD_IN_FILTER"),
    ("Recommend", {"filter": "price <"}, "INVALID_FILTER"),
    ("Recommend", {"objective": "profit"}, "UNKNOWN_OBJECTIVE"),
    ("Recommend", {"pageToken": "next"}, "INVALID_PAGE_TOKEN"),
    ("Recommend", {"constraints": {"pins": [{"itemId": "a"}]}}, "INVALID_FIELD"),
    ("RecommendPage", {}, "INVALID_FIELD"),
    ("RecommendPage", {"placements": [{}] * 13}, "INVALID_FIELD"),
    ("RecommendPage", {"placements": [{}, {"filter": "price <"}]}, "INVALID_FILTER"),
    ("GetDecision", {"decision_id": "yesterday"}, "INVALID_FIELD"),
    ("GetDecision", {"decision_id": "f" * 32}, "NOT_FOUND"),
    ("ReplayDecision", {"decision_id": "f" * 32}, "NOT_FOUND"),
    ("Rerank", {}, "INVALID_FIELD"),
]


class TestRecommendation(EqualAnswers, EqualErrors):
    service = "storegate.v1.RecommendationService"
    computed = staticmethod(computed)
    answered = ANSWERED
    refused = REFUSED
