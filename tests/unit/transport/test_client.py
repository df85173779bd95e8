"""The client that storefronts import, against a real front."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from serving.core.errors import InvalidInput, NotReady, StoregateError
from serving.engine.calls import Call
from serving.transport.contract import methods, services
from serving.transport.front_params import FrontParams
from serving.transport.native_front import NativeFront
from serving.transport.tokens import token_digest
from storegate.client import RETRIES_LEFT, Client, Tls, reason
from storegate.client.connections import Slot
from storegate.v1 import catalog_pb2, event_pb2, gateway_pb2, recommendation_pb2

ANSWERS = {
    "Recommend": recommendation_pb2.RecommendResponse(request_id="r"),
    "RecommendPage": recommendation_pb2.RecommendPageResponse(request_id="r"),
    "GetDecision": recommendation_pb2.Decision(decision_id="d"),
    "ReplayDecision": recommendation_pb2.ReplayDecisionResponse(identical=True),
    "Rerank": recommendation_pb2.RerankResponse(request_id="r"),
    "WriteUserEvent": event_pb2.WriteUserEventResponse(stored=True),
    "ImportUserEvents": event_pb2.ImportUserEventsResponse(rows=1),
    "GetItem": catalog_pb2.Item(item_id="a"),
    "UpsertItems": catalog_pb2.UpsertItemsResponse(upserted=1),
    "DeleteItems": catalog_pb2.DeleteItemsResponse(deleted=1),
    "SetStock": catalog_pb2.SetStockResponse(updated=1),
    "SetPrices": catalog_pb2.SetPricesResponse(updated=1),
    "Ping": gateway_pb2.PingResponse(),
}
REQUESTS = {method.name: method.request for method in methods()}


class Gate:
    """An Intake that answers every method by its name; the first `failures` calls fail with `error`."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self.failures, self.error = 0, StoregateError("x")
        self.held: threading.Event | None = None
        self.holds = threading.Event()

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        for call in calls:
            name = call.method.rpartition("/")[2]
            self.seen.append((name, REQUESTS[name].FromString(call.payload)))
            if name == "GetItem" and self.held is not None:
                threading.Thread(target=self._hold, args=(call, self.held)).start()
            elif len(self.seen) <= self.failures:
                call.responder.fail(call.call_id, self.error)
            else:
                call.responder.respond(call.call_id, ANSWERS[name].SerializeToString())
        return False

    def _hold(self, call: Call, until: threading.Event) -> None:
        """Answers an item's call when it is allowed to."""
        self.holds.set()
        until.wait(10.0)
        call.responder.respond(call.call_id, ANSWERS["GetItem"].SerializeToString())

    def cancel(self, responder: object, call_id: int) -> None:
        """Nothing waits here."""


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def front(gate: Gate) -> Iterator[NativeFront]:
    params = FrontParams(token_sha256=(token_digest("secret"),))
    made = NativeFront(params, [method.full_name for method in methods()], services())
    made.start(gate)
    yield made
    made.close(0.0)


@pytest.fixture
def shop(front: NativeFront) -> Iterator[Client]:
    with Client(f"127.0.0.1:{front.port}", "secret", timeout_s=10.0) as made:
        yield made


def test_every_call_sends_its_message_and_brings_its_answer(shop: Client, gate: Gate) -> None:
    item = catalog_pb2.Item(item_id="a")
    part = recommendation_pb2.PagePlacement(placement="similar-items", item_ids=["a"])
    told = [
        shop.recommend("u", page_size=3, diversity=0.5),
        shop.recommend_page(["trending", part], "u", filter="on_sale"),
        shop.get_decision("d"),
        shop.replay_decision("d"),
        shop.rerank(["b", "a"], "u"),
        shop.write_event("add-to-cart", visitor_id="v", items=["a", ("b", 2)], event_id="e"),
        shop.import_events("a.csv", start_file="b.csv", skip_rows=2, validate_only=True, durable=True),
        shop.get_item("a"),
        shop.upsert_items([item]),
        shop.delete_items(["a"]),
        shop.set_stock([catalog_pb2.StockUpdate(item_id="a", location="main", on_hand=1)]),
        shop.set_prices([catalog_pb2.PriceUpdate(item_id="a")]),
        shop.ping(),
    ]
    assert told == list(ANSWERS.values())
    seen = dict(gate.seen)
    assert list(seen) == list(ANSWERS)
    assert seen["Recommend"] == recommendation_pb2.RecommendRequest(user_id="u", page_size=3, diversity=0.5)
    assert seen["RecommendPage"] == recommendation_pb2.RecommendPageRequest(
        user_id="u", placements=[recommendation_pb2.PagePlacement(placement="trending"), part], filter="on_sale"
    )
    assert (seen["GetDecision"].decision_id, seen["ReplayDecision"].decision_id) == ("d", "d")
    assert seen["Rerank"].item_ids == ["b", "a"]
    assert [(one.item_id, one.quantity) for one in seen["WriteUserEvent"].event.items] == [("a", 1), ("b", 2)]
    assert seen["ImportUserEvents"] == event_pb2.ImportUserEventsRequest(
        uri="a.csv", start_file="b.csv", skip_rows=2, validate_only=True, acknowledgement=event_pb2.DURABLE
    )


