"""Whole gateways behind HAProxy: their own edge from start to end, and two replicas of which one leaves or dies."""

from __future__ import annotations

import random
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
from click.testing import CliRunner
from e2e.conftest import PATIENT, Shop
from e2e.faces import METHODS, GrpcFace, HttpFace, check_alike
from e2e.gateways import ASK_S_MAX, Gateway, awaited, command, gateway
from edges import channel_to

from serving.adapters.haproxy import Haproxy
from serving.cli import cli
from serving.edge import configuration, edge_folder, slots_of, with_slots
from serving.runtime.home import edge_of, home_mark, run_folder
from serving.runtime.parts import Front
from serving.runtime.ports import SharedPorts
from serving.settings import load
from storegate.client import Client
from storegate.v1.recommendation_pb2 import RecommendRequest

ANY_SLOTS = {"edge.replica_grpc_port": 0, "edge.replica_http_port": 0}
RECOMMEND = METHODS["Recommend"].full_name
CALLS = 100
"""Answered before and after what happens, in each way of asking."""


def front_of(running: Gateway) -> Front:
    found = edge_of(running.home)
    assert found is not None
    return found


def test_a_gateway_brings_its_own_edge_and_takes_it_along(new_home: Callable[[], Path], shop: Shop) -> None:
    """Both faces through it, its socket private, a killed edge replaced; at the end nothing is left (see `stop`)."""
    with gateway(new_home(), "--local", "--edge", settings=PATIENT | ANY_SLOTS) as running:
        front = front_of(running)
        assert f"127.0.0.1:{front.grpc_port}" in running.said
        target, url = f"127.0.0.1:{front.grpc_port}", f"http://127.0.0.1:{front.http_port}"
        assert target != running.target
        answers = []
        for face in (GrpcFace(target), HttpFace(url)):
            answers.append(face.ask("Recommend", {"userId": shop.user, "pageSize": 5}))
            face.close()
        assert len(answers[0].results) == 5
        scores = [[one.score for one in answer.results] for answer in answers]
        assert scores[0] == pytest.approx(scores[1], rel=1e-4)  # a moment older
        check_alike(*answers)
        assert stat.S_IMODE((running.home / "run" / "edge" / "admin.sock").stat().st_mode) == 0o600

        (old,) = (process for process in running.family() if process.name() == "haproxy")
        bound = {one.laddr for one in old.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
        assert bound == {("127.0.0.1", front.grpc_port), ("127.0.0.1", front.http_port)}
        old.kill()
        awaited(lambda: "the edge had ended and was started again" in running.said, "another one stands there")
        with Client(target, timeout_s=ASK_S_MAX) as client:
            assert client.recommend(shop.user).results
    assert edge_of(running.home) is None
    assert not (running.home / "run" / "edge" / "admin.sock").exists()


def test_a_taken_port_of_the_edge_is_named(new_home: Callable[[], Path], local_gateway: Gateway) -> None:
    port = local_gateway.target.rpartition(":")[2]
    done = command(new_home(), "serve", "--local", "--edge", "--grpc-port", port)
    assert done.returncode != 0
    assert f"server.grpc_port: port {port}" in done.stderr


def test_the_printed_configuration_is_the_one_that_is_run(tmp_path: Path) -> None:
    """`storegate edge config`, for those who run HAProxy themselves."""
    done = CliRunner().invoke(cli, ["edge", "config", "--home", str(tmp_path)], catch_exceptions=False)
    settings = load(environ={}, overrides={"home": tmp_path})
    socket = edge_folder(settings) / "admin.sock"
    assert done.output == configuration(settings, Front("127.0.0.1", 50051, 8080), socket)


class Pair:
    """Two gateways of one shop in the slots of one edge, each with a home of its own."""

    def __init__(self, folder: Path, new_home: Callable[[], Path]) -> None:
        self._new_home = new_home
        wanted = {"home": folder, "edge.haproxy": "external", "server.admin_port": 0, **ANY_SLOTS}
        self._settings = with_slots(load(environ={}, overrides=wanted), random.Random())
        free = SharedPorts("127.0.0.1", {"grpc": 0, "http": 0})
        free.close()
        self.front = Front("127.0.0.1", free.ports["grpc"], free.ports["http"])
        self.haproxy = Haproxy(edge_folder(self._settings), lambda at: configuration(self._settings, self.front, at))
        self.gateways: list[Gateway] = []

    def start(self) -> None:
        """One more, at a home that bears the mark by which the edge knows its own."""
        home = self._new_home()
        home_mark(self._settings.home)
        shutil.copy(run_folder(self._settings.home) / "mark", run_folder(home) / "mark")
        slots = slots_of(self._settings)
        ports = {"edge.replica_grpc_port": slots.grpc, "edge.replica_http_port": slots.http}
        told = PATIENT | ports | {"edge.haproxy": "external"}
        self.gateways.append(Gateway(home, "--local", "--admin-port", str(slots.admin), settings=told))

    def wait_up(self) -> None:
        for running in self.gateways:
            running.wait_ready()
        awaited(lambda: self.haproxy.up()["grpc_out"] == len(self.gateways), "the edge sees them")

    def close(self) -> None:
        self.haproxy.close(0.0)
        for running in self.gateways:
            if running.process.poll() is None:
                running.stop()


class Asking:
    """Callers that ask on and on through the edge, one thread each, and note what failed."""

    def __init__(self, *ways: Callable[[], object]) -> None:
        """ways: each asks once, and raises when that fails."""
        self.answered, self.failed = [0] * len(ways), list[Exception]()
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n, way)) for n, way in enumerate(ways)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int, way: Callable[[], object]) -> None:
        while not self._enough.is_set():
            try:
                way()
            except (grpc.RpcError, httpx.HTTPError) as error:
                self.failed.append(error)
            self.answered[number] += 1

    def wait_for_more(self, count: int) -> None:
        """Until each caller has had so many more answers."""
        before = list(self.answered)
        awaited(lambda: all(n - b >= count for n, b in zip(self.answered, before, strict=True)), "calls are answered")

    def close(self) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="module")
