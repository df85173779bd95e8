"""The HTTP face against a small engine: over ASGI where that is enough, over a socket where it is not."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from serving.core.clock import NEVER
from serving.core.errors import InternalError, Overloaded
from serving.transport.http_face import HttpParams, http_app
from serving.transport.http_server import HttpServer
from serving.transport.tokens import token_digest
from storegate.v1 import catalog_pb2, recommendation_pb2, routing_pb2

BODY_BYTES_MAX = 4096
JSON = {"content-type": "application/json"}


Ask = Callable[..., httpx.Response]


def over_asgi(engine: Any, params: HttpParams, verb: str, path: str, **options: Any) -> httpx.Response:
    """One request straight into the app."""

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(http_app(engine, params))
        async with httpx.AsyncClient(transport=transport, base_url="http://gate") as client:
            return await client.request(verb, path, **options)

    return asyncio.run(run())


def over_a_socket(engine: Any, params: HttpParams, verb: str, path: str, **options: Any) -> httpx.Response:
    """One request to a server, which has shortcuts for most methods."""
    server = HttpServer(http_app(engine, params))
    server.start()
    try:
        return httpx.request(verb, f"http://127.0.0.1:{server.port}{path}", timeout=10.0, **options)
    finally:
        server.close(0.0)


@pytest.fixture(params=[over_asgi, over_a_socket], ids=["asgi", "socket"])
def ask(request: pytest.FixtureRequest, engine: Any) -> Ask:
    """(verb, path, params=None, **options of httpx) -> the answer."""

    def one(verb: str, path: str, params: HttpParams | None = None, **options: Any) -> httpx.Response:
        answer: httpx.Response = request.param(
            engine, params or HttpParams(body_bytes_max=BODY_BYTES_MAX), verb, path, **options
        )
        return answer

    return one


@pytest.fixture
def recommend(ask: Ask) -> Ask:
    """A Recommend; the engine answers with the request's own bytes where a test does not say otherwise."""
    return lambda **options: ask("POST", "/v1/recommend", **{"json": {"userId": "17850"}, **options})


@pytest.fixture
def server(engine: Any) -> Iterator[HttpServer]:
    made = HttpServer(http_app(engine, HttpParams(body_bytes_max=BODY_BYTES_MAX)))
    made.start()
    yield made
    made.close(0.0)


def test_json_goes_in_as_the_message_and_is_what_the_engine_answers(engine: Any, recommend: Ask) -> None:
    """The call carries the method's gRPC name and no deadline."""
    engine.answer = lambda call: call.responder.respond(call.call_id, b'{"requestId":"r-1"}')
    response = recommend(json={"userId": "17850", "pageSize": 5})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.json() == {"requestId": "r-1"}
    (call,) = engine.calls
    assert call.json
    sent = recommendation_pb2.RecommendRequest.FromString(call.payload)
    assert (call.method, sent.user_id, sent.page_size) == ("/storegate.v1.RecommendationService/Recommend", "17850", 5)
    assert call.deadline == NEVER


@pytest.mark.parametrize("item_id", ["22423", "a b/c?d", "ä"])
def test_path_and_query_fill_a_get(engine: Any, item_id: str, ask: Ask) -> None:
    engine.answer = lambda call: call.responder.respond(call.call_id, b"")
    assert ask("GET", "/v1/items/" + quote(item_id, safe="")).status_code == 200
    assert catalog_pb2.GetItemRequest.FromString(engine.calls[0].payload).item_id == item_id
    refused = ask("GET", "/v1/items/22423?colour=red")
    assert (refused.status_code, refused.json()["field"]) == (400, "colour")


@pytest.mark.parametrize("body", [{}, {"decisionId": "another"}])
def test_the_path_counts_above_the_body(engine: Any, body: dict[str, str], ask: Ask) -> None:
    """A method with a body may have fields in its path too; what follows the field in the path is not of it."""
    engine.answer = lambda call: call.responder.respond(call.call_id, b"")
    assert ask("POST", "/v1/decisions/d1:replay", json=body).status_code == 200
    (call,) = engine.calls
    assert call.method == "/storegate.v1.RecommendationService/ReplayDecision"
    assert recommendation_pb2.ReplayDecisionRequest.FromString(call.payload).decision_id == "d1"


