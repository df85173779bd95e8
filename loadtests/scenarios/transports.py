"""How a question goes over the wire: gRPC and HTTP, each under gevent, for any number of calls at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Protocol

import grpc
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPConnectionClosed
from google.protobuf import json_format
from google.protobuf.message import Message

from loadtests.users import PATHS, RECOMMEND, RECOMMEND_PAGE, RERANK, WRITE_USER_EVENT, Question
from storegate.v1 import event_pb2, recommendation_pb2

TIMEOUT_S: Final = 2.0
OUTSTANDING_MAX: Final = 256
"""Calls of one user that may be under way at once; what would be more is not sent, and counts as failed."""
_RECOMMENDATION, _EVENT = "/storegate.v1.RecommendationService/", "/storegate.v1.UserEventService/"
METHODS: Final = {
    RECOMMEND: (
        _RECOMMENDATION + RECOMMEND, recommendation_pb2.RecommendRequest, recommendation_pb2.RecommendResponse,
    ),
    RECOMMEND_PAGE: (
        _RECOMMENDATION + RECOMMEND_PAGE, recommendation_pb2.RecommendPageRequest,
        recommendation_pb2.RecommendPageResponse,
    ),
    RERANK: (_RECOMMENDATION + RERANK, recommendation_pb2.RerankRequest, recommendation_pb2.RerankResponse),
    WRITE_USER_EVENT: (_EVENT + WRITE_USER_EVENT, event_pb2.WriteUserEventRequest, event_pb2.WriteUserEventResponse),
}  # fmt: skip
"""Method -> path, request, response."""


class Refused(Exception):
    """No answer came, or an error."""


class Transport(Protocol):
    """One connection, or a pool of them. kind: what reports call it."""

    kind: ClassVar[str]

    def prepare(self, question: Question) -> bytes:
        """The request's bytes, made before the clock runs."""
        ...

    def send(self, question: Question, payload: bytes) -> bytes:
        """Waits for the answer's bytes. Raises Refused."""
        ...

    def read(self, question: Question, answer: bytes) -> Mapping[str, Any]:
        """The answer in protobuf's JSON mapping. Raises ValueError when it is none."""
        ...

    def close(self) -> None: ...


class GrpcTransport:
    """A channel of its own. grpc.experimental.gevent must have been initialised."""

    kind: ClassVar[str] = "gRPC"

    def __init__(self, target: str) -> None:
        """target: "host:port"."""
        self._channel = grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
        self._calls: dict[str, Callable[..., bytes]] = {
            method: self._channel.unary_unary(path) for method, (path, _, _) in METHODS.items()
        }

    def prepare(self, question: Question) -> bytes:
        _, request, _ = METHODS[question.method]
        message: Message = json_format.ParseDict(question.body, request())
        return bytes(message.SerializeToString())

    def send(self, question: Question, payload: bytes) -> bytes:
        try:
            return self._calls[question.method](payload, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            raise Refused(f"{error.code().name}: {error.details()}") from None

    def read(self, question: Question, answer: bytes) -> Mapping[str, Any]:
        _, _, response = METHODS[question.method]
        return dict(json_format.MessageToDict(response.FromString(answer)))

    def close(self) -> None:
        self._channel.close()


class HttpTransport:
    """JSON over connections that are kept: as many as calls are under way."""

    kind: ClassVar[str] = "POST"

    def __init__(self, host: str, port: int) -> None:
        self._client = HTTPClient(
            host, port, concurrency=OUTSTANDING_MAX, connection_timeout=TIMEOUT_S, network_timeout=TIMEOUT_S,
            headers={"content-type": "application/json"},
        )  # fmt: skip

    def prepare(self, question: Question) -> bytes:
        return json.dumps(question.body).encode()

    def send(self, question: Question, payload: bytes) -> bytes:
        """A kept connection that the server has closed meanwhile is dialled again: all these calls are idempotent."""
        try:
            try:
                answer = self._client.post(PATHS[question.method], payload)
            except HTTPConnectionClosed:
                answer = self._client.post(PATHS[question.method], payload)
            body = bytes(answer.read())
        except Exception as error:  # sockets, timeouts, broken HTTP: the pool raises what gevent raises
            raise Refused(f"{type(error).__name__}: {error}") from None
        if answer.status_code != 200:
            raise Refused(f"status {answer.status_code}: {body[:200]!r}")
        return body

    def read(self, question: Question, answer: bytes) -> Mapping[str, Any]:
        try:
            return dict(json.loads(answer))
        except ValueError:
            raise ValueError(f"the body is no JSON: {answer[:200]!r}") from None

    def close(self) -> None:
        self._client.close()
