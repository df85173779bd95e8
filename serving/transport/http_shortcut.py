"""Calls with a path of their own and JSON in the body, without ASGI: no task, no scope, one write an answer.

uvicorn's protocol keeps one request at a time in `cycle`. For these paths `Shortcut` stands there in the place of
uvicorn's own class and offers what the protocol reads and writes of it; everything else about the connection (parsing,
keep-alive, flow control, the end) stays uvicorn's business. What http_face.py answers over ASGI is answered here alike.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from serving.core.clock import NEVER
from serving.core.errors import DeadlineExpired, InternalError, NotReady, PayloadTooLarge, StoregateError
from serving.transport import http_request
from serving.transport.contract import Method
from serving.transport.http_bodies import LONG_BYTES
from serving.transport.http_way import EXPIRED, Way
from serving.transport.json_reader import wire_of
from serving.transport.listening import LEAVING
from serving.transport.loop_bridge import Outcome
from serving.transport.status import http_problem
from serving.transport.tokens import check_bearer

UNUSUAL: Final = frozenset({b"expect", b"x-forwarded-for", b"x-forwarded-proto", b"upgrade"})
"""Headers of requests that go the long way."""
JSON_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"

_log = logging.getLogger(__name__)


def direct(method: Method) -> bool:
    """Whether all the method asks for stands in the body, and one answer is all there is."""
    return method.verb == "POST" and method.body == "*" and "{" not in method.path and not method.streams


class Shortcuts:
    """The paths that have one, and the way that their calls go."""

    def __init__(self, way: Way, paths: Mapping[bytes, Method]) -> None:
        self.way, self.paths = way, paths
        self._default: list[tuple[bytes, bytes]] | None = None
        self._default_lines = b""

    def lines(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """uvicorn's own headers (the date), which it makes anew once a second."""
        if headers is not self._default:
            self._default, self._default_lines = headers, _lines(headers)
        return self._default_lines


class Shortcut:
    """One request, from its headers to its answer."""

    __slots__ = (
        "_call_id", "_headers", "_left_s", "_method", "_protocol", "_reading", "_shortcuts", "body", "disconnected",
        "keep_alive", "message_event", "more_body", "response_complete", "until",
    )  # fmt: skip

    def __init__(self, protocol: Any, shortcuts: Shortcuts, method: Method) -> None:
        """protocol: uvicorn's, with the request's headers read."""
        self._protocol, self._shortcuts, self._method = protocol, shortcuts, method
        self._call_id: int | None = None
        self._reading: asyncio.Task[None] | None = None
        self.body, self.more_body = bytearray(), True
        self.disconnected = self.response_complete = False
        self.keep_alive: bool = protocol.parser.should_keep_alive()
        self.message_event = self
        self._headers = http_request.headers_of(protocol.scope)
        self._left_s: float | None = None
        protocol.tasks.add(self)

    def open(self) -> None:
        """Reads the headers; refuses what they are enough to refuse."""
        way = self._shortcuts.way
        try:
            check_bearer(self._headers.get("authorization"), way.params.token_sha256)
            self._left_s = left_s = http_request.left_s(self._headers)
            http_request.check_length(self._headers, way.params.body_bytes_max)
        except StoregateError as error:
            self._fail(error)
            return
        now = way.clock.monotonic()
        self.until = now + (way.params.patience_s_max if left_s is None else left_s)
        way.watch().add(self, now)

    def set(self) -> None:
        """uvicorn's word that something has come: a piece of the body, its end, or the end of the connection."""
        if self.disconnected:
            self._leave()
        elif self.response_complete:
            return
        elif len(self.body) > self._shortcuts.way.params.body_bytes_max:
            self._fail(PayloadTooLarge(len(self.body), self._shortcuts.way.params.body_bytes_max))
        elif self.more_body:
            self._protocol.flow.resume_reading()
        else:
            self._read()

    def expire(self) -> None:
        """The time is up."""
        self._fail(DeadlineExpired(EXPIRED))

    def cancel(self, msg: str | None = None) -> None:
        """As of a task: uvicorn leaves, and its patience is at an end."""
        self._protocol.loop.call_soon(self._refuse)  # uvicorn is walking through its tasks

    def _refuse(self) -> None:
        if not self.response_complete:
            self._fail(NotReady(LEAVING))

    def _read(self) -> None:
        """The body: a short one at once."""
        try:
            http_request.check_json(self._headers)
            if len(self.body) < LONG_BYTES:
                self._ask(wire_of(bytes(self.body), self._method.request))
            else:
                self._reading = self._protocol.loop.create_task(self._read_long(bytes(self.body)))
        except Exception as error:
            self._give_up(error)

    async def _read_long(self, body: bytes) -> None:
        """Cancelled when nobody waits any more."""
        try:
            payload = await self._shortcuts.way.bodies.read(len(body), partial(wire_of, body, self._method.request))
            self._reading = None
            self._ask(payload)
        except Exception as error:
            self._reading = None
            self._give_up(error)

    def _ask(self, payload: bytes) -> None:
        way = self._shortcuts.way
        deadline = NEVER if self._left_s is None else self.until
        caller = http_request.caller_of(self._protocol.scope, self._headers)
        bulk = http_request.bulk_of(self._headers)
        self._call_id = way.bridge().begin(
            self._method.full_name, payload, self._told, deadline, caller, bulk, json=True
        )

    def _give_up(self, error: Exception) -> None:
        if not isinstance(error, StoregateError):
            _log.error("%s failed over HTTP", self._method.full_name, exc_info=error)
            error = InternalError("an internal error; see the gateway's log")
        self._fail(error)

    def _told(self, outcome: Outcome) -> None:
        self._call_id = None
        if isinstance(outcome, StoregateError):
            self._fail(outcome)
        else:
            self._send(JSON_HEAD, outcome)

    def _fail(self, error: StoregateError) -> None:
        problem = http_problem(error)
        headers = [(name.encode(), value.encode()) for name, value in problem.headers]
        self._send(
            b"HTTP/1.1 %d %b\r\n" % (problem.status, HTTPStatus(problem.status).phrase.encode()) + _lines(headers),
            problem.body,
        )

    def _send(self, head: bytes, body: bytes) -> None:
        protocol, shut = self._protocol, b"" if self.keep_alive else b"connection: close\r\n"
        default = self._shortcuts.lines(protocol.server_state.default_headers)
        protocol.transport.write(b"%b%b%bcontent-length: %d\r\n\r\n%b" % (head, default, shut, len(body), body))
        self.response_complete = True
        self._leave()
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()

    def _leave(self) -> None:
        """Nobody waits any more: for the body to be read, for the call, where it runs, nor for the time to be up."""
        way = self._shortcuts.way
        way.watch().discard(self)
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if self._call_id is not None:
            way.bridge().cancel(self._call_id)
            self._call_id = None
        self._protocol.tasks.discard(self)


def _lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])
