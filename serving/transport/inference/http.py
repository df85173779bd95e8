"""The protocol's HTTP paths. They make the same calls as gRPC; errors are {"error": "..."}, as the protocol says."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from serving.core.errors import InternalError, StoregateError, UnknownMethod
from serving.transport import http_request
from serving.transport.http_bodies import Bodies
from serving.transport.inference import methods
from serving.transport.inference.http_body import (
    ENCODING,
    INFLATION_MAX,
    JSON_LENGTH,
    Wanted,
    choices,
    decompressed,
    read_infer,
    write_infer,
)
from serving.transport.json_reader import filled, json_object
from serving.transport.status import http_problem
from storegate.inference import service_pb2 as pb

Read = Callable[[Mapping[str, str]], Awaitable[bytes]]
"""Headers of a request -> its message for the engine."""
Ask = Callable[[str, Any, http_request.Receive, Read], Awaitable[bytes]]
"""(full method name, scope, receive, read) -> the encoded answer. Raises StoregateError, Disconnected."""

NOT_READY: Final = 400
"""The protocol says 4xx; public servers say 400."""
BYTES_TYPE: Final = "application/octet-stream"
VERBS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One method over HTTP.

    read: (headers, body, what stands in the path) -> (message for the engine, what `write` needs to know of it).
    write: (answer of the engine, that) -> response. Both raise InvalidInput.
    """

    method: str
    read: Callable[[Mapping[str, str], bytes, Mapping[str, str]], tuple[bytes, Any]]
    write: Callable[[bytes, Any], Response]


def routes(ask: Ask, bodies: Bodies, body_bytes_max: int) -> list[Route]:
    """All paths; bodies: who reads the long ones. Anything else below /v2 is an error in the protocol's form."""
    model, version = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
    repository = "/v2/repository/models/{model_name}"
    ready, load = _simple(pb.ModelReadyRequest, _is_ready), _simple(pb.RepositoryModelLoadRequest, _is_done)
    metadata = _simple(pb.ModelMetadataRequest, _told(pb.ModelMetadataResponse))
    statistics = _simple(pb.ModelStatisticsRequest, _told(pb.ModelStatisticsResponse))
    server = _simple(pb.ServerMetadataRequest, _told(pb.ServerMetadataResponse))
    table: list[tuple[str, str, str, tuple[Any, Any]]] = [
        ("GET", "/v2", methods.SERVER_METADATA, server),
        ("GET", "/v2/health/live", methods.SERVER_LIVE, _simple(pb.ServerLiveRequest, _is_ready)),
        ("GET", "/v2/health/ready", methods.SERVER_READY, _simple(pb.ServerReadyRequest, _is_ready)),
        ("GET", "/v2/models/stats", methods.MODEL_STATISTICS, statistics),
        ("POST", "/v2/repository/index", methods.REPOSITORY_INDEX, _simple(pb.RepositoryIndexRequest, _index)),
        ("POST", f"{repository}/load", methods.MODEL_LOAD, load),
        ("POST", f"{repository}/unload", methods.MODEL_UNLOAD, _simple(pb.RepositoryModelUnloadRequest, _is_done)),
    ]
    for path in (model, version):
        table += [
            ("GET", path, methods.MODEL_METADATA, metadata),
            ("GET", f"{path}/ready", methods.MODEL_READY, ready),
            ("GET", f"{path}/stats", methods.MODEL_STATISTICS, statistics),
            ("POST", f"{path}/infer", methods.MODEL_INFER, (_read_infer, _write_infer)),
        ]
    made = [
        Route(path, _Endpoint(ask, bodies, body_bytes_max, Exchange(method, *how)), methods=[verb])
        for verb, path, method, how in table
    ]
    return [*made, Route("/v2/{rest:path}", _nothing_here, methods=VERBS)]


