"""The one place that knows how an error of ours is spelled in gRPC and in HTTP.

gRPC: a code and `google.rpc.Status` in the trailing metadata, with ErrorInfo(reason, domain, metadata = facts),
RetryInfo where a retry helps and BadRequest where a field is to blame. HTTP: problem JSON [1].
[1] RFC 9457, Problem Details for HTTP APIs.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from serving.core import errors
from serving.core.errors import InvalidInput, Overloaded, StoregateError
from serving.transport.http_errors import (
    HeadTooLarge,
    MalformedJson,
    NotGrpc,
    RequestTooSlow,
    UnsupportedMediaType,
    VerbNotAllowed,
)

DOMAIN: Final = "storegate"
DETAILS_KEY: Final = "grpc-status-details-bin"
PROBLEM_TYPE: Final = "application/problem+json"
MESSAGE_CHARS_MAX: Final = 1000
FACT_CHARS_MAX: Final = 200
UNAVAILABLE_RETRY_S: Final = 1.0
"""How long a caller is asked to wait for a store or a gateway that is away."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """code: number of the gRPC status code. retry_s: hint for the caller, None = a retry alone does not help."""

    code: int
    http: int
    title: str
    retry_s: float | None = None


INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, RESOURCE_EXHAUSTED, FAILED_PRECONDITION = 3, 4, 5, 8, 9
UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 12, 13, 14, 16

SPELLINGS: Final[dict[type[StoregateError], Spelling]] = {
    StoregateError: Spelling(INTERNAL, 500, "Internal error"),
    errors.InternalError: Spelling(INTERNAL, 500, "Internal error"),
    errors.InvalidInput: Spelling(INVALID_ARGUMENT, 400, "Invalid input"),
    errors.DataError: Spelling(INVALID_ARGUMENT, 400, "Data that cannot be used"),
    errors.PayloadTooLarge: Spelling(RESOURCE_EXHAUSTED, 413, "Request too large"),
    errors.NotFound: Spelling(NOT_FOUND, 404, "Not found"),
    errors.UnknownMethod: Spelling(UNIMPLEMENTED, 404, "Unknown method"),
    errors.Unauthenticated: Spelling(UNAUTHENTICATED, 401, "Not authenticated"),
    errors.DeadlineExpired: Spelling(DEADLINE_EXCEEDED, 504, "Deadline expired"),
    errors.Overloaded: Spelling(RESOURCE_EXHAUSTED, 429, "Overloaded"),
    errors.StoreUnavailable: Spelling(UNAVAILABLE, 503, "Store unavailable", UNAVAILABLE_RETRY_S),
    errors.NotDurable: Spelling(FAILED_PRECONDITION, 409, "Not durable"),
    errors.ArchiveUnavailable: Spelling(UNAVAILABLE, 503, "Archive unavailable", UNAVAILABLE_RETRY_S),
    errors.FilesUnavailable: Spelling(UNAVAILABLE, 503, "Files unavailable", UNAVAILABLE_RETRY_S),
    errors.NotReady: Spelling(UNAVAILABLE, 503, "Not ready", UNAVAILABLE_RETRY_S),
    errors.WorkerUnavailable: Spelling(UNAVAILABLE, 503, "Worker unavailable", UNAVAILABLE_RETRY_S),
    errors.TableUnavailable: Spelling(UNAVAILABLE, 503, "Travel times unavailable", UNAVAILABLE_RETRY_S),
    errors.ModelDamaged: Spelling(INTERNAL, 500, "Model damaged"),
    errors.ModelRefused: Spelling(FAILED_PRECONDITION, 409, "Model refused"),
    errors.Conflict: Spelling(FAILED_PRECONDITION, 409, "Conflict"),
    errors.ModelFailed: Spelling(INTERNAL, 500, "Model failed"),
    errors.WorkerLost: Spelling(INTERNAL, 500, "Worker lost"),
    errors.NoRoom: Spelling(RESOURCE_EXHAUSTED, 507, "No room"),
    errors.NotInstalled: Spelling(FAILED_PRECONDITION, 409, "Not installed"),
    errors.SettingError: Spelling(INTERNAL, 500, "Bad setting"),
    MalformedJson: Spelling(INVALID_ARGUMENT, 400, "Malformed JSON"),
    UnsupportedMediaType: Spelling(INVALID_ARGUMENT, 415, "Unsupported media type"),
    VerbNotAllowed: Spelling(UNIMPLEMENTED, 405, "Method not allowed"),
    NotGrpc: Spelling(INVALID_ARGUMENT, 415, "Not gRPC"),
    HeadTooLarge: Spelling(RESOURCE_EXHAUSTED, 431, "Request headers too large"),
    RequestTooSlow: Spelling(DEADLINE_EXCEEDED, 408, "Request too slow"),
}


def spelling(error: StoregateError) -> Spelling:
    """The spelling of the error's class, or of its nearest base."""
    return next(SPELLINGS[cls] for cls in type(error).__mro__ if cls in SPELLINGS)


