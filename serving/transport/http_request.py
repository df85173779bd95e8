"""What an HTTP request says before its body is understood: token, deadline, kind and size. ASGI messages in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from serving.core.errors import InvalidInput, PayloadTooLarge
from serving.transport.callers import CALLER_KEY, caller_named
from serving.transport.http_errors import UnsupportedMediaType
from serving.transport.priority import PRIORITY_KEY, bulk_said

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

TIMEOUT_HEADER: Final = "x-storegate-timeout-ms"
GRPC_TIMEOUT_HEADER: Final = "grpc-timeout"
TIMEOUT_MS_MAX: Final = 3_600_000
_GRPC_TIMEOUT: Final = re.compile(r"(\d{1,8})([HMSmun])")
_UNIT_S: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


class Disconnected(Exception):
    """The client has gone while it was sending its request."""


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """Headers by lower-case name; of a repeated one the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def left_s(headers: Mapping[str, str]) -> float | None:
    """Seconds the caller gives the call, None = it does not say. Raises InvalidInput."""
    told = headers.get(TIMEOUT_HEADER)
    if told is not None:
        if not (told.isascii() and told.isdigit() and len(told) < 9 and int(told) <= TIMEOUT_MS_MAX):
            raise InvalidInput(TIMEOUT_HEADER, told, f"whole milliseconds, 0 to {TIMEOUT_MS_MAX}")
        return int(told) / 1000.0
    told = headers.get(GRPC_TIMEOUT_HEADER)
    if told is None:
        return None
    found = _GRPC_TIMEOUT.fullmatch(told)
    if found is None:
        raise InvalidInput(GRPC_TIMEOUT_HEADER, told, "up to 8 digits and one of H M S m u n, for example 200m")
    return int(found[1]) * _UNIT_S[found[2]]


def caller_of(scope: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Whose share of the engine the request takes: what it says, else the host it comes from."""
    name = headers.get(CALLER_KEY)
    return caller_named(name) if name else str((scope.get("client") or ("",))[0])


def bulk_of(headers: Mapping[str, str]) -> bool | None:
    """What the request says of its priority, None = nothing. Raises InvalidInput."""
    told = headers.get(PRIORITY_KEY)
    return None if told is None else bulk_said(told)


def check_json(headers: Mapping[str, str]) -> None:
    """Raises UnsupportedMediaType unless the body is said to be JSON in UTF-8."""
    told = headers.get("content-type", "")
    kind, _, parameters = told.partition(";")
    charset = parameters.strip().lower()
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8", 'charset="utf-8"'):
        raise UnsupportedMediaType(told)


def check_length(headers: Mapping[str, str], bytes_max: int) -> None:
    """Raises PayloadTooLarge when the body is said to be too long."""
    told = headers.get("content-length", "")
    if told.isdigit() and int(told[:20]) > bytes_max:
        raise PayloadTooLarge(int(told[:20]), bytes_max)


async def read_body(headers: Mapping[str, str], receive: Receive, bytes_max: int) -> bytes:
    """The body. Raises PayloadTooLarge as soon as it is known to be too long, Disconnected when it ends half-way."""
    check_length(headers, bytes_max)
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and message["type"] == "http.request" and len(body) <= bytes_max:
        return body  # the usual case: all in one piece
    chunks, size = [body], len(body)
    while True:
        if message["type"] != "http.request":
            raise Disconnected
        if size > bytes_max:
            raise PayloadTooLarge(size, bytes_max)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
