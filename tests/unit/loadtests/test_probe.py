"""The bench's look at answers, over both faces, against a small engine that answers with what it is asked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from loadtests.bench.checks import OverGrpc, OverHttp, Probe
from loadtests.bench.frames import HTTP_RECOMMEND, RECOMMEND, known, known_json
from loadtests.bench.generate import HttpProcess
from serving.core.errors import Overloaded
from serving.engine.calls import Call
from serving.transport.front_params import FrontParams
from serving.transport.http_face import http_app
from serving.transport.http_server import HttpServer
from serving.transport.json_writer import to_json
from serving.transport.native_front import NativeFront
from storegate.v1 import recommendation_pb2 as pb


class Engine:
    """Answers with one item, twice for the user "twice", and refuses "full"."""

    def __init__(self) -> None:
        self.users: list[str] = []

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        for call in calls:
            user = pb.RecommendRequest.FromString(call.payload).user_id
            self.users.append(user)
            if user == "full":
                call.responder.fail(call.call_id, Overloaded("full", 1.0))
                continue
            items = ["a", "a"] if user == "twice" else ["a"]
            answer = pb.RecommendResponse(results=[pb.RecommendResult(item_id=item) for item in items])
            call.responder.respond(call.call_id, to_json(answer) if call.json else answer.SerializeToString())
        return False

    def cancel(self, responder: object, call_id: int) -> None:
        """Nothing waits here."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def targets(engine: Engine) -> Iterator[dict[str, str]]:
    front = NativeFront(FrontParams(), [RECOMMEND], [])
    server = HttpServer(http_app(engine))
    front.start(engine)
    server.start()
    yield {"grpc": f"127.0.0.1:{front.port}", "http": f"127.0.0.1:{server.port}"}
    front.close(0.0)
    server.close(0.0)


@pytest.mark.parametrize("face", ["grpc", "http"])
@pytest.mark.parametrize(("user", "problem"), [("17850", ""), ("twice", "an item twice"), ("full", "full")])
def test_a_wrong_or_refused_answer_is_a_problem(targets: dict[str, str], face: str, user: str, problem: str) -> None:
    """Over either face alike."""
    bodies = known([user]) if face == "grpc" else known_json([user])
    way = OverGrpc(targets[face], RECOMMEND) if face == "grpc" else OverHttp(targets[face], HTTP_RECOMMEND)
    with Probe(way, bodies, full=True) as probe:
        probe.ask(2)
    assert probe.asked == 2
    assert [problem in told for told in probe.problems] == ([True, True] if problem else [])


@pytest.mark.skipif(shutil.which("h2load") is None, reason="needs h2load: apt-get install nghttp2-client")
def test_the_load_generator_speaks_http_1_with_a_connection_a_caller(
    targets: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    """Every call is answered, and asks what stands in the file."""
    (tmp_path / "body").write_bytes(known_json(["C000017"])[0])
    process = HttpProcess(targets["http"], HTTP_RECOMMEND, tmp_path / "body", 3, 0.5, tmp_path, 0)
    while process.running:
        time.sleep(0.01)
    log = process.finish()
    assert log.failed == 0 < len(log)
    assert engine.users.count("C000017") >= len(log)
