"""What a shop's visitors ask, and whether an answer is right: the same mix for gRPC and HTTP."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from loadtests.ids import Ids

RECOMMEND: Final = "Recommend"
RECOMMEND_PAGE: Final = "RecommendPage"
RERANK: Final = "Rerank"
WRITE_USER_EVENT: Final = "WriteUserEvent"
PATHS: Final = {
    RECOMMEND: "/v1/recommend",
    RECOMMEND_PAGE: "/v1/recommend:page",
    RERANK: "/v1/rerank",
    WRITE_USER_EVENT: "/v1/userEvents:write",
}
PAGE_SIZE: Final = 20
MIX: Final = (("known user", 5), ("anonymous", 2), ("item page", 2), ("event", 1))
"""What is asked, and how often of ten times."""
VISITORS: Final = 1000
"""Visitors of the load test: it writes events for them alone, so that no real user's profile changes."""
EVENTS: Final = (("detail-page-view", 6), ("add-to-cart", 3), ("purchase-complete", 1))
RERANKED_MAX: Final = 500
"""Items of a heavy Rerank, as many as the contract allows."""
PLACEMENTS: Final = ("recommended-for-you", "trending", "on-sale", "buy-it-again") * 3
PLACEMENT_SIZE: Final = 50
"""Of a heavy RecommendPage: as many placements as the contract allows; a repeated one goes on where the last ended."""
BULK: Final = ("bulk rerank", "bulk page")
"""Names of the heavy calls. There is no bulk API yet: these are the calls that cost most."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request. body: its fields in protobuf's JSON mapping. unwanted: items that must not come back."""

    name: str
    method: str
    body: Mapping[str, Any]
    unwanted: frozenset[str] = frozenset()


class Visitors:
    """Draws questions. Seeded, so that a run can be repeated; event ids are unique over all runs all the same."""

    def __init__(self, ids: Ids, seed: int | str) -> None:
        self._users, self._items, self._random = ids.users, ids.items, random.Random(seed)

    def next(self) -> Question:
        """The next question of the mix."""
        kind = _draw(self._random, MIX)
        if kind == "event":
            return self._event()
        body: dict[str, Any] = {"pageSize": PAGE_SIZE}
        if kind == "known user":
            body["userId"] = self._random.choice(self._users)
        else:
            body["visitorId"] = self._visitor()
        if kind == "item page":
            body |= {"placement": "others-you-may-like", "itemIds": [self._random.choice(self._items)]}
        return Question(kind, RECOMMEND, body, frozenset(body.get("itemIds", ())))

    def _event(self) -> Question:
        event = {
            "eventId": uuid.uuid4().hex,
            "eventType": _draw(self._random, EVENTS),
            "visitorId": self._visitor(),
            "items": [{"itemId": self._random.choice(self._items), "quantity": 1}],
        }
        return Question("event", WRITE_USER_EVENT, {"event": event})

    def _visitor(self) -> str:
        return f"loadtest-{self._random.randrange(VISITORS):04d}"


class BulkVisitors:
    """Draws heavy questions, by turns: a Rerank of 500 items, a page of twelve placements."""

    def __init__(self, ids: Ids, seed: int | str) -> None:
        self._users, self._items, self._random = ids.users, ids.items, random.Random(seed)
        self._asked = 0

    def next(self) -> Question:
        """The next question."""
        rerank, page = BULK
        user = self._random.choice(self._users)
        self._asked += 1
        if self._asked % 2:
            items = self._random.sample(self._items, min(RERANKED_MAX, len(self._items)))
            return Question(rerank, RERANK, {"userId": user, "itemIds": items})
        placements = [{"placement": name, "pageSize": PLACEMENT_SIZE} for name in PLACEMENTS]
        return Question(page, RECOMMEND_PAGE, {"userId": user, "placements": placements})


def wrong(question: Question, answer: Mapping[str, Any]) -> str:
    """What is wrong with an answer (protobuf's JSON mapping); empty when nothing is."""
    if question.method == WRITE_USER_EVENT:
        return "" if answer.get("stored") is True else f"the event was not stored: {dict(answer)}"
    if question.method == RECOMMEND_PAGE:
        return _wrong_page(answer)
    items = _items(answer)
    if not items:
        return "no results"
    if question.method == RERANK:
        return _wrong_order(question, items)
    if len(items) > PAGE_SIZE or len(set(items)) < len(items) or not all(items):
        return f"{len(items)} results, {len(set(items))} different: expected at most {PAGE_SIZE}, none twice"
    if back := question.unwanted.intersection(items):
        return f"the page's own item came back: {sorted(back)}"
    return ""


def _wrong_page(answer: Mapping[str, Any]) -> str:
    """Twelve sections are expected, some of which may be empty; no item stands in two."""
    sections = answer.get("sections", ())
    items = [item for section in sections for item in _items(section.get("response", {}))]
    if len(sections) != len(PLACEMENTS) or not items:
        return f"{len(sections)} sections with {len(items)} results: expected {len(PLACEMENTS)}, and some results"
    return "" if len(set(items)) == len(items) else f"{len(items)} results of a page, {len(set(items))} different"


def _wrong_order(question: Question, items: Sequence[str]) -> str:
    """Only what was given, nothing twice; what is out of stock may be left out."""
    if len(set(items)) < len(items):
        return f"{len(items)} results, {len(set(items))} different: expected none twice"
    strange = set(items).difference(question.body["itemIds"])
    return f"items came back that were not given: {sorted(strange)[:3]}" if strange else ""


def _items(answer: Mapping[str, Any]) -> list[str]:
    return [result.get("itemId", "") for result in answer.get("results", ())]


def _draw(dice: random.Random, weighted: Sequence[tuple[str, int]]) -> str:
    return dice.choices([name for name, _ in weighted], [weight for _, weight in weighted])[0]
