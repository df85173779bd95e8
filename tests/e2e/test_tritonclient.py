"""NVIDIA's public client, unchanged, against a running gateway: every answer is that of onnxruntime called directly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import pytest
from e2e.gateways import ASK_S_MAX, Gateway, awaited
from onnx_models import DATATYPES, echo, operation, write_model

from serving.adapters.releases import live
from serving.features import FEATURES

SCRIPT = Path(__file__).with_name("triton_calls.py")
FACES = ("grpc", "http", "grpc.aio", "http.aio")
BATCH_LIMIT_ROWS = 8
ARRAYS = {
    "BOOL": np.array([[True, False], [False, True]]),
    **{kind: np.array([[-128, 127], [0, 1]], kind.lower()) for kind in ("INT8", "INT16", "INT32", "INT64")},
    **{kind: np.array([[0, 255], [7, 1]], kind.lower()) for kind in ("UINT8", "UINT16", "UINT32")},
    "UINT64": np.array([[0, 2**64 - 1], [7, 1]], np.uint64),
    "FP16": np.array([[1.5, -2.25], [65504, 6e-8]], np.float16),
    "FP32": np.array([[0.1, -3e38], [1e-45, 7]], np.float32),
    "FP64": np.array([[0.1, -1e308], [5e-324, 7]], np.float64),
    "BF16": np.array([[0x3F80, 0xC000], [0x7F7F, 0x0001]], np.uint16),
    "BYTES": np.array([["", "ä\0b"], ["x" * 300, "線"]]),
}
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def models(local_gateway: Gateway) -> Gateway:
    """The gateway of the shop, with small models in its repository: it finds them while it runs."""
    home = local_gateway.home
    for datatype in DATATYPES:
        write_model(home, f"echo-{datatype.lower()}", "1", echo(datatype), BATCH_LIMIT_ROWS)
    for version in ("9", "10"):
        write_model(home, "two", version, echo("FP32"))
    pair = {"a": ("FP32", ("n", 2)), "b": ("FP32", ("n", 2))}
    write_model(home, "sum", "1", operation("Add", pair, {"c": ("FP32", ("n", 2))}))
    names = {f"echo-{datatype.lower()}" for datatype in DATATYPES} | {"two", "sum"}

    def found() -> bool:
        index = httpx.post(f"{local_gateway.url}/v2/repository/index", timeout=ASK_S_MAX, trust_env=False).json()
        return names <= {one["name"] for one in index if one["state"] == "READY"}

    awaited(found, "the new models are served")
    return local_gateway


@pytest.fixture(scope="module", params=FACES)
def face(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def client(models: Gateway, face: str) -> Iterator[subprocess.Popen[str]]:
    """The client, ready for folders with calls."""
    target = models.target if face.startswith("grpc") else models.url.removeprefix("http://")
    command = [sys.executable, str(SCRIPT), face, target]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(ASK_S_MAX) == 0


@pytest.fixture
def ask(client: subprocess.Popen[str], tmp_path: Path) -> Ask:
    """Makes calls through the client; of an infer the answer holds its arrays by name."""

    def asked(calls: list[dict[str, Any]], sent: Mapping[str, np.ndarray] | None = None) -> list[dict[str, Any]]:
        (tmp_path / "calls.json").write_text(json.dumps(calls))
        arrays = {
            key: array.astype(object) if array.dtype.kind == "U" else array for key, array in (sent or {}).items()
        }
        np.savez(tmp_path / "sent.npz", **arrays, allow_pickle=True)
        assert client.stdin is not None
        assert client.stdout is not None
        print(tmp_path, file=client.stdin, flush=True)
        assert client.stdout.readline().strip() == str(tmp_path), "the client has died: its words stand above"
        answers: list[dict[str, Any]] = json.loads((tmp_path / "answers.json").read_text())
        with np.load(tmp_path / "answered.npz") as found:
            for key, array in found.items():
                place, _, name = key.partition(".")
                answers[int(place)][name] = array
        return answers

    return asked


def infer(model: str, inputs: list[list[Any]], outputs: list[list[Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"call": "infer", "arguments": {"model_name": model, **more}, "inputs": inputs, "outputs": outputs or []}


def same(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Bit by bit, and of one shape and type."""
    if wanted.dtype.kind in "UO":
        return found.tolist() == wanted.tolist()
    return (found.dtype, found.shape, found.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())


def test_every_datatype_comes_back_as_it_was(ask: Ask, face: str) -> None:
    """In binary; over HTTP in JSON as well, in and out."""
    ways = [True] if face.startswith("grpc") else [True, False]
    cases = [(kind, way) for kind in DATATYPES for way in ways if way or kind != "BF16"]
    calls = [infer(f"echo-{kind.lower()}", [["x", kind, kind, way]], [["y", way]]) for kind, way in cases]
    for (kind, way), answer in zip(cases, ask(calls, ARRAYS), strict=True):
        assert "y" in answer, (kind, way, answer)
        assert same(answer["y"], ARRAYS[kind]), (kind, way, answer["y"])


