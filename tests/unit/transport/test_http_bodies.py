"""Long bodies over HTTP: read beside the loop, bounded, and by every way in."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from serving.core.errors import InvalidInput, Overloaded
from serving.transport.http_bodies import LONG_BYTES, Bodies
from serving.transport.http_face import http_app
from serving.transport.http_server import HttpServer
from storegate.v1 import placement_pb2, recommendation_pb2, routing_pb2

LONG = LONG_BYTES
MANY = [f"item-{number:06}" for number in range(LONG // 8)]


def test_the_loop_goes_on_while_a_long_body_is_read() -> None:
    """What is read waits for something that only the loop can do."""
    seen = threading.Event()

    async def run() -> bool:
        reading = asyncio.create_task(Bodies().read(LONG, lambda: seen.wait(10.0)))
        await asyncio.sleep(0)
        seen.set()
        return await reading

    assert asyncio.run(run())


def test_a_short_body_takes_no_thread() -> None:
    assert asyncio.run(Bodies().read(LONG - 1, threading.current_thread)) is threading.current_thread()


def test_what_is_wrong_with_a_long_body_is_told() -> None:
    def refuse() -> None:
        raise InvalidInput("body", "nothing", "something")

    with pytest.raises(InvalidInput, match="something"):
        asyncio.run(Bodies().read(LONG, refuse))


def test_more_than_may_wait_is_refused_with_a_hint() -> None:
    """One alone is read, however long it is; when it is done there is room again."""
    go = threading.Event()

    async def run() -> None:
        bodies = Bodies(waiting_bytes_max=2 * LONG)
        first = asyncio.create_task(bodies.read(3 * LONG, lambda: go.wait(10.0)))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await bodies.read(LONG, lambda: True)
        assert refused.value.retry_after_s > 0
        go.set()
        assert await first
        assert await asyncio.gather(*(bodies.read(LONG, lambda: True) for _ in range(2))) == [True, True]

    asyncio.run(run())


def test_a_body_that_nobody_waits_for_is_not_read() -> None:
    """And takes nobody's room."""
    go, read = threading.Event(), []

    async def run() -> None:
        bodies = Bodies(waiting_bytes_max=2 * LONG)
        first = asyncio.create_task(bodies.read(LONG, lambda: go.wait(10.0)))
        second = asyncio.create_task(bodies.read(LONG, lambda: read.append("second")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait((second,))
        third = asyncio.create_task(bodies.read(LONG, lambda: read.append("third")))
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, third)

    asyncio.run(run())
    assert read == ["third"]


@pytest.fixture
def server(engine: Any) -> Iterator[HttpServer]:
    made = HttpServer(http_app(engine))
    made.start()
    yield made
    made.close(0.0)


def readers() -> set[threading.Thread]:
    """The threads that read long bodies, of all servers; their numbers would be used again."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("http-bodies")}


WAYS = [
    ("/v1/recommend", {"itemIds": MANY}, {}, recommendation_pb2.RecommendRequest, "item_ids"),
    ("/v1/recommend", {"itemIds": MANY}, {"expect": "100-continue"}, recommendation_pb2.RecommendRequest, "item_ids"),
    (
        "/v1/placement:batchOrders", {"slots": [{"slotId": name} for name in MANY]}, {},
        placement_pb2.BatchOrdersRequest, "slots",
    ),
    (
        "/v1/routes:plan",
        {"depots": [{"depotId": "d"}], "vehicles": [{"vehicleId": "v", "skills": MANY}], "stops": [{"stopId": "s"}]},
        {}, routing_pb2.PlanRoutesRequest, "vehicles",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "headers", "message", "field"), WAYS, ids=["short", "usual", "place", "plans"]
)
def test_a_long_body_comes_whole_by_every_way(
    engine: Any, server: HttpServer, path: str, body: dict[str, Any], headers: dict[str, str], message: Any, field: str
) -> None:
    engine.answer = lambda call: call.responder.fail(call.call_id, Overloaded("seen", 1.0))
    before = readers()
    answer = httpx.post(f"http://127.0.0.1:{server.port}{path}", json=body, headers=headers, timeout=10.0)
    assert (answer.status_code, answer.json()["detail"]) == (429, "seen")
    (call,) = engine.calls
    assert str(getattr(message.FromString(call.payload), field)).count("item-") == len(MANY)
    assert readers() - before


@pytest.mark.parametrize("headers", [{}, {"expect": "100-continue"}], ids=["short", "usual"])
def test_a_long_body_that_is_wrong_is_refused_by_name(engine: Any, server: HttpServer, headers: dict[str, str]) -> None:
    """And the connection goes on."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=10.0) as client:
        for body, field in (
            (json.dumps({"itemIds": MANY, "colour": "red"}), "colour"),
            (json.dumps({"itemIds": MANY, "pageSize": "many"}), "pageSize"),
            (json.dumps({"itemIds": MANY})[:-1], "body"),
        ):
            refused = client.post("/v1/recommend", content=body, headers={"content-type": "application/json"} | headers)
            assert (refused.status_code, refused.json()["field"]) == (400, field)
        assert engine.calls == []
        engine.answer = lambda call: call.responder.respond(call.call_id, b"{}")
        assert client.post("/v1/recommend", json={"userId": "u"}).status_code == 200


def test_a_deadline_that_passes_while_a_long_body_waits_is_answered(engine: Any, server: HttpServer) -> None:
    """Nobody hears of the call."""
    refused = httpx.post(
        f"http://127.0.0.1:{server.port}/v1/recommend", json={"itemIds": MANY * 10}, timeout=10.0,
        headers={"x-storegate-timeout-ms": "1"},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["reason"]) == (504, "DEADLINE_EXPIRED")
    assert engine.calls == []