def pair(new_home: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    made = Pair(tmp_path_factory.mktemp("edge"), new_home)
    try:
        for _ in range(2):
            made.start()
        made.wait_up()
        yield made
    finally:
        made.close()


def test_a_replica_that_leaves_fails_no_call(pair: Pair, shop: Shop) -> None:
    """Not of a plain caller that tries nothing twice, over gRPC or HTTP: readiness goes first, and the edge sees it."""
    url = f"http://127.0.0.1:{pair.front.http_port}/v1/recommend"
    payload = RecommendRequest(user_id=shop.user).SerializeToString()
    with (
        channel_to(f"127.0.0.1:{pair.front.grpc_port}") as channel,
        httpx.Client(trust_env=False, timeout=ASK_S_MAX) as http,
        closing(
            Asking(
                lambda: channel.unary_unary(RECOMMEND)(payload, timeout=ASK_S_MAX),
                lambda: http.post(url, json={"userId": shop.user}).raise_for_status(),
            )
        ) as asking,
    ):
        asking.wait_for_more(CALLS)
        leaving = pair.gateways.pop(0)
        leaving.stop()
        asking.wait_for_more(CALLS)
    assert asking.failed == []


def test_a_replica_that_is_killed_costs_the_client_no_call(pair: Pair, shop: Shop) -> None:
    """The calls that were on their way there are tried again with the other one."""
    pair.start()
    pair.wait_up()
    with Client(f"127.0.0.1:{pair.front.grpc_port}", timeout_s=ASK_S_MAX) as client:
        with closing(Asking(*[lambda: client.recommend(shop.user)] * 4)) as asking:
            asking.wait_for_more(CALLS)
            pair.gateways.pop(0).kill()
            asking.wait_for_more(CALLS)
        assert asking.failed == []