def test_the_shops_rankers_answer_as_onnxruntime_does(ask: Ask, models: Gateway) -> None:
    """Bit by bit; without saying which outputs, and with the id of the request."""
    version = live(models.home).models["ranker"]
    features = np.random.default_rng(0).standard_normal((50, len(FEATURES))).astype(np.float32)
    names = ("purchase", "basket", "click")
    calls = [infer(f"ranker.{name}", [["features", "FP32", "f", True]], request_id=name) for name in names]
    for name, answer in zip(names, ask(calls, {"f": features}), strict=True):
        file = models.home / "models" / "ranker" / version / f"{name}.onnx"
        (wanted,) = onnxruntime.InferenceSession(file).run(None, {"features": features})
        assert answer["value"] == {"model_name": f"ranker.{name}", "model_version": version, "id": name}
        assert same(answer["scores"], wanted)


def test_server_and_models_tell_what_they_are(ask: Ask, models: Gateway) -> None:
    ranker = {"model_name": "ranker.purchase"}
    live_, ready, server, its, model, version, not_there = ask(
        [
            {"call": "is_server_live"},
            {"call": "is_server_ready"},
            {"call": "get_server_metadata"},
            {"call": "is_model_ready", "arguments": ranker},
            {"call": "get_model_metadata", "arguments": ranker},
            {"call": "get_model_metadata", "arguments": {"model_name": "two", "model_version": "10"}},
            {"call": "is_model_ready", "arguments": {"model_name": "nothing"}},
        ]
    )
    assert [one["value"] for one in (live_, ready, its, not_there)] == [True, True, True, False]
    assert server["value"]["name"] == "storegate"
    assert server["value"]["extensions"] == ["binary_tensor_data", "model_repository", "statistics"]
    told = model["value"]
    assert (told["name"], told["versions"]) == ("ranker.purchase", [live(models.home).models["ranker"]])
    assert numbers(told["inputs"]) == [("features", "FP32", [-1, len(FEATURES)])]
    assert numbers(told["outputs"]) == [("scores", "FP32", [-1])]
    assert numbers(version["value"]["inputs"]) == [("x", "FP32", [-1, 2])]


def numbers(tensors: list[dict[str, Any]]) -> list[tuple[str, str, list[int]]]:
    """(name, datatype, shape); protobuf's JSON has 64-bit numbers as texts."""
    return [(one["name"], one["datatype"], [int(size) for size in one["shape"]]) for one in tensors]


def test_what_is_wrong_is_told_by_name(ask: Ask, face: str) -> None:
    """The protocol's code, and input, what was sent and what would be right."""
    x = [["x", "FP32", "x", True]]
    cases = [
        (infer("nothing", x), "NOT_FOUND", 404, "model 'nothing' is not known"),
        (infer("two", x, model_version="11"), "NOT_FOUND", 404, "version of model two '11' is not known"),
        (infer("echo-fp32", [["z", "FP32", "x", True]]), "INVALID_ARGUMENT", 400, "'z', expected inputs named x"),
        (infer("echo-fp32", x, [["z", True]]), "INVALID_ARGUMENT", 400, "'z', expected outputs named y"),
        (infer("sum", [["a", "FP32", "x", True]]), "INVALID_ARGUMENT", 400, "inputs.b: got None, expected the inputs"),
        (infer("echo-int32", x), "INVALID_ARGUMENT", 400, "inputs.x.datatype: got 'FP32', expected INT32"),
        (
            infer("echo-fp32", [["x", "FP32", "wide", True]]),
            "INVALID_ARGUMENT",
            400,
            "inputs.x.shape: got [2, 3], expected [-1, 2]",
        ),
        (
            infer("echo-fp32", [["x", "FP32", "long", True]]),
            "INVALID_ARGUMENT",
            400,
            "inputs.x.shape: got '9 rows', expected at most 8",
        ),
        (
            infer("sum", [["a", "FP32", "x", True], ["b", "FP32", "long", True]]),
            "INVALID_ARGUMENT",
            400,
            "inputs.b.shape: got [9, 2], expected 2 for 'n', as in a",
        ),
        (
            {"call": "load_model", "arguments": {"model_name": "two", "config": "{}", "files": {"file:1/m": "x"}}},
            "INVALID_ARGUMENT",
            400,
            "expected config, or nothing",
        ),
    ]
    sent = {"x": np.ones((2, 2), np.float32), "wide": np.ones((2, 3), np.float32), "long": np.ones((9, 2), np.float32)}
    answers = ask([call for call, *_ in cases], sent)
    for (call, code, http_status, told), answer in zip(cases, answers, strict=True):
        wanted = f"StatusCode.{code}" if face.startswith("grpc") else str(http_status)
        assert answer.get("status") == wanted, (call, answer)
        assert told in answer["message"], (call, answer)


