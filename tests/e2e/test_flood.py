"""A flood beyond the queue: what is too much is refused at once with a hint when to retry, the rest is served."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from e2e.conftest import SERVE, Shop
from e2e.faces import METHODS, GrpcFace, HttpFace, Refused, faces_of, refusal
from e2e.gateways import ASK_S_MAX, Gateway, awaited, gateway

from serving.transport.callers import CALLER_KEY
from serving.transport.priority import PRIORITY_KEY
from storegate.v1.recommendation_pb2 import RecommendRequest, RerankRequest

TINY = {"engine.queue_max": 1, "engine.batch_max": 1}
CALLS = 64
CALLER = "flood"


@pytest.fixture(scope="module")
def narrow(new_home: Callable[[], Path]) -> Iterator[Gateway]:
    """One call may wait, one is computed."""
    with gateway(new_home(), *SERVE["local"], settings=TINY) as running:
        yield running


def flood(
    channel: grpc.Channel, payload: bytes, method: str = "Recommend", priority: str = "interactive"
) -> list[bytes | Refused]:
    """Many calls at once on one connection, all of one caller; what came of each."""
    call = channel.unary_unary(METHODS[method].full_name)
    said = [(CALLER_KEY, CALLER), (PRIORITY_KEY, priority)]
    futures = [call.future(payload, timeout=ASK_S_MAX, metadata=said) for _ in range(CALLS)]
    outcomes: list[bytes | Refused] = []
    for future in futures:
        try:
            outcomes.append(future.result())
        except grpc.RpcError as error:
            outcomes.append(refusal(error))
    return outcomes


@contextmanager
def flooding(target: str, payload: bytes, priority: str = "interactive") -> Iterator[None]:
    """Floods in the background."""
    over = threading.Event()

    def run() -> None:
        with grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            while not over.is_set():
                flood(channel, payload, "Rerank", priority)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_what_is_too_much_is_refused_and_the_rest_is_served(narrow: Gateway, shop: Shop) -> None:
    """Every call gets one of two outcomes: a whole answer, or RESOURCE_EXHAUSTED with a hint when to retry."""
    payload = RecommendRequest(user_id=shop.user, page_size=100).SerializeToString()
    face = GrpcFace(narrow.target)
    seen: list[bytes | Refused] = []

    def both_seen() -> bool:
        seen.extend(flood(face.channel, payload))
        return len({type(outcome) for outcome in seen}) == 2

    awaited(both_seen, "some calls are served and some refused")
    for outcome in seen:
        if isinstance(outcome, Refused):
            assert (outcome.status, outcome.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
            assert outcome.retry_s is not None
            assert outcome.retry_s > 0
            assert "retry" in outcome.message
        else:
            assert METHODS["Recommend"].response.FromString(outcome).results
    face.close()


def test_http_is_refused_with_429_while_grpc_floods(narrow: Gateway, shop: Shop) -> None:
    """Retry-After says when; and both faces are served again once the flood is over. Of one caller: another would have
    found room."""
    grpc_face, http_face = faces_of(narrow)
    http_face.client.headers[CALLER_KEY] = CALLER
    payload = RerankRequest(item_ids=[item.item_id for item in shop.dataset.items]).SerializeToString()

    def refused() -> Refused | None:
        try:
            http_face.ask("Recommend", {"userId": shop.user})
        except Refused as error:
            return error
        return None

    with flooding(narrow.target, payload):
        error = awaited(refused, "HTTP is refused too")
        assert (error.status, error.reason) == (429, "OVERLOADED")
        assert error.retry_s is not None
        assert error.retry_s >= 1
    for face in (grpc_face, http_face):
        assert face.ask("Recommend", {}).results
        face.close()


def test_a_flood_of_bulk_refuses_no_interactive_call(narrow: Gateway, shop: Shop) -> None:
    """Of the same caller, and where only one call may wait."""
    face = HttpFace(narrow.url)
    face.client.headers[CALLER_KEY] = CALLER
    payload = RerankRequest(item_ids=[item.item_id for item in shop.dataset.items]).SerializeToString()
    with flooding(narrow.target, payload, "bulk"):
        for _ in range(20):
            assert face.ask("Recommend", {"userId": shop.user}).results
    face.close()


def test_health_is_told_during_a_flood(narrow: Gateway, shop: Shop) -> None:
    """A busy replica is not a sick one."""
    payload = RerankRequest(item_ids=[item.item_id for item in shop.dataset.items]).SerializeToString()
    http_face = HttpFace(narrow.url)
    with flooding(narrow.target, payload):
        assert http_face.client.get("/healthz").status_code == 200
        assert len(narrow.ready_replicas()) == 1
    http_face.close()
