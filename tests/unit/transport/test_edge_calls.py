"""Calls through a real HAProxy: balanced one by one, answered when nobody is there, passed on when refused."""

from __future__ import annotations

import csv
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from edges import (
    HELD,
    LOOPBACK,
    OVERLOADED,
    PING,
    REFUSED,
    ROLLBACK,
    SLOTS,
    STATUS_200,
    Edge,
    awaited,
    channel_to,
    code_of,
    edge_at,
)
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serving.transport.callers import CALLER_KEY
from storegate.client import Client, reason

DEADLINE_S = 20.0


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """With replicas in the first two of its slots."""
    with edge_at(tmp_path, replicas=2) as made:
        yield made


@pytest.fixture
def channel(edge: Edge) -> Iterator[Any]:
    with channel_to(edge.target) as made:
        yield made


@pytest.fixture
def http(edge: Edge) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=edge.url, timeout=DEADLINE_S, trust_env=False) as made:
        yield made


def test_calls_of_one_connection_reach_every_replica(edge: Edge, channel: Any) -> None:
    """It is calls that are balanced: gRPC keeps one connection for hours."""
    for _ in range(20):
        channel.unary_unary(PING)(b"", timeout=DEADLINE_S)
    counts = [len(replica.engine.seen) for replica in edge.replicas]
    assert sum(counts) == 20
    assert min(counts) >= 5


def test_a_call_goes_to_the_replica_with_the_least_to_do(edge: Edge, channel: Any) -> None:
    """One has calls that take long; all that come then go to the other."""
    busy, idle = edge.replicas
    held = [channel.unary_unary(HELD).future(b"", timeout=DEADLINE_S) for _ in range(8)]
    awaited(lambda: len(busy.engine.held) + len(idle.engine.held) == 8, "all calls are held")
    assert (len(busy.engine.held), len(idle.engine.held)) == (4, 4)
    idle.engine.release()
    awaited(lambda: sum(call.done() for call in held) == 4, "one replica has answered")
    for _ in range(10):
        channel.unary_unary(PING)(b"", timeout=DEADLINE_S)
    assert [len(replica.engine.seen) for replica in (busy, idle)] == [4, 14]


def test_http_is_balanced_too(edge: Edge, http: httpx.Client) -> None:
    for _ in range(12):
        assert http.post("/v1/ping", json={}).status_code == 200
    assert [len(replica.engine.seen) for replica in edge.replicas] == [6, 6]


def test_a_refusal_of_a_replica_is_passed_on(channel: Any, http: httpx.Client) -> None:
    """RESOURCE_EXHAUSTED with its reason, 429 with Retry-After."""
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(REFUSED)(b"", timeout=DEADLINE_S)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (reason(caught.value), caught.value.details()) == ("OVERLOADED", OVERLOADED.message)
    answer = http.post("/v1/recommend", json={})
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["reason"]) == (429, "3", "OVERLOADED")


def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    """503 with problem JSON, and a gRPC status with the gateway's word for it."""
    with edge_at(tmp_path) as edge, channel_to(edge.target) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(PING)(b"", timeout=DEADLINE_S)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert reason(caught.value) == "NOT_READY"
        answer = httpx.post(f"{edge.url}/v1/ping", json={}, trust_env=False)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert answer.json()["reason"] == "NOT_READY"
        assert int(answer.headers["retry-after"]) >= 1


def test_the_client_tries_again_what_the_edge_refuses(tmp_path: Path) -> None:
    """What the edge says by itself is an answer of trailers alone, which a retry policy understands."""
    with edge_at(tmp_path) as edge, Client(edge.target, timeout_s=DEADLINE_S, connections=1) as client:
        with pytest.raises(grpc.RpcError) as caught:
            client.ping()
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        rows = csv.DictReader(edge.haproxy.ask("show stat").lstrip("# ").splitlines())
        asked = {row["pxname"]: row["req_tot"] for row in rows if row["svname"] == "FRONTEND"}
        assert asked["grpc_in"] == "5"


def test_a_replica_takes_part_once_it_is_ready_and_no_longer_when_it_is_not(edge: Edge, channel: Any) -> None:
    """In any slot. What it has got it may answer; new calls go to the others, and none fails."""
    leaving, staying = edge.replicas
    held = [channel.unary_unary(HELD).future(b"", timeout=DEADLINE_S) for _ in range(2)]
    awaited(lambda: leaving.engine.held and staying.engine.held, "each holds a call")
    leaving.ready = False
    edge.wait_up(1)
    before = len(leaving.engine.seen)
    for _ in range(10):
        channel.unary_unary(PING)(b"", timeout=DEADLINE_S)
    assert len(leaving.engine.seen) == before
    newcomer = edge.add(SLOTS - 1)
    edge.wait_up(2)
    channel.unary_unary(PING)(b"", timeout=DEADLINE_S)
    awaited(lambda: newcomer.engine.seen, "the newcomer has nothing to do, so it is asked")
    leaving.engine.release()
    staying.engine.release()
    assert [code_of(call) for call in held] == ["OK", "OK"]


