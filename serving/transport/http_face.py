"""The contract over HTTP: JSON in, the same Calls as gRPC into the engine, JSON out. Routes come from the descriptors.

Open to everybody, with or without tokens: /healthz (the process lives), /docs and /openapi.json (what it can be asked).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from serving.core.clock import NEVER, Clock
from serving.core.errors import DeadlineExpired, InternalError, StoregateError, UnknownMethod
from serving.engine.calls import Intake
from serving.transport import docs, http_request
from serving.transport.checks import wire
from serving.transport.contract import Method, methods
from serving.transport.http_errors import VerbNotAllowed
from serving.transport.http_shortcut import Shortcuts, direct
from serving.transport.http_way import EXPIRED, HttpParams, Way
from serving.transport.inference import http as inference_http
from serving.transport.inference.methods import MODEL_INFER
from serving.transport.json_reader import filled, from_json, wire_of
from serving.transport.json_writer import to_json
from serving.transport.plan_steps import Step
from serving.transport.status import http_problem
from serving.transport.tokens import check_bearer

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

WATCH_AFTER_S: Final = 0.02
"""A call that takes longer is watched for its client going away; most are answered before and cost no watcher."""
JSON: Final = (b"content-type", b"application/json")
LINES: Final = (b"content-type", b"application/x-ndjson")
"""Of an answer of several messages, one a line."""

_log = logging.getLogger(__name__)


def http_app(
    intake: Intake, params: HttpParams | None = None, served: frozenset[str] | None = None, clock: Clock | None = None
) -> Starlette:
    """The ASGI app, with shortcuts for HttpServer in its `state`, and how it is told that it is to leave.

    served: full names of the methods that have a route in the engine, None = all there are.
    """
    way = Way(intake, params or HttpParams(), clock)
    offered = [method for method in methods() if served is None or method.full_name in served]
    routes: list[BaseRoute] = [
        Route(
            method.path.replace("}", ":path}"),
            _StreamEndpoint(method, way) if method.streams else _Endpoint(method, way),
            methods=[method.verb],
        )
        for method in offered
    ]
    if served is None or MODEL_INFER in served:
        routes += inference_http.routes(partial(_ask, way), way.bodies, way.params.body_bytes_max)
    routes += [Route("/healthz", _alive), *docs.routes()]
    app = Starlette(routes=routes, exception_handlers={404: _no_such_path, 405: _no_such_verb})
    app.router.redirect_slashes = False
    app.state.leave = way.plans.leave
    app.state.shortcuts = Shortcuts(way, {method.path.encode(): method for method in offered if direct(method)})
    return app


class _Endpoint:
    """One method as an ASGI app."""

    def __init__(self, method: Method, way: Way) -> None:
        self._method, self._way = method, way

    async def __call__(self, scope: Scope, receive: http_request.Receive, send: Send) -> None:
        try:
            body = await self._answer(scope, receive)
        except http_request.Disconnected:
            return
        except StoregateError as error:
            await _send_problem(error, send)
        except Exception:
            _log.exception("%s failed over HTTP", self._method.full_name)
            await _send_problem(InternalError("an internal error; see the gateway's log"), send)
        else:
            await _send(200, [JSON], body, send)

    async def _answer(self, scope: Scope, receive: http_request.Receive) -> bytes:
        """JSON of the answer. Raises StoregateError, or Disconnected when there is nobody to answer."""

        async def read(headers: Mapping[str, str]) -> bytes:
            return await self._request(scope, headers, receive)

        return await _ask(self._way, self._method.full_name, scope, receive, read, json=True)

    async def _request(self, scope: Scope, headers: Mapping[str, str], receive: http_request.Receive) -> bytes:
        """The request in protobuf's wire format, from body or query; what stands in the path counts above either."""
        body = await http_request.read_body(headers, receive, self._way.params.body_bytes_max)
        in_path = scope["path_params"]
        if self._method.body:
            http_request.check_json(headers)
            return await self._way.bodies.read(len(body), partial(self._from_body, in_path, body))
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return wire(filled(dict(pairs) | in_path, self._method.request()))

    def _from_body(self, in_path: Mapping[str, str], body: bytes) -> bytes:
        if not in_path:
            return wire_of(body, self._method.request)
        return wire(filled(in_path, from_json(body, self._method.request)))


