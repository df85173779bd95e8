"""The two faces of one contract: the same question as a JSON object, the same message or refusal back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
import httpx
import pytest
from e2e.gateways import ASK_S_MAX, Gateway
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from serving.transport.contract import methods

METHODS = {method.name: method for method in methods()}


@dataclass
class Refused(Exception):
    """What a caller learns when the answer is an error. status: the name of the gRPC code, or the HTTP status."""

    status: str | int
    reason: str
    message: str
    facts: dict[str, str] = field(default_factory=dict)
    retry_s: float | None = None


class Face(Protocol):
    name: str

    def ask(self, method: str, body: dict[str, Any]) -> Any:
        """The answer message, the last one of several. Raises Refused."""
        ...


class GrpcFace:
    name = "grpc"

    def __init__(self, target: str) -> None:
        self.channel = grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])

    def ask(self, method: str, body: dict[str, Any]) -> Any:
        request = json_format.ParseDict(body, METHODS[method].request())
        return self.send(method, request.SerializeToString())

    def send(self, method: str, payload: bytes, grpc_timeout: str = f"{ASK_S_MAX:.0f}S") -> Any:
        """Sends bytes as they are, and the deadline as a header: grpcio would keep a call that has none left."""
        bound, metadata = METHODS[method], (("grpc-timeout", grpc_timeout),)
        try:
            if bound.streams:
                *_, answer = self.channel.unary_stream(bound.full_name)(payload, metadata=metadata)
            else:
                answer = self.channel.unary_unary(bound.full_name)(payload, metadata=metadata)
        except grpc.RpcError as error:
            raise refusal(error) from None
        return METHODS[method].response.FromString(answer)

    def close(self) -> None:
        self.channel.close()


class HttpFace:
    name = "http"

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=ASK_S_MAX, trust_env=False)

    def ask(self, method: str, body: dict[str, Any]) -> Any:
        bound = METHODS[method]
        path = bound.path.format(**body)
        if not bound.body:
            return self._read(method, self.client.request(bound.verb, path))
        rest = {name: value for name, value in body.items() if f"{{{name}}}" not in bound.path}
        return self._read(method, self.client.post(path, json=rest))

    def send(self, method: str, body: bytes, **headers: str) -> Any:
        """Sends bytes as they are; `content_type="..."` becomes a header."""
        told = {"content-type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        return self._read(method, self.client.post(METHODS[method].path, content=body, headers=told))

    def _read(self, method: str, response: httpx.Response) -> Any:
        if response.status_code == 200:
            lines = response.content.splitlines() if METHODS[method].streams else [response.content]
            return json_format.Parse(lines[-1], METHODS[method].response())
        assert response.headers["content-type"] == "application/problem+json", response.text
        problem = response.json()
        assert problem["status"] == response.status_code
        retry = response.headers.get("retry-after")
        facts = {name: value for name, value in problem.items() if isinstance(value, str)}
        raise Refused(
            response.status_code, problem["reason"], problem["detail"], facts, None if retry is None else float(retry)
        )

    def close(self) -> None:
        self.client.close()


def faces_of(gateway: Gateway) -> tuple[GrpcFace, HttpFace]:
    return GrpcFace(gateway.target), HttpFace(gateway.url)


def refusal(error: Any) -> Refused:
    """A gRPC error with the details that the gateway sent."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    retry_s = None
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                detail.Unpack(info)
                if detail.Unpack(retry):
                    retry_s = retry.retry_delay.ToNanoseconds() / 1e9
    return Refused(error.code().name, info.reason, error.details(), dict(info.metadata), retry_s)


def check_alike(one: Any, other: Any) -> None:
    """Equal but for what differs from call to call: the decision's id and token, times of stages, the size of the
    batch, and the last digits of scores and weights, because everything gets older meanwhile."""
    numbers = []
    for answer in (one, other):
        answer.serving_info.ClearField("stages")
        answer.serving_info.ClearField("batch_size")
        for name in ("decision_id", "attribution_token"):  # each answer has its own
            assert getattr(answer, name)
            answer.ClearField(name)
        found = [result.score for result in answer.results]
        for result in answer.results:
            result.ClearField("score")
            for reason in result.reasons:
                found.append(reason.weight)
                reason.ClearField("weight")
        numbers.append(found)
    assert one == other
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-2)
