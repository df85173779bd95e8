"""What a storefront and its operators ask, on Ray and without it, over both faces."""

from __future__ import annotations

import json
import re

import grpc
import pytest
from e2e.conftest import Shop
from e2e.faces import METHODS, Face, GrpcFace, HttpFace, check_alike
from e2e.gateways import ASK_S_MAX, Gateway, admin, metric
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serving.adapters.releases import live
from serving.adapters.versions import MODELS
from serving.runtime.home import replicas
from serving.transport.contract import services
from serving.transport.inference.methods import SERVICE
from storegate.client import Client

Pair = tuple[GrpcFace, HttpFace]


def test_a_known_user_gets_titles_prices_and_reasons(face: Face, shop: Shop) -> None:
    """Ten items by default, best first, each with a reason; the answer says what it was made with."""
    answer = face.ask("Recommend", {"userId": shop.user, "requestId": "r-1"})
    assert len({result.item_id for result in answer.results}) == 10
    assert all(result.title and result.price.amount_minor > 0 and result.source for result in answer.results)
    assert sum(bool(result.reasons) for result in answer.results) >= 9
    codes = {reason.code for result in answer.results for reason in result.reasons}
    assert codes & {"BECAUSE_YOU_BOUGHT", "BECAUSE_YOU_VIEWED", "BUY_AGAIN"}
    assert answer.request_id == "r-1"
    info = answer.serving_info
    models = live(shop.home).models
    assert dict(info.model_versions) == {name: models[name] for name in MODELS}
    assert info.index_version == models["index"]
    assert not info.degraded
    assert info.HasField("events_applied_through")
    assert {stage.name for stage in info.stages} >= {"profile", "visitor", "sources", "candidates", "score", "page"}


def test_an_anonymous_visitor_gets_what_sells(face: Face) -> None:
    """Nobody known: no personal reason, no events applied."""
    answer = face.ask("Recommend", {"pageSize": 20})
    assert len(answer.results) == 20
    codes = {reason.code for result in answer.results for reason in result.reasons}
    assert codes <= {"TRENDING", "NEW_ARRIVAL"}
    assert not answer.serving_info.HasField("events_applied_through")


def test_an_item_page_shows_others(face: Face, shop: Shop) -> None:
    """What goes with the item, never the item itself, and another list than without it."""
    answer = face.ask("Recommend", {"placement": "others-you-may-like", "itemIds": [shop.item], "pageSize": 5})
    shown = [result.item_id for result in answer.results]
    assert len(shown) == 5
    assert shop.item not in shown
    assert shown != [result.item_id for result in face.ask("Recommend", {"pageSize": 5}).results]
    related = {reason.related_item_id for result in answer.results for reason in result.reasons}
    assert shop.item in related


def test_rerank_orders_what_it_is_given(face: Face, shop: Shop) -> None:
    """All that are in stock and no others, in this person's order whatever the given one; unknown ones are told."""
    given = shop.in_stock[:30]
    answer = face.ask("Rerank", {"itemIds": [*given, "no-such-item"], "userId": shop.user})
    assert sorted(result.item_id for result in answer.results) == sorted(given)
    assert list(answer.missing_item_ids) == ["no-such-item"]
    assert [result.item_id for result in answer.results] != given
    backwards = face.ask("Rerank", {"itemIds": given[::-1], "userId": shop.user})
    assert [r.item_id for r in backwards.results] == [r.item_id for r in answer.results]


def test_exclusions_and_caps_hold(face: Face, shop: Shop) -> None:
    """Excluded items never come; no brand comes more often than allowed."""
    before = face.ask("Recommend", {"userId": shop.user})
    excluded = [result.item_id for result in before.results[:5]]
    asked = {"userId": shop.user, "excludeItemIds": excluded, "constraints": {"maxPerBrand": 1}}
    shown = [result.item_id for result in face.ask("Recommend", asked).results]
    assert not set(shown) & set(excluded)
    brands = {item.item_id: item.brand for item in shop.dataset.items}
    assert len({brands[item] for item in shown}) == len(shown)


def test_consent_denied_is_an_answer_for_nobody(face: Face, shop: Shop) -> None:
    """With personalisation denied a known user is a stranger."""
    denied = {"userId": shop.user, "personalization": "PERSONALIZATION_DENIED"}
    check_alike(face.ask("Recommend", denied), face.ask("Recommend", {}))