def test_paths_that_begin_alike_are_methods_of_their_own(engine: Any, ask: Ask) -> None:
    """/v1/recommend and /v1/recommend:page; a decision is read by GET and replayed by POST."""
    engine.answer = lambda call: call.responder.respond(call.call_id, b"")
    for verb, path in (("POST", "/v1/recommend"), ("POST", "/v1/recommend:page"), ("GET", "/v1/decisions/d1")):
        assert ask(verb, path, json={} if verb == "POST" else None).status_code == 200
    assert [call.method.rpartition("/")[2] for call in engine.calls] == ["Recommend", "RecommendPage", "GetDecision"]
    refused = ask("POST", "/v1/decisions/d1", json={})
    assert refused.status_code == 405
    assert "GET" in refused.headers["allow"]


@pytest.mark.parametrize(
    ("headers", "left_s"),
    [
        ({"x-storegate-timeout-ms": "5000"}, 5.0),
        ({"grpc-timeout": "5000m"}, 5.0),
        ({"grpc-timeout": "5S"}, 5.0),
        ({"grpc-timeout": "7000000u"}, 7.0),
    ],
)
def test_the_deadline_reaches_the_engine(engine: Any, headers: dict[str, str], left_s: float, recommend: Ask) -> None:
    engine.answer = lambda call: call.responder.respond(call.call_id, b"")
    assert recommend(headers=headers).status_code == 200
    (call,) = engine.calls
    assert left_s - 4.0 < call.deadline - call.arrived <= left_s  # it begins with the headers, the call with the body


@pytest.mark.parametrize(
    "headers",
    [
        {"x-storegate-timeout-ms": "soon"},
        {"x-storegate-timeout-ms": "-1"},
        {"x-storegate-timeout-ms": "3600001"},
        {"grpc-timeout": "5"},
    ],
)
def test_a_deadline_that_is_none_is_refused_by_name(engine: Any, headers: dict[str, str], recommend: Ask) -> None:
    response = recommend(headers=headers)
    assert (response.status_code, response.json()["field"]) == (400, next(iter(headers)))


@pytest.mark.parametrize(("said", "bulk"), [("bulk", True), ("interactive", False), (None, None)])
def test_the_priority_reaches_the_engine(engine: Any, said: str | None, bulk: bool | None, recommend: Ask) -> None:
    engine.answer = lambda call: call.responder.respond(call.call_id, b"")
    assert recommend(headers={"x-storegate-priority": said} if said else {}).status_code == 200
    assert [call.bulk for call in engine.calls] == [bulk]


def test_a_priority_that_is_none_is_refused_by_name(engine: Any, recommend: Ask) -> None:
    response = recommend(headers={"x-storegate-priority": "urgent"})
    assert (response.status_code, response.json()["field"]) == (400, "x-storegate-priority")
    assert engine.calls == []


@pytest.mark.parametrize("left_ms", ["0", "30"])
def test_a_deadline_that_passes_is_answered_and_the_call_cancelled(engine: Any, left_ms: str, recommend: Ask) -> None:
    engine.answer = lambda call: None
    response = recommend(headers={"x-storegate-timeout-ms": left_ms})
    assert (response.status_code, response.json()["reason"]) == (504, "DEADLINE_EXPIRED")
    assert engine.cancelled == [call.call_id for call in engine.calls]


def test_patience_ends_without_a_deadline_too(engine: Any, recommend: Ask) -> None:
    engine.answer = lambda call: None
    assert recommend(params=HttpParams(patience_s_max=0.02)).status_code == 504