def retry_s(error: StoregateError) -> float | None:
    """Seconds after which a retry may help; None = the same request will fail again."""
    return error.retry_after_s if isinstance(error, Overloaded) else spelling(error).retry_s


@dataclass(frozen=True, slots=True)
class GrpcStatus:
    code: int
    message: str
    details: bytes
    """A serialised google.rpc.Status, for the trailing metadata under DETAILS_KEY."""


def grpc_status(error: StoregateError) -> GrpcStatus:
    """What a gRPC caller gets to see."""
    return _grpc_status(
        spelling(error).code,
        _text(error.message, MESSAGE_CHARS_MAX),
        error.reason,
        tuple((key, _text(value, FACT_CHARS_MAX)) for key, value in error.facts.items()),
        retry_s(error),
        (error.field, error.expected) if isinstance(error, InvalidInput) else None,
    )


@lru_cache(maxsize=1024)  # a flood is refused with one and the same error: its cost is what keeps the rest served
def _grpc_status(
    code: int,
    message: str,
    reason: str,
    facts: tuple[tuple[str, str], ...],
    retry_after_s: float | None,
    violation: tuple[str, str] | None,
) -> GrpcStatus:
    status = status_pb2.Status(code=code, message=message)
    _add(status, error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=dict(facts)))
    if retry_after_s is not None:
        delay = Duration()
        delay.FromNanoseconds(round(retry_after_s * 1e9))
        _add(status, error_details_pb2.RetryInfo(retry_delay=delay))
    if violation is not None:
        bad = error_details_pb2.BadRequest()
        bad.field_violations.add(field=violation[0], description=f"expected {violation[1]}", reason=reason)
        _add(status, bad)
    return GrpcStatus(code, message, status.SerializeToString())


def _add(status: status_pb2.Status, detail: object) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)


def _text(text: str, chars_max: int) -> str:
    """At most `chars_max` characters that UTF-8 can carry (JSON may bring lone surrogates)."""
    return text[:chars_max].encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class HttpProblem:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def http_problem(error: StoregateError) -> HttpProblem:
    """What an HTTP caller gets to see: the facts stand as members of the problem beside RFC 9457's own."""
    spelled = spelling(error)
    own = {
        "type": f"urn:storegate:error:{error.reason.lower().replace('_', '-')}",
        "title": spelled.title,
        "status": spelled.http,
        "detail": _text(error.message, MESSAGE_CHARS_MAX),
        "reason": error.reason,
    }
    facts = {key: _text(value, FACT_CHARS_MAX) for key, value in error.facts.items()}
    headers = [("content-type", PROBLEM_TYPE)]
    wait_s = retry_s(error)
    if wait_s is not None:
        headers.append(("retry-after", str(max(1, math.ceil(wait_s)))))
    if isinstance(error, errors.Unauthenticated):
        headers.append(("www-authenticate", "Bearer"))
    if isinstance(error, VerbNotAllowed):
        headers.append(("allow", error.allowed))
    return HttpProblem(spelled.http, tuple(headers), json.dumps(facts | own).encode())