def test_validate_only_checks_and_shows_nothing(face: Face, shop: Shop) -> None:
    """A good request is told to be good, without results."""
    answer = face.ask("Recommend", {"userId": shop.user, "itemIds": ["no-such-item"], "validateOnly": True})
    assert not answer.results
    assert list(answer.missing_item_ids) == ["no-such-item"]


def test_ping(face: Face) -> None:
    assert face.ask("Ping", {}) == METHODS["Ping"].response()


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("Recommend", {"userId": "USER", "pageSize": 20}),
        ("Recommend", {"visitorId": "v", "sessionEvents": [{"eventType": "detail-page-view", "itemId": "ITEM"}]}),
        ("Recommend", {"placement": "others-you-may-like", "itemIds": ["ITEM", "gone"], "diversity": 0.5}),
        ("Rerank", {"itemIds": ["ITEM", "gone"], "userId": "USER"}),
        ("GetItem", {"item_id": "ITEM"}),
    ],
)
def test_both_faces_say_the_same(both_faces: Pair, shop: Shop, method: str, body: dict[str, object]) -> None:
    """Message for message but for the timings."""
    told = json.loads(json.dumps(body).replace("USER", shop.user).replace("ITEM", shop.item))
    over_grpc, over_http = (face.ask(method, told) for face in both_faces)
    if method == "GetItem":
        assert over_grpc == over_http
    else:
        check_alike(over_grpc, over_http)


def test_all_replicas_say_the_same(replica_clients: list[Client], shop: Shop) -> None:
    """The same models, catalogue and profiles everywhere."""
    first, *others = (client.recommend(shop.user, page_size=20) for client in replica_clients)
    for other in others:
        check_alike(other, first)


def test_health_is_serving_for_every_service(served: Gateway) -> None:
    """What a load balancer asks: grpc.health.v1."""
    with grpc.insecure_channel(served.target) as channel:
        for service in ("", *services(), SERVICE):
            asked = health_pb2.HealthCheckRequest(service=service)
            answer = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=ASK_S_MAX)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING, service


def test_reflection_lists_the_services(served: Gateway) -> None:
    """grpcurl needs nothing but the address."""
    with grpc.insecure_channel(served.target) as channel:
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answer = next(stub.ServerReflectionInfo(asked, timeout=ASK_S_MAX))
    listed = {service.name for service in answer.list_services_response.service}
    assert {*services(), SERVICE, "grpc.health.v1.Health"} <= listed


def test_healthz_answers_without_a_token(both_faces: Pair) -> None:
    answer = both_faces[1].client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_every_replica_has_an_admin_port_of_its_own(served: Gateway, replica_clients: list[Client]) -> None:
    """/readyz says ready, /metrics counts this replica's calls."""
    running = replicas(served.home)
    assert len({replica.addresses.admin_port for replica in running}) == served.wanted
    for replica in running:
        assert admin(replica, "/readyz").json() == {"ready": True, "detail": "ready"}
        page = admin(replica, "/metrics")
        assert page.headers["content-type"].startswith("text/plain")
        assert "storegate_batch_seconds_bucket" in page.text
        assert float(metric(replica, "process_resident_memory_bytes")) > 0


def test_the_documentation_loads_nothing_from_outside(both_faces: Pair) -> None:
    """/docs and /openapi.json name no other host that a browser would fetch from."""
    http = both_faces[1].client
    page = http.get("/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    fetched = re.findall(r"""(?:src|href|action)\s*=\s*["']?([^"'\s>]+)|url\(([^)]*)\)|@import\s+(\S+)""", page.text)
    outside = [found for found in sum(fetched, ()) if re.match(r"(?:https?:)?//", found.strip("\"'"))]
    assert outside == []
    described = http.get("/openapi.json").json()
    assert "/v1/recommend" in described["paths"]
    assert all(server["url"].startswith("/") for server in described.get("servers", []))


def test_an_unknown_path_is_a_problem_that_says_where_to_look(both_faces: Pair) -> None:
    answer = both_faces[1].client.get("/v9/nothing")
    assert answer.status_code == 404
    assert answer.json()["reason"] == "UNKNOWN_METHOD"
    assert "/docs" in answer.json()["detail"]
