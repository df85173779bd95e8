"""Callers against a real gRPC server that fails every fifth call: nothing is lost, and the shipped client retries."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from e2e.gateways import awaited

from loadtests.crowd import METHOD, Crowd, Plain, Shipped, shipped_client
from loadtests.ids import Ids
from storegate.v1.recommendation_pb2 import PageSection, RecommendPageRequest, RecommendPageResponse, RecommendResponse

IDS = Ids(("a", "b", "c"), ("x",))
SECTION = PageSection(response=RecommendResponse(results=[{"item_id": "x"}]))
FAILS_EVERY = 5


class Server:
    """Answers each placement with one item; counts."""

    def __init__(self) -> None:
        self.calls, self._number = 0, itertools.count(1)
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers((self,))
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if details.method != METHOD:
            return None
        return grpc.unary_unary_rpc_method_handler(
            self._page, RecommendPageRequest.FromString, RecommendPageResponse.SerializeToString
        )

    def _page(self, request: RecommendPageRequest, context: grpc.ServicerContext) -> RecommendPageResponse:
        self.calls = next(self._number)
        if self.calls % FAILS_EVERY == 0:
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        return RecommendPageResponse(sections=[SECTION] * len(request.placements))

    def stop(self) -> None:
        self._server.stop(None)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


def test_every_failure_of_a_plain_client_is_told(server: Server) -> None:
    """As many calls as the server has counted, a fifth of them failed, also of callers that have left meanwhile."""
    with Crowd(Plain, server.target, IDS, parts=2) as crowd:
        crowd.resize(4)
        awaited(lambda: server.calls >= 20, "the many have asked")
        crowd.resize(1)
        awaited(lambda: len(crowd.asked()) >= 40, "the one has asked")
    asked = crowd.asked()
    assert len(asked) == server.calls
    assert [call.problem for call in asked if call.problem] == ["UNAVAILABLE: gone"] * (len(asked) // FAILS_EVERY)


def test_the_shipped_client_asks_again(server: Server) -> None:
    """The server failed some; no caller noticed."""
    with shipped_client(server.target) as client, Crowd(Shipped, client, IDS, parts=1) as crowd:
        crowd.resize(2)
        awaited(lambda: len(crowd.asked()) >= 20, "they have asked")
    asked = crowd.asked()
    assert [call.problem for call in asked if call.problem] == []
    assert server.calls > len(asked)


def test_an_answer_without_results_is_a_failure(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are read, not counted."""
    monkeypatch.setattr(f"{__name__}.SECTION", PageSection(response=RecommendResponse()))
    with Crowd(Plain, server.target, IDS, parts=1) as crowd:
        crowd.resize(1)
        awaited(lambda: len(crowd.asked()) >= 3, "one has asked")
    assert {call.problem for call in crowd.asked()} <= {"an answer without results", "UNAVAILABLE: gone"}


def test_only_calls_of_a_time_are_given(server: Server) -> None:
    with Crowd(Plain, server.target, IDS, parts=1) as crowd:
        crowd.resize(1, pause_s=0.01)
        awaited(lambda: len(crowd.asked()) >= 6, "one has asked")
    asked = crowd.asked()
    assert crowd.asked(asked[2].begun_s, asked[4].begun_s) == asked[2:4]