def test_errors_of_the_engine_become_problems(engine: Any, recommend: Ask) -> None:
    """RFC 9457, with the wait in a header."""
    engine.answer = lambda call: call.responder.fail(call.call_id, Overloaded("the queue is full", 2.0))
    response = recommend()
    assert (response.status_code, response.headers["retry-after"]) == (429, "2")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "urn:storegate:error:overloaded",
        "title": "Overloaded",
        "status": 429,
        "detail": "the queue is full",
        "reason": "OVERLOADED",
    }


def test_a_defect_tells_nothing_of_itself(engine: Any, recommend: Ask) -> None:
    """An engine that raises."""

    def broken(calls: object) -> None:
        raise RuntimeError("secret")

    engine.submit = broken
    response = recommend()
    assert (response.status_code, response.json()["reason"]) == (500, InternalError.reason)
    assert "secret" not in response.text


REFUSED = [
    (400, "MALFORMED_JSON", {"content": b'{"userId": \n x}', "headers": JSON}),
    (400, "MALFORMED_JSON", {"content": b'{"diversity": NaN}', "headers": JSON}),
    (400, "MALFORMED_JSON", {"content": b'{"userId": "\xff"}', "headers": JSON}),
    (400, "UNKNOWN_FIELD", {"content": b'{"user": "1"}', "headers": JSON}),
    (400, "INVALID_FIELD", {"content": b'{"pageSize": "many"}', "headers": JSON}),
    (415, "UNSUPPORTED_MEDIA_TYPE", {"content": b"{}", "headers": {"content-type": "text/plain"}}),
    (415, "UNSUPPORTED_MEDIA_TYPE", {"content": b"{}"}),
    (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        {"content": b"{}", "headers": {"content-type": "application/json; charset=latin1"}},
    ),
    (413, "PAYLOAD_TOO_LARGE", {"content": b'"' + b"x" * BODY_BYTES_MAX + b'"', "headers": JSON}),
]


@pytest.mark.parametrize(("code", "reason", "options"), REFUSED, ids=[f"{r[1]}-{n}" for n, r in enumerate(REFUSED)])
def test_bad_bodies_never_reach_the_engine(
    engine: Any, code: int, reason: str, options: dict[str, Any], recommend: Ask
) -> None:
    response = recommend(**{"json": None, **options})
    assert (response.status_code, response.json()["reason"]) == (code, reason)
    assert engine.calls == []


