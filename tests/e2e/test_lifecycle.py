"""Starting and leaving: what cannot work is refused in one clear line, and no process stays behind."""

from __future__ import annotations

import json
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from e2e.conftest import PATIENT, SERVE, Shop
from e2e.faces import METHODS
from e2e.gateways import ASK_S_MAX, FREE_PORTS, Gateway, awaited, command, gateway, gone, metric, readiness

from serving.adapters.releases import Release, live
from serving.adapters.versions import PARTS, folder, promote, write_version
from serving.runtime.home import replicas
from storegate.client import reason
from storegate.v1.catalog_pb2 import ImportItemsRequest, ImportItemsResponse
from storegate.v1.forecast_pb2 import ForecastDemandRequest
from storegate.v1.recommendation_pb2 import RecommendRequest

WAYS = pytest.mark.parametrize("way", [("--local",), ()], ids=["local", "ray"])
SERVERS = ("redis-server", "valkey-server", "raylet", "gcs_server")


@pytest.fixture
def home(new_home: Callable[[], Path]) -> Path:
    return new_home()


def servers() -> set[int]:
    """Every Redis and Ray daemon on this machine, whoever has started it."""
    return {process.pid for process in psutil.process_iter(["name"]) if process.info["name"] in SERVERS}


def refusal(home: Path, *options: str, **variables: str) -> str:
    """The one line with which `storegate serve` refuses to start; it must leave nothing running."""
    done = command(home, "serve", *options, **variables)
    assert done.returncode not in (0, -signal.SIGTERM), done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("storegate: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert not [process for process in psutil.process_iter(["cmdline"]) if str(home) in str(process.info["cmdline"])]
    return lines[0]


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@WAYS
@pytest.mark.parametrize(("option", "setting"), [("--grpc-port", "grpc"), ("--http-port", "http")])
def test_a_taken_port_is_named(home: Path, way: tuple[str, ...], option: str, setting: str) -> None:
    """The port, and the setting that chooses another."""
    with taken_port() as port:
        said = refusal(home, *way, *FREE_PORTS, option, str(port))
    assert str(port) in said
    assert f"server.{setting}_port" in said or option in said


@WAYS
def test_a_second_gateway_on_one_home_is_refused(local_gateway: Gateway, way: tuple[str, ...]) -> None:
    """The first one is named by its process id, and serves on."""
    done = command(local_gateway.home, "serve", *way, *FREE_PORTS)
    assert done.returncode != 0
    assert f"process {local_gateway.process.pid}" in done.stderr
    with local_gateway.client() as client:
        assert client.recommend().results


@WAYS
def test_a_listener_beyond_loopback_needs_a_token(home: Path, way: tuple[str, ...]) -> None:
    """Refused before anything is started, naming both ways out."""
    said = refusal(home, *way, *FREE_PORTS, "--host", "0.0.0.0")
    assert "server.host" in said
    assert "server.bearer_token" in said


def test_ray_without_its_authentication_is_refused(home: Path) -> None:
    said = refusal(home, *FREE_PORTS, RAY_AUTH_MODE="disabled")
    assert "RAY_AUTH_MODE" in said
    assert "--local" in said


@WAYS
def test_nothing_trained_says_what_to_run(tmp_path: Path, way: tuple[str, ...]) -> None:
    assert "storegate train" in refusal(tmp_path, *way, *FREE_PORTS)


def test_a_wrong_setting_names_key_value_and_range(home: Path) -> None:
    said = refusal(home, "--local", *FREE_PORTS, STOREGATE__ENGINE__QUEUE_MAX="0")
    assert "engine.queue_max" in said
    assert "STOREGATE__ENGINE__QUEUE_MAX" in said
    assert "'0'" in said


def publish_again(home: Path, name: str) -> Path:
    """The live release once more under another name, made live; the folder of its ranker."""
    release = live(home)
    for part in PARTS:
        old = folder(home, part, release.models[part])
        write_version(home, part, name, {file.name: file for file in old.iterdir() if file.name != "SHA256SUMS"})
    promote(home, Release(name, dict.fromkeys(PARTS, name)))
    return folder(home, "ranker", name)


def test_a_damaged_model_is_refused_by_name_and_the_one_before_serves(home: Path) -> None:
    """One flipped bit in one file of the newest release."""
    before = live(home).release
    model = publish_again(home, "second") / "purchase.onnx"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    with gateway(home, *SERVE["local"]) as running, running.client() as client:
        assert client.recommend().serving_info.model_versions["ranker"] != "second"
        line = next(line for line in running.said.splitlines() if line.startswith("refused: "))
        assert "second" in line
        assert "purchase.onnx" in line
        assert f"release {before}" in running.said


def test_a_home_with_nothing_whole_is_refused(home: Path) -> None:
    """The error names the damaged file."""
    ranker = folder(home, "ranker", live(home).models["ranker"])
    (ranker / "purchase.onnx").write_bytes(b"")
    assert "purchase.onnx" in refusal(home, "--local", *FREE_PORTS)


def test_a_new_release_is_taken_over_while_serving(home: Path) -> None:
    """No restart, no failed call; a damaged one that comes next changes nothing."""
    with gateway(home, *SERVE["local"]) as running, running.client() as client:

        def ranker() -> str:
            answer = client.recommend()
            assert len(answer.results) == 10
            return str(answer.serving_info.model_versions["ranker"])

        assert ranker() != "second"
        publish_again(home, "second")
        awaited(lambda: ranker() == "second", "the new release is served")
        shutil.copytree(home / "models", home / "kept")
        (publish_again(home, "third") / "purchase.onnx").write_bytes(b"no model")
        promote(home, Release("third", dict.fromkeys(PARTS, "third")))
        awaited(lambda: "third" in running.said, "the damaged release is named in the log")
        assert ranker() == "second"


@pytest.mark.parametrize("way", ["local", "ray"])
def test_leaving_answers_what_was_accepted_and_leaves_nothing(home: Path, shop: Shop, way: str) -> None:
    """SIGTERM in the middle of a long import, of forecasts that workers compute and of many short calls: the import is
    answered whole and every forecast too, every short call is answered, told to go elsewhere or (on a busy machine,
    beside the import) told when to retry, and every process is gone."""
    others = servers()
    options = SERVE["local"] if way == "local" else ("--replicas", "1")
    running = Gateway(home, *options, settings=PATIENT | {"runtime.grace_s": 40}).wait_ready()
    family, replica = running.family(), replicas(home)[0]
    rows = [json.dumps({"itemId": f"L-{number}", "title": "Left in the middle"}) for number in range(16_000)]
    request = ImportItemsRequest(inline_json_lines="\n".join(rows))
    with grpc.insecure_channel(running.target) as channel, running.client() as client:
        long_call = channel.unary_unary(
            METHODS["ImportItems"].full_name,
            request_serializer=ImportItemsRequest.SerializeToString,
            response_deserializer=ImportItemsResponse.FromString,
        ).future(request, timeout=ASK_S_MAX)

        def begun() -> bool:
            try:
                return bool(client.get_item("L-0").title)
            except grpc.RpcError as error:
                return reason(error) != "NOT_FOUND"

        awaited(begun, "the import has begun")
        beside = channel.unary_unary(METHODS["ForecastDemand"].full_name)
        wanted = ForecastDemandRequest(item_ids=[item.item_id for item in shop.dataset.items]).SerializeToString()
        forecasts = [beside.future(wanted, timeout=ASK_S_MAX) for _ in range(20)]

        def accepted() -> bool:
            done = sum(call.done() for call in forecasts)
            return done + float(metric(replica, 'storegate_waiting_calls{lane="forecast"}')) >= len(forecasts)

        awaited(accepted, "every forecast waits, is computed or answered")
        short = channel.unary_unary(METHODS["Recommend"].full_name)
        payload = RecommendRequest(page_size=50).SerializeToString()
        with ThreadPoolExecutor(1) as pool:
            calls = [short.future(payload, timeout=ASK_S_MAX) for _ in range(100)]
            running.signal()
            ended = pool.submit(running.wait)
            if way == "local":  # Ray tells its replicas later than the import takes
                awaited(lambda: readiness(replica) == 503, "readiness is off while the import is answered")
            assert long_call.result().imported == len(rows)
            codes = [call.code() for call in calls]
            assert {call.code() for call in forecasts} == {grpc.StatusCode.OK}
            assert ended.result() == 0
    told = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert set(codes) <= {grpc.StatusCode.OK} | told
    assert codes.count(grpc.StatusCode.OK) > 0
    assert gone(family) == []
    assert not (servers() - others) & {process.pid for process in family}
    assert list((home / "run").glob("replica-*.json")) == []
    assert list((home / "run").glob("worker-*.json")) == []


def test_a_signal_during_the_start_ends_it_in_order(home: Path) -> None:
    """Asked to leave while Ray starts: exit code 0 or not, nothing is left."""
    running = Gateway(home, "--replicas", "1")
    awaited(lambda: "starting Ray" in running.said or running.process.poll() is not None, "the start is under way")
    family = awaited(running.family, "it has children")
    running.signal()
    running.wait()
    assert gone(family) == []
    assert "Traceback" not in running.said
