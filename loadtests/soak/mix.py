"""What a soak asks: every kind of request of a shop, each as a file of bodies that h2load sends again and again."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import Message

from loadtests.bench.frames import PAGE_SIZE, RECOMMEND, even, frame
from loadtests.ids import Ids
from storegate.v1 import event_pb2, recommendation_pb2

RECOMMEND_PAGE = "/storegate.v1.RecommendationService/RecommendPage"
RERANK = "/storegate.v1.RecommendationService/Rerank"
WRITE_USER_EVENT = "/storegate.v1.UserEventService/WriteUserEvent"
HTTP_RECOMMEND = "/v1/recommend"
VISITORS = 1000
"""Who asks anonymously. Events are written for them alone, so that no real user's profile changes."""
WRITERS = 20
"""Of them, who write: few, so that their profiles reach their bound within the run."""
BODIES = 2000
RERANKED = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request. bodies: all of one length, as they stand on the wire."""

    name: str
    path: str
    bodies: Sequence[bytes]
    callers: int
    rate: int = 0
    """Requests a second at most; 0 = callers ask again as soon as they are answered."""
    http: bool = False
    """JSON over HTTP/1.1 instead of gRPC."""


class Fresh(Sequence[bytes]):
    """Bodies that are made when they are looked at, none twice: an event that was stored already is no work."""

    def __init__(self, make: Callable[[int], bytes], count: int = 16) -> None:
        """count: how many a look at all of them makes."""
        self._make, self._count, self._made = make, count, 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: int) -> bytes:  # type: ignore[override]  # nobody takes slices
        if not 0 <= at < self._count:
            raise IndexError(at)
        self._made += 1
        return self._make(self._made)


def mix(ids: Ids, seed: int, heavy_rate: int = 20, write_rate: int = 50) -> list[Kind]:
    """All kinds. heavy_rate, write_rate: requests a second of the kinds that are not asked all the time."""
    rng = np.random.default_rng(seed)
    users, items = drawn(rng, ids.users, BODIES), drawn(rng, ids.items, BODIES)
    visitors = [_visitor(number) for number in range(VISITORS)]
    ask, page = recommendation_pb2.RecommendRequest, recommendation_pb2.RecommendPageRequest
    beside = [ask(visitor_id=visitor, placement="others-you-may-like", item_ids=[item], page_size=PAGE_SIZE)
              for visitor, item in zip(drawn(rng, visitors, BODIES), items, strict=True)]  # fmt: skip
    placements = [recommendation_pb2.PagePlacement(placement=name) for name in ("recommended-for-you", "trending")]
    reranks = [
        recommendation_pb2.RerankRequest(user_id=user, item_ids=drawn(rng, ids.items, RERANKED)) for user in users[:200]
    ]
    return [
        Kind("known user", RECOMMEND, _framed(ask(user_id=user, page_size=PAGE_SIZE) for user in users), 8),
        Kind("anonymous", RECOMMEND, _framed(ask(visitor_id=one, page_size=PAGE_SIZE) for one in visitors), 4),
        Kind("item page", RECOMMEND, _framed(beside), 2),
        Kind(
            "shop page", RECOMMEND_PAGE, _framed(page(user_id=one, placements=placements) for one in users), 1,
            heavy_rate,
        ),
        Kind("rerank", RERANK, _framed(reranks), 1, heavy_rate),
        Kind("event", WRITE_USER_EVENT, Fresh(_events(ids)), 2, write_rate),
        Kind("over HTTP", HTTP_RECOMMEND, even([_json(user) for user in users]), 1, heavy_rate, http=True),
    ]  # fmt: skip


def drawn(rng: np.random.Generator, names: Sequence[str], count: int) -> list[str]:
    """So many of the names, with repetition only when there are fewer, and only those of the commonest length."""
    (length, _), *_ = Counter(map(len, names)).most_common(1)
    some = [name for name in names if len(name) == length]
    return [some[at] for at in rng.choice(len(some), count, replace=len(some) < count).tolist()]


def _framed(messages: Iterable[Message]) -> list[bytes]:
    return even([frame(message.SerializeToString()) for message in messages])


def _events(ids: Ids) -> Callable[[int], bytes]:
    items = drawn(np.random.default_rng(0), ids.items, 200)

    def make(number: int) -> bytes:
        event = event_pb2.UserEvent(
            event_id=uuid.uuid4().hex,
            event_type="detail-page-view",
            visitor_id=_visitor(number % WRITERS),
            items=[event_pb2.EventItem(item_id=items[number % len(items)])],
        )
        return frame(event_pb2.WriteUserEventRequest(event=event).SerializeToString())

    return make


def _json(user: str) -> bytes:
    return json.dumps({"userId": user, "pageSize": PAGE_SIZE}).encode()


def _visitor(number: int) -> str:
    return f"loadtest-{number:04d}"