def test_the_usual_ways_to_say_json_are_taken(engine: Any, recommend: Ask) -> None:
    engine.answer = lambda call: call.responder.respond(call.call_id, b"")
    for kind in ("application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"'):
        assert recommend(json=None, content=b"{}", headers={"content-type": kind}).status_code == 200


def test_unknown_paths_and_verbs(engine: Any, ask: Ask) -> None:
    missing = ask("POST", "/v1/recommendations", json={})
    assert (missing.status_code, missing.json()["reason"]) == (404, "UNKNOWN_METHOD")
    assert "/docs" in missing.json()["detail"]
    verb = ask("GET", "/v1/recommend")
    assert (verb.status_code, verb.json()["reason"], verb.headers["allow"]) == (405, "METHOD_NOT_ALLOWED", "POST")


def test_a_method_that_the_engine_does_not_serve_is_no_path(engine: Any) -> None:
    async def run() -> int:
        app = http_app(engine, served=frozenset({"/storegate.v1.GatewayService/Ping"}))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gate") as client:
            return (await client.post("/v1/recommend", json={})).status_code

    assert asyncio.run(run()) == 404


def test_a_bearer_token_is_needed_where_one_is_set(engine: Any, ask: Ask, recommend: Ask) -> None:
    """By every method; liveness and the description stay open."""
    engine.answer = lambda call: call.responder.respond(call.call_id, b"")
    params = HttpParams(token_sha256=(token_digest("secret"),))
    for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic secret"}):
        response = recommend(params=params, headers=header)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert engine.calls == []
    assert recommend(params=params, headers={"authorization": "Bearer secret"}).status_code == 200
    for path in ("/healthz", "/docs", "/openapi.json"):
        assert ask("GET", path, params).status_code == 200


def test_requests_of_one_turn_make_one_batch(engine: Any) -> None:
    engine.answer = lambda call: call.responder.respond(call.call_id, b"")

    async def run() -> None:
        transport = httpx.ASGITransport(http_app(engine))
        async with httpx.AsyncClient(transport=transport, base_url="http://gate") as client:
            await asyncio.gather(*(client.post("/v1/recommend", json={}) for _ in range(20)))

    asyncio.run(run())
    assert len(engine.calls) == 20
    assert len(engine.batches) < 20


def test_a_client_that_goes_away_cancels_its_call(engine: Any, server: HttpServer) -> None:
    engine.answer = lambda call: None
    with socket.create_connection(("127.0.0.1", server.port), 10.0) as connection:
        connection.sendall(b"POST /v1/ping HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n")
        connection.sendall(b"content-length: 2\r\n\r\n{}")
        engine.wait(lambda: len(engine.calls) == 1)
    engine.wait(lambda: engine.cancelled == [engine.calls[0].call_id])


def test_a_long_body_is_refused_before_it_has_arrived(engine: Any, server: HttpServer) -> None:
    """By its announced length, and in chunks without one."""
    heads = (
        b"content-length: 1000000000\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n" + b"800\r\n" + b"x" * 2048 + b"\r\n1000\r\n" + b"x" * 4096 + b"\r\n",
    )
    for head in heads:
        with socket.create_connection(("127.0.0.1", server.port), 10.0) as connection:
            connection.sendall(b"POST /v1/recommend HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" + head)
            assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")
    assert engine.calls == []


def test_a_body_that_trickles_in_is_not_waited_for_beyond_the_deadline(engine: Any, server: HttpServer) -> None:
    """The deadline begins with the headers, and the engine never hears of the call."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10.0) as connection:
        connection.sendall(
            b"POST /v1/ping HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n"
            b"x-storegate-timeout-ms: 20\r\n\r\n{"
        )
        assert connection.recv(12) == b"HTTP/1.1 504"
    assert engine.calls == []


def test_a_body_that_breaks_off_is_nobodys_call(engine: Any, server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10.0) as connection:
        connection.sendall(b"POST /v1/recommend HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{")
    assert httpx.get(f"http://127.0.0.1:{server.port}/healthz").json() == {"status": "alive"}
    assert engine.calls == []


def test_the_description_is_served(engine: Any, ask: Ask) -> None:
    page, document = ask("GET", "/docs"), ask("GET", "/openapi.json")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert json.loads(document.text)["openapi"] == "3.1.0"


def test_a_caller_is_known_by_its_header_or_by_its_host(engine: Any, recommend: Ask) -> None:
    """As over gRPC."""
    recommend()
    recommend(headers={"X-Storegate-Caller": "checkout"})
    assert [call.caller for call in engine.calls] == ["127.0.0.1", "checkout"]


def test_plans_that_nobody_takes_end_their_stream(engine: Any) -> None:
    """A client that stops reading keeps its place for as long as patience lasts, not for ever."""
    answer = routing_pb2.PlanRoutesResponse().SerializeToString()
    engine.answer = lambda call: call.responder.respond(call.call_id, answer)
    body = b'{"depots": [{}], "vehicles": [{}], "stops": [{}], "timeLimitS": 60}'
    sent: list[str] = []

    async def run() -> None:
        app = http_app(engine, HttpParams(patience_s_max=0.05))
        never = asyncio.Event()
        told = [{"type": "http.request", "body": body}]

        async def receive() -> Any:
            if not told:
                await never.wait()
            return told.pop()

        async def send(message: Any) -> None:
            sent.append(message["type"])
            if message["type"] == "http.response.body":
                await never.wait()

        scope = {
            "type": "http", "method": "POST", "path": "/v1/routes:plan", "query_string": b"", "root_path": "",
            "headers": [(b"content-type", b"application/json")],
        }  # fmt: skip
        await asyncio.wait_for(app(scope, receive, send), 10.0)

    asyncio.run(run())
    assert sent == ["http.response.start", "http.response.body"]
