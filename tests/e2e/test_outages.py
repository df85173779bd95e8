"""Redis stops, dies and comes back; a replica dies. Answers go on, say what they lack, and all recovers by itself."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from e2e.conftest import SERVE, Shop
from e2e.faces import GrpcFace, HttpFace, Refused, faces_of
from e2e.gateways import Gateway, admin, awaited, command, degraded, gateway

from serving.runtime.home import replicas
from storegate.client import Client, reason

ASKED = 50


@pytest.fixture(scope="module")
def running(new_home: Callable[[], Path]) -> Iterator[Gateway]:
    """With the usual timeouts: these tests want to see them pass."""
    with gateway(new_home(), *SERVE["local"]) as started:
        yield started


@pytest.fixture
def faces(running: Gateway) -> Iterator[tuple[GrpcFace, HttpFace]]:
    pair = faces_of(running)
    yield pair
    for face in pair:
        face.close()


@pytest.fixture
def client(running: Gateway) -> Iterator[Client]:
    with running.client() as one:
        yield one


def redis_of(running: Gateway) -> psutil.Process:
    return awaited(running.redis, "the embedded Redis runs")


def write(client: Client, visitor: str, item: str, event_id: str) -> str:
    """The reason why a write failed; "" when it was stored."""
    try:
        client.write_event("add-to-cart", visitor_id=visitor, items=[item], event_id=event_id)
    except grpc.RpcError as error:
        return reason(error) or error.code().name
    return ""


def applied_through(client: Client, visitor: str) -> object:
    """Time of the visitor's newest event, as soon as profiles are read (5 ms may not do on a busy machine)."""

    def look() -> object:
        info = client.recommend(visitor_id=visitor).serving_info
        return info.HasField("events_applied_through") and info.events_applied_through

    return awaited(look, "the profile is read")


def check_answers_go_on(client: Client, faces: tuple[GrpcFace, HttpFace], shop: Shop) -> None:
    """Every answer is whole but for the profile, and says so; strangers' answers lack nothing."""
    for _ in range(ASKED):
        answer = client.recommend(shop.user)
        assert len(answer.results) == 10
        assert list(degraded(answer)) == ["profile"]
        assert degraded(answer)["profile"].startswith("redis: ")
        assert not answer.serving_info.HasField("events_applied_through")
    assert not degraded(client.recommend())
    event = {"eventId": "w", "eventType": "add-to-cart", "visitorId": "outage", "items": [{"itemId": shop.item}]}
    for face, status in zip(faces, ("UNAVAILABLE", 503), strict=True):
        with pytest.raises(Refused) as caught:
            face.ask("WriteUserEvent", {"event": event})
        assert (caught.value.status, caught.value.reason) == (status, "STORE_UNAVAILABLE")
        assert caught.value.retry_s is not None
        assert face.ask("Recommend", {"userId": shop.user}).results


def check_recovered(client: Client, shop: Shop, visitor: str) -> None:
    """Profiles are back and writes are stored, without anybody's doing."""
    awaited(lambda: not degraded(client.recommend(shop.user)), "profiles are read again")
    awaited(lambda: not write(client, visitor, shop.item, "after"), "events are written again")
    assert applied_through(client, visitor)


def test_a_stopped_redis_costs_the_profile_only(
    running: Gateway, client: Client, faces: tuple[GrpcFace, HttpFace], shop: Shop
) -> None:
    """It hangs without closing anything, the worst kind of failure; then it goes on."""
    awaited(lambda: not degraded(client.recommend(shop.user)), "profiles are read")
    redis = redis_of(running)
    redis.send_signal(signal.SIGSTOP)
    try:
        awaited(lambda: degraded(client.recommend(shop.user)), "the answer says that the profile is missing")
        check_answers_go_on(client, faces, shop)
        (replica,) = replicas(running.home)
        said = awaited(lambda: admin(replica, "/readyz").json()["detail"].partition("redis")[1], "readiness tells")
        assert said == "redis"
        assert admin(replica, "/readyz").status_code == 200
    finally:
        redis.send_signal(signal.SIGCONT)
    check_recovered(client, shop, "stopped")
    assert admin(replica, "/readyz").json() == {"ready": True, "detail": "ready"}


def test_catalogue_reads_go_on_without_redis_and_writes_say_why(
    running: Gateway, client: Client, faces: tuple[GrpcFace, HttpFace], shop: Shop
) -> None:
    """The catalogue is in memory; a write that cannot be kept is refused."""
    stock = {"updates": [{"itemId": shop.item, "location": "north", "onHand": 7}]}
    redis = redis_of(running)
    redis.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(Refused) as caught:
            faces[0].ask("SetStock", stock)
        assert (caught.value.status, caught.value.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")
        assert client.get_item(shop.item).item_id == shop.item
    finally:
        redis.send_signal(signal.SIGCONT)

    def kept() -> bool:
        try:
            return bool(faces[0].ask("SetStock", stock).updated == 1)
        except Refused as error:
            assert error.reason == "STORE_UNAVAILABLE"  # noqa: PT017
            return False

    awaited(kept, "the catalogue is written again")


def test_a_killed_redis_is_started_again_with_its_data(
    running: Gateway, client: Client, faces: tuple[GrpcFace, HttpFace], shop: Shop
) -> None:
    """The launcher revives it; what was written before is there."""
    assert write(client, "before-the-kill", shop.item, "kept") == ""
    before = applied_through(client, "before-the-kill")
    redis = redis_of(running)
    redis.kill()
    seen: list[dict[str, str]] = []

    def revived() -> bool:
        answer = client.recommend(shop.user)
        assert len(answer.results) == 10
        seen.append(degraded(answer))
        now = running.redis()
        return now is not None and now.pid != redis.pid

    awaited(revived, "a new Redis runs")
    assert {"profile"} in [set(each) for each in seen]
    check_recovered(client, shop, "killed")
    assert applied_through(client, "before-the-kill") == before
    assert not client.write_event(
        "add-to-cart", visitor_id="before-the-kill", items=[shop.item], event_id="kept"
    ).stored
    assert "started again" in running.said


def test_ray_replaces_a_killed_replica_while_the_other_serves(ray_gateway: Gateway, shop: Shop) -> None:
    """Every call of a client that retries is answered meanwhile; then there are two again, and status agrees."""
    victim, survivor = replicas(ray_gateway.home)
    psutil.Process(victim.pid).kill()
    answered = 0

    def replaced() -> bool:
        nonlocal answered
        with ray_gateway.client() as client:
            assert len(client.recommend(shop.user).results) == 10
        answered += 1
        alive = {replica.pid for replica in ray_gateway.ready_replicas()}
        return len(alive) == 2 and survivor.pid in alive and victim.pid not in alive

    awaited(replaced, "Ray has started another replica", 90)
    assert answered > 1
    with ray_gateway.each_replica() as clients:
        assert len(clients) == 2
        assert all(len(client.recommend(shop.user).results) == 10 for client in clients)
    assert {replica.pid for replica in replicas(ray_gateway.home)} == {
        replica.pid for replica in ray_gateway.ready_replicas()
    }
    assert command(ray_gateway.home, "status").returncode == 0
