"""Workers in Serve deployments of their own: beside the shared gateway on Ray, reached through it and past it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
from e2e.conftest import Shop
from e2e.faces import METHODS
from e2e.gateways import ASK_S_MAX, Gateway, admin, awaited, command
from link_laws import WAIT_S, LinkLaws, World
from small_worker import NAME, small

from serving.cli.status import summed
from serving.core.errors import WorkerUnavailable
from serving.runtime import ray_env
from serving.runtime.aside import NICE
from serving.runtime.home import RunningWorker, ray_token, workers
from serving.runtime.params import RuntimeParams
from storegate.client import reason
from storegate.v1.forecast_pb2 import ForecastDemandRequest, ForecastDemandResponse

REPLICAS = 2
TESTS = Path(__file__).resolve().parents[1]


@contextmanager
def variables(told: Mapping[str, str]) -> Iterator[None]:
    """Inside, our environment has them."""
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def gcs_address(gateway: Gateway) -> str:
    """Of the Ray that runs the gateway."""
    for process in gateway.family():
        if process.name() == "raylet":
            return next(word.partition("=")[2] for word in process.cmdline() if word.startswith("--gcs-address="))
    raise AssertionError("no Ray runs below this gateway")


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One that runs on a thread of its own, as a replica's does."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="replica's loop")
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@pytest.fixture(scope="module")
def deployed(ray_gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    """The small worker, deployed on the Ray of the shared gateway as the launcher does it: the ways through
    Ray and past it."""
    told: dict[str, str] = {ray_env.TOKEN_PATH: str(ray_token(ray_gateway.home))}
    ray_env.prepare(told, ray_gateway.home, own_cluster=True)
    folder = tmp_path_factory.mktemp("small")
    with variables(told):
        import ray
        from ray import serve

        from serving.runtime.near_link import NearLink
        from serving.runtime.ray_workers import NAMES, RayLink, worker_application

        ray.init(gcs_address(ray_gateway), namespace="storegate", log_to_driver=False)
        path = os.pathsep.join([str(TESTS), str(TESTS.parent), str(TESTS.parent / "protos")])
        app = worker_application(
            small(replicas=REPLICAS),
            folder,
            ray_gateway.home,
            RuntimeParams(),
            ("127.0.0.1", (0,)),
            {"PYTHONPATH": path},
        )
        name = NAMES.format(NAME)
        try:
            serve.run_many([serve.RunTarget(app, name=name, route_prefix=None)])
            with event_loop() as loop:
                far = RayLink(NAME, loop)
                near = NearLink(NAME, ray_gateway.home, far)
                yield tuple(World(link, folder, REPLICAS, lambda: bundles(ray_gateway)) for link in (far, near))
                near.close()
                serve.delete(name)
        finally:
            ray.shutdown()
    awaited(lambda: not announced(ray_gateway), "it has withdrawn itself")
    assert (folder / "closed").exists()


def announced(gateway: Gateway) -> list[int]:
    """Processes of the small worker."""
    return [running.pid for running in workers(gateway.home) if running.worker == NAME]


def bundles(gateway: Gateway) -> int:
    """At all replicas of the small worker."""
    told = [page(running, "/metrics").text for running in workers(gateway.home) if running.worker == NAME]
    return int(sum(summed(each, "storegate_worker_bundles") for each in told))


def page(running: RunningWorker, path: str) -> httpx.Response:
    """Of the admin port of a worker's process."""
    return httpx.get(f"http://{running.admin_host}:{running.admin_port}{path}", timeout=ASK_S_MAX, trust_env=False)


class Deaths:
    """Needs a fixture `world`."""

    def test_a_batch_whose_process_dies(self, world: World, ray_gateway: Gateway) -> None:
        """Is computed once more by another one where that does no harm, and fails typed where it might. Ray starts new
        ones; calls meanwhile are answered or told to come again."""
        before, once = announced(ray_gateway), f"once{type(self).__name__}"
        (world.folder / once).touch()
        assert world.ask(f"die {once}".encode()) == [b"alive"]
        assert world.computed().count(f"die {once}") == 2
        assert len(set(before) & set(announced(ray_gateway))) == REPLICAS - 1
        (world.folder / once).touch()
        with pytest.raises(WorkerUnavailable) as told:
            world.ask(f"die {once}".encode(), repeatable=False)
        assert told.value.facts == {"worker": NAME}
        assert world.computed().count(f"die {once}") == 3
        awaited(lambda: answers(world), "calls are answered again", WAIT_S)

    def test_a_batch_that_kills_is_tried_twice(self, world: World) -> None:
        """No more often: it does not take all processes with it, one after the other."""
        before = world.computed().count("die")
        with pytest.raises(WorkerUnavailable):
            world.ask(b"die")
        assert 1 <= world.computed().count("die") - before <= 2


