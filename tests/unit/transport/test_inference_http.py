"""The protocol over HTTP, down to onnxruntime: JSON and bytes, paths, and errors in the protocol's form."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from onnx_models import echo, operation, write_model

from serving.adapters.onnx_shelf import OnnxShelf
from serving.answering import inference_routes
from serving.core.clock import SystemClock
from serving.decisions.inference.service import InferenceService
from serving.engine.engine import Engine
from serving.transport.http_face import HttpParams, http_app
from serving.transport.tokens import token_digest

BODY_BYTES_MAX = 4096
X = np.array([[1.5, -2.0]], np.float32)
JSON_LENGTH = "Inference-Header-Content-Length"
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    home = tmp_path_factory.mktemp("home")
    write_model(home, "echo", "1", echo("FP32"), 64)
    write_model(home, "echo", "2", echo("FP32"), 64)
    write_model(home, "text", "1", echo("BYTES"))
    write_model(home, "log", "1", operation("Log", {"x": ("FP32", ["n", 2])}, {"y": ("FP32", ["n", 2])}))
    made = Engine(inference_routes(InferenceService(OnnxShelf(home, 8), SystemClock(), "1.2.3")))
    yield made
    made.drain(1.0)


@pytest.fixture
def ask(engine: Engine) -> Ask:
    def asked(verb: str, path: str, token: str = "", **options: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            app = http_app(engine, HttpParams(BODY_BYTES_MAX, (token_digest(token),) if token else ()))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gate") as client:
                return await client.request(verb, path, **options)

        return asyncio.run(run())

    return asked


def x_json(**more: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.5, -2.0]}], **more}


def x_binary(size: int = 8, **more: Any) -> dict[str, Any]:
    x = {"name": "x", "shape": [1, 2], "datatype": "FP32", "parameters": {"binary_data_size": size}}
    return {"inputs": [x], **more}


def binary(ask: Ask, told: dict[str, Any], tail: bytes, length: object = None, **headers: str) -> httpx.Response:
    head = json.dumps(told).encode()
    sent = {JSON_LENGTH: str(len(head) if length is None else length)} | headers
    return ask("POST", "/v2/models/echo/infer", content=head + tail, headers=sent)


def test_json_in_and_out(ask: Ask) -> None:
    """Without a content type too, as public clients send it; a version in the path is that version."""
    for path, version in (("echo", "2"), ("echo/versions/2", "2")):
        response = ask("POST", f"/v2/models/{path}/infer", content=json.dumps(x_json(id="r-1")))
        assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
        assert JSON_LENGTH.lower() not in response.headers
        assert response.json() == {
            "model_name": "echo",
            "model_version": version,
            "id": "r-1",
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [1.5, -2.0]}],
        }


@pytest.mark.parametrize(
    ("told", "in_bytes"),
    [
        ({}, False),
        ({"parameters": {"binary_data_output": True}}, True),
        ({"outputs": [{"name": "y", "parameters": {"binary_data": True}}]}, True),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": [{"name": "y", "parameters": {"binary_data": False}}],
            },
            False,
        ),
    ],
)
def test_the_caller_says_how_outputs_come(ask: Ask, told: dict[str, Any], in_bytes: bool) -> None:
    """What is said of one counts above what is said of all."""
    response = binary(ask, x_binary(**told), X.tobytes())
    assert response.status_code == 200, response.text
    if not in_bytes:
        assert response.json()["outputs"][0]["data"] == [1.5, -2.0]
        return
    length = int(response.headers[JSON_LENGTH])
    (output,) = json.loads(response.content[:length])["outputs"]
    assert output == {"name": "y", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}
    assert response.content[length:] == X.tobytes()
    assert response.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_body_is_read(ask: Ask, encoding: str) -> None:
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding](json.dumps(x_json()).encode())
    headers = {"content-encoding": encoding}
    assert ask("POST", "/v2/models/echo/infer", content=packed, headers=headers).status_code == 200
    cut = ask("POST", "/v2/models/echo/infer", content=packed[:-4], headers=headers)
    assert (cut.status_code, "a whole stream" in cut.json()["error"]) == (400, True)
    wrong = ask("POST", "/v2/models/echo/infer", content=b"{}", headers=headers)
    assert (wrong.status_code, f"expected data in {encoding}" in wrong.json()["error"]) == (400, True)


def test_a_small_body_cannot_become_a_large_one(ask: Ask) -> None:
    """The limit holds for what comes out of it."""
    bomb = gzip.compress(b" " * (1 << 20))
    assert len(bomb) < BODY_BYTES_MAX
    response = ask("POST", "/v2/models/echo/infer", content=bomb, headers={"content-encoding": "gzip"})
    assert response.status_code == 413
    assert f"at most {BODY_BYTES_MAX} are accepted" in response.json()["error"]


def test_texts_need_no_binary(ask: Ask) -> None:
    told = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "BYTES", "data": [["a", "ä\u0000"]]}]}
    response = ask("POST", "/v2/models/text/infer", json=told)
    assert response.json()["outputs"][0]["data"] == ["a", "ä\u0000"]


WRONG_BODIES = {
    "body, line 1, column 2: not JSON": b"{x}",
    "NaN is no JSON number": b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [NaN]}]}',
    "input: got [], expected one of id, parameters, inputs, outputs": json.dumps({"input": []}).encode(),
    "inputs: got {}, expected a list": json.dumps({"inputs": {}}).encode(),
    "inputs[0]: got 1, expected an object": json.dumps({"inputs": [1]}).encode(),
    "inputs[0].name: got None, expected a text": json.dumps({"inputs": [{}]}).encode(),
    "inputs[0].datatype: got 'FP31'": json.dumps({"inputs": [{"name": "x", "datatype": "FP31"}]}).encode(),
    "inputs[0].shape: got [1, '2'], expected whole numbers": json.dumps(
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, "2"]}]}
    ).encode(),
    "inputs[0].data: got '2 elements', expected 3 elements": json.dumps(
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [3], "data": [1, 2]}]}
    ).encode(),
    "outputs.y.parameters: got 'classification'": json.dumps(
        x_json(outputs=[{"name": "y", "parameters": {"classification": 1}}])
    ).encode(),
    "outputs[0].parameters.binary_data: got 1, expected true or false": json.dumps(
        x_json(outputs=[{"name": "y", "parameters": {"binary_data": 1}}])
    ).encode(),
    "inputs.x.datatype: got 'FP64', expected FP32": json.dumps(
        {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}
    ).encode(),
}


@pytest.mark.parametrize("told", WRONG_BODIES)
def test_what_is_wrong_with_a_body_is_told(ask: Ask, told: str) -> None:
    response = ask("POST", "/v2/models/echo/infer", content=WRONG_BODIES[told])
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert told in response.json()["error"]


@pytest.mark.parametrize(
    ("told", "tail", "length", "wrong"),
    [
        (x_binary(), bytes(7), None, "binary_data_size: got 8, expected 0 to the 7 bytes that are left"),
        (x_binary(), bytes(9), None, "body: got "),
        (x_binary(-1), bytes(8), None, "binary_data_size: got -1"),
        (x_binary(7), bytes(7), None, "inputs.x.raw_input_contents: got '7 bytes', expected 8 bytes for FP32 [1, 2]"),
        (x_binary(), bytes(8), 100_000, "inference-header-content-length: got '100000'"),
        (x_binary(), bytes(8), "-1", "inference-header-content-length: got '-1'"),
        (x_binary(), bytes(8), 3, "not JSON"),
    ],
)
def test_sizes_that_do_not_fit_are_told(
    ask: Ask, told: dict[str, Any], tail: bytes, length: object, wrong: str
) -> None:
    response = binary(ask, told, tail, length)
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert wrong in response.json()["error"]


def test_numbers_that_json_does_not_have(ask: Ask) -> None:
    """The answer says how to ask for them."""
    told = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [0, 1]}]}
    refused = ask("POST", "/v2/models/log/infer", json=told)
    assert (refused.status_code, "outputs.y: got 'NaN or an infinity'" in refused.json()["error"]) == (400, True)
    response = ask("POST", "/v2/models/log/infer", json=told | {"parameters": {"binary_data_output": True}})
    assert np.frombuffer(response.content[int(response.headers[JSON_LENGTH]) :], np.float32).tolist() == [-np.inf, 0.0]


def test_server_models_and_their_statistics(ask: Ask) -> None:
    """64-bit numbers are numbers, as the protocol has it."""
    assert ask("GET", "/v2").json() == {
        "name": "storegate",
        "version": "1.2.3",
        "extensions": ["binary_tensor_data", "model_repository", "statistics"],
    }
    assert ask("GET", "/v2/models/echo").json() == ask("GET", "/v2/models/echo/versions/2").json()
    assert ask("GET", "/v2/models/echo").json() == {
        "name": "echo",
        "versions": ["2"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    }
    for path in ("health/live", "health/ready", "models/echo/ready", "models/echo/versions/2/ready"):
        assert ask("GET", f"/v2/{path}").status_code == 200
    for path in ("models/echo/versions/1/ready", "models/nothing/ready"):
        response = ask("GET", f"/v2/{path}")
        assert (response.status_code, response.json()) == (400, {"error": "not ready"})
    rows = ask("GET", "/v2/models/stats").json()["model_stats"]
    assert [(row["name"], row["version"]) for row in rows] == [("echo", "2"), ("log", "1"), ("text", "1")]
    (row,) = ask("GET", "/v2/models/text/stats").json()["model_stats"]
    assert row["inference_count"] == row["inference_stats"]["success"]["count"]


def test_the_repository(ask: Ask) -> None:
    """Its index is a list; a load that names a version adds it, an unload takes all."""
    config = json.dumps({"version_policy": {"specific": {"versions": ["1"]}}})
    load = {"parameters": {"config": config}}
    assert ask("POST", "/v2/repository/models/echo/load", json=load).status_code == 200
    everything = ask("POST", "/v2/repository/index").json()
    assert {"name": "echo", "version": "1", "state": "READY", "reason": ""} in everything
    assert ask("POST", "/v2/repository/models/echo/unload", json={}).status_code == 200
    ready = ask("POST", "/v2/repository/index", json={"ready": True}).json()
    assert {one["name"] for one in ready} == {"log", "text"}
    refused = ask("POST", "/v2/models/echo/infer", json=x_json())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert ask("POST", "/v2/repository/models/echo/load").status_code == 200
    assert ask("POST", "/v2/models/echo/infer", json=x_json()).status_code == 200


def test_errors_are_in_the_protocols_form(ask: Ask) -> None:
    """Whatever their cause, as long as the path is the protocol's."""
    cases = [
        (ask("POST", "/v2/models/nothing/infer", json=x_json()), 404, "model 'nothing' is not known"),
        (ask("POST", "/v2/models/echo/versions/9/infer", json=x_json()), 404, "version of model echo '9'"),
        (ask("GET", "/v2/models/echo/config"), 404, "there is no GET /v2/models/echo/config"),
        (ask("GET", "/v2/models/echo/infer"), 404, "there is no GET"),
        (ask("GET", "/v2", token="secret"), 401, "token"),
        (ask("POST", "/v2/models/echo/infer", content=b" " * (BODY_BYTES_MAX + 1)), 413, "at most 4096"),
        (ask("POST", "/v2/models/echo/infer", json=x_json(), headers={"x-storegate-timeout-ms": "0"}), 504, "deadline"),
        (ask("POST", "/v2/repository/models/echo/load", json={"parameters": {"config": {}}}), 400, "config"),
        (ask("POST", "/v2/repository/index", json={"all": True}), 400, "all"),
    ]
    for response, status, told in cases:
        assert (response.status_code, list(response.json())) == (status, ["error"]), response.text
        assert told in response.json()["error"]


def test_requests_that_wait_together_are_one_run(engine: Engine, ask: Ask) -> None:
    """Twenty at once over HTTP are fewer runs of the model than requests, and each gets its own row."""

    def runs() -> int:
        (row,) = ask("GET", "/v2/models/echo/stats").json()["model_stats"]
        count: int = row["execution_count"]
        return count

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(http_app(engine))
        async with httpx.AsyncClient(transport=transport, base_url="http://gate") as client:
            asked = [
                {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [one, one]}]}
                for one in range(20)
            ]
            return await asyncio.gather(*(client.post("/v2/models/echo/infer", json=body) for body in asked))

    before = runs()
    answers = asyncio.run(run())
    assert [answer.json()["outputs"][0]["data"] for answer in answers] == [[one, one] for one in range(20)]
    assert runs() - before < 20


def test_a_gateway_without_the_protocol_has_none_of_its_paths() -> None:
    async def run() -> int:
        app = http_app(Engine([]), served=frozenset({"/storegate.v1.GatewayService/Ping"}))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gate") as client:
            return (await client.get("/v2/health/live")).status_code

    assert asyncio.run(run()) == 404