def test_versions_are_loaded_and_unloaded(ask: Ask, face: str) -> None:
    """The live one by itself, another by the configuration that names it; what is not loaded is unavailable."""
    config = json.dumps({"version_policy": {"specific": {"versions": ["9"]}}})
    two, x = {"model_name": "two"}, [["x", "FP32", "x", True]]
    unloaded = {"call": "unload_model", "arguments": two}
    answers = ask(
        [
            infer("two", x),
            infer("two", x, model_version="9"),
            {"call": "load_model", "arguments": two | {"config": config}},
            infer("two", x, model_version="9"),
            {"call": "get_model_repository_index"},
            unloaded,
            infer("two", x),
            {"call": "is_model_ready", "arguments": two},
            {"call": "load_model", "arguments": two},
            infer("two", x),
            {"call": "load_model", "arguments": {"model_name": "nothing"}},
        ],
        {"x": np.ones((1, 2), np.float32)},
    )
    before, other, loaded, ninth, index, gone, refused, ready, again, after, unknown = answers
    unavailable = "StatusCode.UNAVAILABLE" if face.startswith("grpc") else "503"
    assert [one["value"]["model_version"] for one in (before, ninth, after)] == ["10", "9", "10"]
    assert [one["status"] for one in (other, refused)] == [unavailable] * 2
    assert [one.get("value") for one in (loaded, gone, again)] == [None] * 3
    assert "status" not in loaded | gone | again
    listed = index["value"] if isinstance(index["value"], list) else index["value"]["models"]
    assert {(one["version"], one["state"]) for one in listed if one["name"] == "two"} == {
        ("9", "READY"),
        ("10", "READY"),
    }
    assert ready["value"] is False
    assert unknown["status"] == ("StatusCode.NOT_FOUND" if face.startswith("grpc") else "404")


def test_statistics_count_requests_rows_and_runs(ask: Ask) -> None:
    counted = {"call": "get_inference_statistics", "arguments": {"model_name": "sum", "model_version": "1"}}
    pair = [["a", "FP32", "x", True], ["b", "FP32", "x", True]]
    wrong = [["a", "FP32", "x", True], ["b", "FP32", "other", True]]
    sent = {"x": np.ones((3, 2), np.float32), "other": np.ones((4, 2), np.float32)}
    before, *_, after = ask([counted, infer("sum", pair), infer("sum", pair), infer("sum", wrong), counted], sent)

    def figures(answer: dict[str, Any]) -> dict[str, int]:
        (row,) = answer["value"]["model_stats"]
        stats = row["inference_stats"]
        return {
            "rows": int(row.get("inference_count", 0)),
            "runs": int(row.get("execution_count", 0)),
            **{name: int(stats.get(name, {}).get("count", 0)) for name in ("success", "fail", "compute_infer")},
        }

    grown = {name: count - figures(before)[name] for name, count in figures(after).items()}
    assert grown == {"rows": 2, "runs": 2, "success": 2, "fail": 1, "compute_infer": 2}


def test_every_replica_serves_the_rankers(served: Gateway) -> None:
    """On Ray too; the same bits everywhere, also when asked in JSON."""
    version = live(served.home).models["ranker"]
    features = np.random.default_rng(1).standard_normal((2, len(FEATURES))).astype(np.float32)
    file = served.home / "models" / "ranker" / version / "basket.onnx"
    (wanted,) = onnxruntime.InferenceSession(file).run(None, {"features": features})
    told = {"name": "features", "datatype": "FP32", "shape": [2, len(FEATURES)], "data": features.tolist()}
    for _ in range(4 * served.wanted):
        answer = httpx.post(
            f"{served.url}/v2/models/ranker.basket/infer", json={"inputs": [told]}, timeout=ASK_S_MAX, trust_env=False
        ).json()
        assert answer["model_version"] == version
        assert answer["outputs"][0]["data"] == wanted.tolist()


def test_what_is_loaded_on_one_replica_is_loaded_on_all(ray_gateway: Gateway) -> None:
    """Whichever took the call."""
    for version in ("1", "2"):
        write_model(ray_gateway.home, "shared", version, echo("FP32"))

    def ask(verb: str, path: str, **options: Any) -> httpx.Response:
        return httpx.request(verb, f"{ray_gateway.url}/v2/{path}", timeout=ASK_S_MAX, trust_env=False, **options)

    def everywhere(path: str, status: int) -> bool:
        """On connection after connection: the kernel spreads them over the replicas."""
        return all(ask("GET", path).status_code == status for _ in range(16))

    config = json.dumps({"version_policy": {"specific": {"versions": ["1"]}}})
    awaited(lambda: everywhere("models/shared/versions/2/ready", 200), "the live version is served")
    assert ask("POST", "repository/models/shared/load", json={"parameters": {"config": config}}).status_code == 200
    awaited(lambda: everywhere("models/shared/versions/1/ready", 200), "all replicas hold the other one")
    assert ask("POST", "repository/models/shared/unload").status_code == 200
    awaited(lambda: everywhere("models/shared/ready", 400), "no replica holds it")
