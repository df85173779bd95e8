"""Failures that only HTTP, or what lies below gRPC, can have."""

from __future__ import annotations

from serving.core.errors import InvalidInput, StoregateError


class VerbNotAllowed(StoregateError):
    """The path exists, for other verbs."""

    reason = "METHOD_NOT_ALLOWED"

    def __init__(self, verb: str, path: str, allowed: str) -> None:
        super().__init__(f"{path} does not take {verb}, it takes {allowed}", path=path, allowed=allowed)
        self.allowed = allowed


class UnsupportedMediaType(StoregateError):
    """The body is not JSON."""

    reason = "UNSUPPORTED_MEDIA_TYPE"

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"content-type: got {content_type!r}, expected application/json in UTF-8", content_type=content_type
        )


class NotGrpc(StoregateError):
    """Something else than a gRPC call came to the port of gRPC."""

    reason = "NOT_GRPC"


class HeadTooLarge(StoregateError):
    """The headers of a request are larger than the limit."""

    reason = "HEAD_TOO_LARGE"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"the headers of the request have more than {limit_bytes} bytes: send less metadata",
            limit_bytes=str(limit_bytes),
        )


class RequestTooSlow(StoregateError):
    """The request did not arrive in the time for it."""

    reason = "REQUEST_TOO_SLOW"


class MalformedJson(InvalidInput):
    """The body is not JSON; says where it stops being."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__("body", problem, f"JSON (line {line}, column {column})", reason="MALFORMED_JSON")
        self.message = f"body, line {line}, column {column}: not JSON: {problem}"
        self.args = (self.message,)
        self.facts = {"field": "body", "line": str(line), "column": str(column), "problem": problem}
