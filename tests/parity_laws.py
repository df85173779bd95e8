"""Laws of both faces: the same questions over gRPC and over HTTP get equal answers and equally mapped errors.

The engine is a small one with the real codecs; tests/e2e asks a whole gateway.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import grpc
import httpx
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from serving.core.clock import SystemClock
from serving.core.errors import StoregateError, UnknownMethod
from serving.engine.calls import Call
from serving.transport import codecs as wire
from serving.transport.aio_front import AioFront
from serving.transport.contract import Method, methods, services
from serving.transport.front_params import FrontParams
from serving.transport.http_face import http_app
from serving.transport.http_server import HttpServer
from serving.transport.native_front import NativeFront
from serving.transport.status import SPELLINGS

METHODS = {method.name: method for method in methods()}
FRONTS = (NativeFront, AioFront)
Answered: TypeAlias = list[tuple[str, dict[str, Any]]]
"""(method, request as JSON) of each."""
Refused: TypeAlias = list[tuple[str, dict[str, Any], str]]
"""(method, request as JSON, reason) of each."""


@dataclass(frozen=True)
class Asked:
    """A decision that was asked for: both methods decode to its bare id."""

    method: str
    decision_id: str


def signed(decision_id: str, made_s: int, placement: int) -> str:
    """A token that shows what was signed."""
    return f"{decision_id}.{made_s}.{placement}"


class Engine:
    """An Intake that computes every call at once, with the real codecs."""

    def __init__(self, computed: Callable[[Any], Any]) -> None:
        self.codecs, self.computed = wire.codecs(SystemClock(), signed), computed

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        for call in calls:
            codec = self.codecs.get(call.method)
            try:
                if codec is None:
                    raise UnknownMethod(f"there is no method {call.method}")
                query = codec.decode(call.payload)
                found = self.computed(Asked(call.method, query) if isinstance(query, str) else query)
                if isinstance(found, StoregateError):
                    raise found
                encode = codec.encode_json if call.json else codec.encode
                call.responder.respond(call.call_id, encode(found))
            except StoregateError as error:
                call.responder.fail(call.call_id, error)
        return False

    def cancel(self, responder: object, call_id: int) -> None:
        """Nothing waits here."""


@dataclass(frozen=True)
class Faces:
    channel: grpc.Channel
    http: httpx.Client


@contextmanager
def opened(kind: type[NativeFront | AioFront], computed: Callable[[Any], Any]) -> Iterator[Faces]:
    """Both faces of one engine."""
    engine = Engine(computed)
    front = kind(FrontParams(), [method.full_name for method in methods()], services())
    server = HttpServer(http_app(engine))
    front.start(engine)
    server.start()
    with (
        grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=10.0) as http,
    ):
        yield Faces(channel, http)
    front.close(0.0)
    server.close(0.0)


def over_http(faces: Faces, method: Method, body: dict[str, Any]) -> httpx.Response:
    rest = {name: value for name, value in body.items() if f"{{{name}}}" not in method.path}
    return faces.http.request(method.verb, method.path.format(**body), json=rest if method.body else None)


def over_grpc(faces: Faces, method: Method, body: dict[str, Any]) -> Any:
    """The answer message, the last one of several. Raises grpc.RpcError."""
    if method.streams:
        call = faces.channel.unary_stream(method.full_name, response_deserializer=method.response.FromString)
        *_, last = call(json_format.ParseDict(body, method.request()).SerializeToString(), timeout=10.0)
        return timeless(last)
    call = faces.channel.unary_unary(method.full_name, response_deserializer=method.response.FromString)
    return call(json_format.ParseDict(body, method.request()).SerializeToString(), timeout=10.0)


def read(method: Method, response: httpx.Response) -> Any:
    """The answer message, the last one of several."""
    if method.streams:
        lines = response.content.splitlines()
        return timeless(json_format.Parse(lines[-1], method.response()))
    return json_format.Parse(response.content, method.response())


def timeless(message: Any) -> Any:
    """Without the time that it took."""
    message.ClearField("elapsed_s")
    return message


class EqualAnswers:
    """Of one service."""

    service: ClassVar[str]
    answered: ClassVar[Answered]

    @staticmethod
    def computed(query: Any) -> Any:
        """An answer, or an error, that depends on nothing but the query."""
        raise NotImplementedError

    @staticmethod
    def warm() -> object:
        """Compiles what would take longer than a call may."""
        return None

    def test_answers_are_equal(self, faces: Faces, name: str, body: dict[str, Any]) -> None:
        """Message for message, and every method of the service is asked."""
        assert {name for name, _ in self.answered} == {each.name for each in methods() if each.service == self.service}
        method = METHODS[name]
        response = over_http(faces, method, body)
        assert response.status_code == 200, response.text
        assert read(method, response) == over_grpc(faces, method, body)


class EqualErrors:
    """Of one service, beside EqualAnswers."""

    refused: ClassVar[Refused]

    def test_errors_are_mapped_alike(self, faces: Faces, name: str, body: dict[str, Any], reason: str) -> None:
        """The same reason, message and facts; code and status belong to one spelling."""
        method = METHODS[name]
        response = over_http(faces, method, body)
        with pytest.raises(grpc.RpcError) as caught:
            over_grpc(faces, method, body)
        error: Any = caught.value
        info = error_details_pb2.ErrorInfo()
        details = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"]).details
        assert any(detail.Unpack(info) for detail in details)
        problem = json.loads(response.content)
        assert problem["reason"] == info.reason == reason
        assert problem["detail"] == error.details()
        assert {key: problem[key] for key in info.metadata} == dict(info.metadata)
        pairs = {(spelling.code, spelling.http) for spelling in SPELLINGS.values()}
        assert (error.code().value[0], response.status_code) in pairs