def test_a_stranger_on_a_port_of_ours_gets_nothing(edge: Edge, channel: Any) -> None:
    """Another gateway of this machine may be ready at the same ports: its home is not ours."""
    stranger = edge.add(SLOTS - 1, mark="another home")
    for _ in range(30):
        channel.unary_unary(PING)(b"", timeout=DEADLINE_S)
    assert stranger.engine.seen == []
    assert edge.haproxy.up()["grpc_out"] == 2


def test_what_changes_nothing_is_asked_again_when_a_replica_dies_with_it(edge: Edge, channel: Any, http: Any) -> None:
    """One that takes calls and ends without an answer, and looks well: nobody notices who reads, or writes by an id."""
    with edge.dying(SLOTS - 1) as taken:
        for _ in range(12):
            channel.unary_unary(PING)(b"", timeout=DEADLINE_S)
            assert http.post("/v1/ping", json={}).status_code == 200
        assert min(taken.values()) > 0, taken
    assert sum(len(replica.engine.seen) for replica in edge.replicas) == 24


def test_half_an_answer_of_a_replica_that_dies_is_none(edge: Edge) -> None:
    """It is kept from the client, which tries again what it has seen nothing of."""
    with (
        edge.dying(SLOTS - 1, begun=STATUS_200) as taken,
        Client(edge.target, timeout_s=DEADLINE_S, connections=1) as client,
    ):
        for _ in range(12):
            client.ping()
        assert taken["grpc"] > 0


def test_what_could_happen_twice_is_not_asked_again(edge: Edge, channel: Any, http: Any) -> None:
    """A roll back that died with its replica may have been done: who asked for it must look."""
    with edge.dying(SLOTS - 1) as taken:
        lost = 0
        for _ in range(12):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(ROLLBACK)(b"", timeout=DEADLINE_S)
            lost += caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert lost == taken["grpc"] > 0
        answers = [http.post("/v1/models:rollback", json={}).status_code for _ in range(12)]
        assert answers.count(503) == taken["http"] > 0


def test_calls_to_a_replica_that_is_gone_reach_the_other_one(edge: Edge, channel: Any) -> None:
    """Before any check has noticed: a refused connection is no failed call."""
    edge.replicas.pop(0).close()
    for _ in range(20):
        channel.unary_unary(PING)(b"", timeout=DEADLINE_S)
    assert len(edge.replicas[0].engine.seen) == 20


def test_a_call_that_is_given_up_is_taken_back(edge: Edge, channel: Any) -> None:
    call = channel.unary_unary(HELD).future(b"", timeout=DEADLINE_S)
    replica = awaited(lambda: next((one for one in edge.replicas if one.engine.held), None), "a replica holds it")
    call.cancel()
    replica.engine.wait(lambda: replica.engine.cancelled == 1)


def test_an_edge_that_leaves_answers_what_it_has(edge: Edge, channel: Any) -> None:
    """And ends as soon as it has, with callers still connected."""
    call = channel.unary_unary(HELD).future(b"", timeout=DEADLINE_S)
    replica = awaited(lambda: next((one for one in edge.replicas if one.engine.held), None), "a replica holds it")
    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(edge.haproxy.close, DEADLINE_S)
        awaited(lambda: not accepts(edge.grpc_port), "it takes no new connections")
        replica.engine.release()
        assert call.result() == b""
        leaving.result(DEADLINE_S)


def accepts(port: int) -> bool:
    """Whether anybody listens there."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def test_callers_are_told_apart(edge: Edge, http: httpx.Client) -> None:
    """By what they say, else by their address: behind the edge all would have the edge's."""
    http.post("/v1/ping", json={}, headers={"x-forwarded-for": "192.0.2.1"})
    http.post("/v1/ping", json={}, headers={CALLER_KEY: "checkout"})
    with channel_to(edge.target) as channel:
        channel.unary_unary(PING)(b"", timeout=DEADLINE_S)
        channel.unary_unary(PING)(b"", timeout=DEADLINE_S, metadata=((CALLER_KEY, "search"),))
    seen = sorted(call.caller for replica in edge.replicas for call in replica.engine.seen)
    assert seen == ["127.0.0.1", "127.0.0.1", "checkout", "search"]


def test_health_and_reflection_pass(channel: Any) -> None:
    """Also reflection, whose caller sends no end before it has read: the edge waits for no more than a beginning."""
    health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    answer = next(reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(asked, timeout=DEADLINE_S))
    assert "storegate.v1.GatewayService" in {service.name for service in answer.list_services_response.service}