def test_an_event_gets_an_id_of_its_own_when_none_is_given(shop: Client, gate: Gate) -> None:
    for _ in range(2):
        shop.write_event("home-page-view", user_id="u")
    first, second = (request.event.event_id for _, request in gate.seen)
    assert first
    assert first != second


def test_a_replica_that_goes_away_is_asked_again(shop: Client, gate: Gate) -> None:
    """What may be repeated without harm is repeated; the caller sees only the answer."""
    gate.failures, gate.error = 3, NotReady("going away")
    assert shop.recommend("u").request_id == "r"
    assert Counter(name for name, _ in gate.seen) == {"Recommend": 4}


def test_an_outage_is_not_made_worse_by_retries(front: NativeFront, gate: Gate) -> None:
    """Once half of the bound has failed, a call is one attempt: not five of each, which would be 1,000."""
    gate.failures, gate.error = 10**9, NotReady("away")
    calls = 200

    def fail(shop: Client) -> None:
        with pytest.raises(grpc.RpcError):
            shop.ping()

    target = f"127.0.0.1:{front.port}"
    with Client(target, "secret", timeout_s=30.0, connections=1) as shop, ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(fail, shop) for _ in range(calls)]:
            done.result()
    assert calls < len(gate.seen) < calls + RETRIES_LEFT


def test_what_could_do_harm_twice_is_not_repeated(shop: Client, gate: Gate) -> None:
    """An older stock report must not arrive after a newer one."""
    gate.failures, gate.error = 1, NotReady("going away")
    with pytest.raises(grpc.RpcError) as caught:
        shop.set_stock([])
    assert (caught.value.code(), len(gate.seen)) == (grpc.StatusCode.UNAVAILABLE, 1)
    assert reason(caught.value) == "NOT_READY"


def test_a_refusal_is_told_once_with_its_reason(shop: Client, gate: Gate) -> None:
    gate.failures, gate.error = 1, InvalidInput("page_size", 101, "0 to 100")
    with pytest.raises(grpc.RpcError) as caught:
        shop.recommend("u", page_size=101)
    assert (reason(caught.value), len(gate.seen)) == ("INVALID_FIELD", 1)


def test_without_its_token_it_is_refused(front: NativeFront, gate: Gate) -> None:
    with Client(f"127.0.0.1:{front.port}", timeout_s=10.0) as stranger, pytest.raises(grpc.RpcError) as caught:
        stranger.ping()
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert (reason(caught.value), gate.seen) == ("", [])


def connections(port: int) -> int:
    """Connections that this process has open to the port."""
    return sum(
        1
        for one in psutil.Process().net_connections("tcp")
        if one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED
    )


def test_calls_are_spread_over_several_connections(front: NativeFront) -> None:
    with Client(f"127.0.0.1:{front.port}", "secret", timeout_s=10.0, connections=3) as shop:
        for _ in range(6):
            shop.ping()
        assert connections(front.port) == 3


def test_connections_are_dialled_anew_at_moments_of_their_own(
    front: NativeFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between half and one and a half of the mean age, which is 300 s."""
    now = [0.0]
    dialled: list[float] = []
    dial = Slot._dial
    monkeypatch.setattr(Slot, "_dial", lambda slot: (dialled.append(now[0]), dial(slot))[1])
    target, rng = f"127.0.0.1:{front.port}", random.Random(0)
    with Client(target, "secret", timeout_s=10.0, connections=3, rng=rng, clock=lambda: now[0]) as shop:
        while now[0] < 460.0:
            now[0] += 2.0
            for _ in range(3):
                shop.ping()
    first, anew = dialled[:3], dialled[3:]
    assert first == [0.0] * 3
    assert 150.0 <= anew[0] < anew[1] < anew[2] <= 452.0


def test_a_call_on_an_old_connection_is_not_cut_off(front: NativeFront, gate: Gate) -> None:
    """Its answer comes after its connection was replaced."""
    now = [0.0]
    gate.held = threading.Event()
    answers: list[Any] = []
    target = f"127.0.0.1:{front.port}"
    with Client(target, "secret", timeout_s=10.0, connections=1, clock=lambda: now[0]) as shop:
        caller = threading.Thread(target=lambda: answers.append(shop.get_item("slow")))
        caller.start()
        assert gate.holds.wait(10.0)
        now[0] = 1000.0
        shop.ping()
        gate.held.set()
        caller.join(10.0)
    assert answers == [ANSWERS["GetItem"]]


def test_half_a_certificate_is_refused(tmp_path: Path) -> None:
    """And a file that is not there is named at once, not with the first call."""
    with pytest.raises(ValueError, match="certificate and key"):
        Tls(certificate=tmp_path / "c.pem")
    with pytest.raises(FileNotFoundError, match="ca\\.pem"):
        Client("127.0.0.1:1", tls=Tls(ca=tmp_path / "ca.pem"))


@pytest.mark.parametrize("options", [{"connections": 0}, {"timeout_s": 0.0}, {"redial_s": 0.1}])
def test_nonsense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="connections must be"):
        Client("127.0.0.1:1", **options)