class _StreamEndpoint:
    """A method whose answer is a stream of plans, as an ASGI app: one line of JSON each."""

    def __init__(self, method: Method, way: Way) -> None:
        self._method, self._way = method, way

    async def __call__(self, scope: Scope, receive: http_request.Receive, send: Send) -> None:
        begun = False
        try:
            async with aclosing(self._plans(scope, receive)) as plans:
                async for plan in plans:
                    if not begun:
                        begun = True
                        await send({"type": "http.response.start", "status": 200, "headers": [LINES]})
                    line = to_json(self._method.response.FromString(plan)) + b"\n"
                    await self._say({"body": line, "more_body": True}, send)
            await self._say({"body": b""}, send)
        except TimeoutError:
            return  # nobody takes the lines: uvicorn hangs up, as the answer is not complete
        except http_request.Disconnected:
            return
        except Exception as error:
            if not isinstance(error, StoregateError):
                _log.exception("%s failed over HTTP", self._method.full_name)
                error = InternalError("an internal error; see the gateway's log")
            if begun:
                raise  # a line that is cut off is all that can be told
            await _send_problem(error, send)

    async def _say(self, part: dict[str, Any], send: Send) -> None:
        """A client that takes nothing keeps no place for ever. Raises TimeoutError."""
        async with asyncio.timeout(self._way.params.patience_s_max):
            await send({"type": "http.response.body"} | part)

    async def _plans(self, scope: Scope, receive: http_request.Receive) -> AsyncGenerator[bytes, None]:
        """What is to be sent. Raises StoregateError before the first, or Disconnected."""
        way, headers = self._way, http_request.headers_of(scope)
        check_bearer(headers.get("authorization"), way.params.token_sha256)
        left_s, now = http_request.left_s(headers), way.clock.monotonic()
        caller, bulk = http_request.caller_of(scope, headers), http_request.bulk_of(headers)
        try:
            async with asyncio.timeout(way.params.patience_s_max if left_s is None else left_s):
                body = await http_request.read_body(headers, receive, way.params.body_bytes_max)
                http_request.check_json(headers)
                payload = await way.bodies.read(len(body), partial(wire_of, body, self._method.request))
        except TimeoutError as error:
            raise DeadlineExpired(EXPIRED) from error

        async def ask(step: Step, left_s: float | None) -> bytes:
            asked = way.bridge().ask(self._method.full_name, step.payload, left_s, caller, bulk)
            return await _while_connected(asked, receive)

        async with aclosing(way.plans.plans(payload, NEVER if left_s is None else now + left_s, ask)) as plans:
            async for plan in plans:
                yield plan


async def _ask(
    way: Way, method: str, scope: Scope, receive: http_request.Receive, read: inference_http.Read, *, json: bool = False
) -> bytes:
    """The encoded answer to what `read` makes of the request, within its deadline. Raises as _Endpoint._answer."""
    params, headers = way.params, http_request.headers_of(scope)
    check_bearer(headers.get("authorization"), params.token_sha256)
    left_s = http_request.left_s(headers)
    try:
        async with asyncio.timeout(params.patience_s_max if left_s is None else left_s):
            payload = await read(headers)
            caller, bulk = http_request.caller_of(scope, headers), http_request.bulk_of(headers)
            return await _while_connected(way.bridge().ask(method, payload, left_s, caller, bulk, json=json), receive)
    except TimeoutError as error:
        raise DeadlineExpired(EXPIRED) from error


async def _while_connected(asked: Awaitable[bytes], receive: http_request.Receive) -> bytes:
    """The answer; raises Disconnected, and so cancels the call, when the client goes away before."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    gone = False
    watcher: asyncio.Task[None] | None = None

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        task.cancel()

    def start() -> None:
        nonlocal watcher
        watcher = loop.create_task(watch())

    timer = loop.call_later(WATCH_AFTER_S, start)
    try:
        return await asked
    except asyncio.CancelledError:
        if not gone:
            raise
        task.uncancel()
        raise http_request.Disconnected from None
    finally:
        timer.cancel()
        if watcher is not None:
            watcher.cancel()


async def _send(status: int, headers: list[tuple[bytes, bytes]], body: bytes, send: Send) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_problem(error: StoregateError, send: Send) -> None:
    problem = http_problem(error)
    headers = [(name.encode(), value.encode()) for name, value in problem.headers]
    await _send(problem.status, headers, problem.body, send)


def _problem(error: StoregateError) -> Response:
    problem = http_problem(error)
    return Response(problem.body, problem.status, dict(problem.headers))


async def _alive(_: Request) -> Response:
    return Response('{"status":"alive"}', media_type="application/json")


async def _no_such_path(request: Request, _: Exception) -> Response:
    path = request.url.path[:200]
    return _problem(UnknownMethod(f"there is nothing at {path}: /docs lists what there is", path=path))


async def _no_such_verb(request: Request, error: Exception) -> Response:
    allowed = (getattr(error, "headers", None) or {}).get("Allow", "")
    return _problem(VerbNotAllowed(request.method, request.url.path[:200], allowed))