class TestRayLink(Deaths, LinkLaws):  # in this order the laws come first
    @pytest.fixture
    def world(self, deployed: tuple[World, World], ray_gateway: Gateway) -> World:
        """With all processes."""
        awaited(lambda: len(announced(ray_gateway)) == REPLICAS, "all processes are there", WAIT_S)
        return deployed[0]

    def test_other_processes_compute_behind_the_storefront(self, world: World, ray_gateway: Gateway) -> None:
        pid, nice = map(int, world.ask(b"pid", b"nice"))
        assert nice == NICE
        assert pid in announced(ray_gateway)
        assert len(announced(ray_gateway)) == REPLICAS
        assert psutil.Process(pid) in ray_gateway.family()

    def test_they_tell_how_they_are(self, world: World, ray_gateway: Gateway) -> None:
        """On admin ports of their own."""
        world.ask(b"1")
        told = [one for one in workers(ray_gateway.home) if one.worker == NAME]
        assert [page(one, "/readyz").json() for one in told] == [{"ready": True, "detail": "adds"}] * REPLICAS
        metrics = [page(one, "/metrics").text for one in told]
        assert all('storegate_info{release="1",worker="small"} 1.0' in each for each in metrics)
        assert sum(summed(each, "storegate_worker_calls_answered_total") for each in metrics) > 0


class TestNearLink(Deaths):
    """The other laws: tests/laws/test_links.py."""

    @pytest.fixture
    def world(self, deployed: tuple[World, World]) -> World:
        """With all doors open."""
        world = deployed[1]
        awaited(lambda: world.link.near == REPLICAS, "all doors are open", WAIT_S)  # type: ignore[attr-defined]
        return world


def answers(world: World) -> bool:
    try:
        return world.ask(b"1 2") == [b"3"]
    except WorkerUnavailable:
        return False


def forecast_workers(gateway: Gateway) -> list[RunningWorker]:
    return [running for running in workers(gateway.home) if running.worker == "forecast"]


def test_the_gateway_asks_its_workers(ray_gateway: Gateway, shop: Shop) -> None:
    """A forecast is computed by a process of its own, and counted there and at the gateway."""
    (running,) = forecast_workers(ray_gateway)
    assert running.pid not in {replica.pid for replica in ray_gateway.ready_replicas()}
    name = "storegate_worker_calls_answered_total"
    before = summed(page(running, "/metrics").text, name)
    with ray_gateway.client() as client:
        assert client.forecast_demand([shop.item]).forecasts
    assert summed(page(running, "/metrics").text, name) == before + 1
    metrics = [admin(replica, "/metrics").text for replica in ray_gateway.ready_replicas()]
    own = [line for each in metrics for line in each.splitlines() if line.startswith(name)]
    assert not any("ForecastDemand" in line for line in own)  # those of workers that compute in the gateway alone
    assert all('storegate_batches_in_flight{lane="forecast"} 0.0' in each for each in metrics)


def test_status_shows_workers(ray_gateway: Gateway) -> None:
    """By their own account."""
    (running,) = forecast_workers(ray_gateway)
    told = json.loads(command(ray_gateway.home, "status", "--json").stdout)["workers"]
    mine = next(one for one in told if one["worker"] == "forecast")
    assert (mine["name"], mine["pid"], mine["ready"]) == (running.name, running.pid, True)
    assert mine["admin"] == f"{running.admin_host}:{running.admin_port}"


def test_a_killed_worker_comes_back_and_pages_never_notice(ray_gateway: Gateway, shop: Shop) -> None:
    """Forecasts meanwhile are answered or told to come again, with a hint; every page is answered."""
    (running,) = forecast_workers(ray_gateway)
    with ray_gateway.client() as client, grpc.insecure_channel(ray_gateway.target) as channel:
        forecast = channel.unary_unary(METHODS["ForecastDemand"].full_name)  # a plain client, which tries nothing twice
        payload = ForecastDemandRequest(item_ids=[shop.item]).SerializeToString()
        told: set[tuple[grpc.StatusCode, str]] = set()
        os.kill(running.pid, signal.SIGKILL)

        def again() -> bool:
            assert client.recommend(page_size=5).results
            try:
                return bool(ForecastDemandResponse.FromString(forecast(payload, timeout=ASK_S_MAX)).forecasts)
            except grpc.RpcError as error:
                told.add((error.code(), reason(error)))
                return False

        awaited(again, "forecasts are answered again", WAIT_S)
    assert told <= {(grpc.StatusCode.UNAVAILABLE, "WORKER_UNAVAILABLE")}
    (new,) = forecast_workers(ray_gateway)
    assert new.pid != running.pid
