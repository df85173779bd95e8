"""What a shop's visitors ask, and whether an answer is right: the same mix for gRPC and HTTP."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from loadtests.ids import Ids

RECOMMEND: Final = "Recommend"
WRITE_USER_EVENT: Final = "WriteUserEvent"
PATHS: Final = {RECOMMEND: "/v1/recommend", WRITE_USER_EVENT: "/v1/userEvents:write"}
PAGE_SIZE: Final = 20
MIX: Final = (("known user", 5), ("anonymous", 2), ("item page", 2), ("event", 1))
"""What is asked, and how often of ten times."""
VISITORS: Final = 1000
"""Visitors of the load test: it writes events for them alone, so that no real user's profile changes."""
EVENTS: Final = (("detail-page-view", 6), ("add-to-cart", 3), ("purchase-complete", 1))


@dataclass(frozen=True, slots=True)
class Question:
    """One request. body: its fields in protobuf's JSON mapping. unwanted: items that must not come back."""

    name: str
    method: str
    body: Mapping[str, Any]
    unwanted: frozenset[str] = frozenset()


class Visitors:
    """Draws questions. Seeded, so that a run can be repeated; event ids are unique over all runs all the same."""

    def __init__(self, ids: Ids, seed: int) -> None:
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


def wrong(question: Question, answer: Mapping[str, Any]) -> str:
    """What is wrong with an answer (protobuf's JSON mapping); empty when nothing is."""
    if question.method == WRITE_USER_EVENT:
        return "" if answer.get("stored") is True else f"the event was not stored: {dict(answer)}"
    items = [result.get("itemId", "") for result in answer.get("results", ())]
    if not items:
        return "no results"
    if len(items) > PAGE_SIZE or len(set(items)) < len(items) or not all(items):
        return f"{len(items)} results, {len(set(items))} different: expected at most {PAGE_SIZE}, none twice"
    if back := question.unwanted.intersection(items):
        return f"the page's own item came back: {sorted(back)}"
    return ""


def _draw(dice: random.Random, weighted: Sequence[tuple[str, int]]) -> str:
    return dice.choices([name for name, _ in weighted], [weight for _, weight in weighted])[0]