class _Endpoint:
    """One method as an ASGI app."""

    def __init__(self, ask: Ask, bodies: Bodies, body_bytes_max: int, exchange: Exchange) -> None:
        self._ask, self._bodies, self._body_bytes_max, self._exchange = ask, bodies, body_bytes_max, exchange

    async def __call__(self, scope: Any, receive: http_request.Receive, send: Any) -> None:
        exchange, asked = self._exchange, None

        async def read(headers: Mapping[str, str]) -> bytes:
            nonlocal asked
            body = await http_request.read_body(headers, receive, self._body_bytes_max)
            size = min(len(body) * INFLATION_MAX, self._body_bytes_max) if ENCODING in headers else len(body)
            payload, asked = await self._bodies.read(size, partial(self._read, headers, body, scope["path_params"]))
            return payload

        try:
            response = exchange.write(await self._ask(exchange.method, scope, receive, read), asked)
        except http_request.Disconnected:
            return
        except StoregateError as error:
            response = _refusal(error)
        except Exception:
            _log.exception("%s failed over HTTP", exchange.method)
            response = _refusal(InternalError("an internal error; see the gateway's log"))
        await response(scope, receive, send)

    def _read(self, headers: Mapping[str, str], body: bytes, in_path: Mapping[str, str]) -> tuple[bytes, Any]:
        return self._exchange.read(headers, decompressed(headers, body, self._body_bytes_max), in_path)


def _simple(request: Any, write: Callable[[bytes, None], Response]) -> tuple[Any, Callable[[bytes, None], Response]]:
    """A request whose fields stand in a JSON object and, above it, in the path."""

    def read(headers: Mapping[str, str], body: bytes, in_path: Mapping[str, str]) -> tuple[bytes, None]:
        told = json_object(body)
        if isinstance(told.get("parameters"), dict):
            told["parameters"] = choices("request", told["parameters"])
        return filled(told | dict(in_path), request()).SerializeToString(), None

    return read, write


def _read_infer(headers: Mapping[str, str], body: bytes, in_path: Mapping[str, str]) -> tuple[bytes, Wanted]:
    return read_infer(headers, body, in_path["name"], in_path.get("version", ""))


def _write_infer(payload: bytes, wanted: Wanted) -> Response:
    body, json_length = write_infer(payload, wanted)
    if json_length is None:
        return _json(body)
    return Response(body, media_type=BYTES_TYPE, headers={JSON_LENGTH: str(json_length)})


def _told(response: Any) -> Callable[[bytes, None], Response]:
    return lambda payload, _: _json(json.dumps(_plain(response.FromString(payload))).encode())


def _index(payload: bytes, _: None) -> Response:
    """The protocol wants the list alone."""
    return _json(json.dumps(_plain(pb.RepositoryIndexResponse.FromString(payload))["models"]).encode())


def _is_ready(payload: bytes, _: None) -> Response:
    """Field 1 of three kinds of answers."""
    if pb.ModelReadyResponse.FromString(payload).ready:
        return _json(b"{}")
    return _json(b'{"error": "not ready"}', NOT_READY)


def _is_done(payload: bytes, _: None) -> Response:
    return _json(b"{}")


def _plain(message: Any) -> dict[str, Any]:
    """The message as the protocol's JSON: names as they are, every field, 64-bit numbers as numbers."""
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type is None:
            found[field.name] = list(value) if field.is_repeated else value
        else:
            found[field.name] = [_plain(one) for one in value] if field.is_repeated else _plain(value)
    return found


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


def _refusal(error: StoregateError) -> Response:
    problem = http_problem(error)
    headers = {name: value for name, value in problem.headers if name != "content-type"}
    body = json.dumps({"error": json.loads(problem.body)["detail"]})
    return Response(body, problem.status, headers, media_type="application/json")


async def _nothing_here(request: Any) -> Response:
    what = f"{request.method} {request.url.path[:200]}"
    return _refusal(UnknownMethod(f"there is no {what} in this server's part of the protocol"))
