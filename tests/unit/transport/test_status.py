"""Every error of ours has one spelling per protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from google.rpc import error_details_pb2, status_pb2

from serving.core import errors
from serving.core.errors import InvalidInput, Overloaded, StoregateError
from serving.transport import status
from serving.transport.http_errors import MalformedJson, VerbNotAllowed


def tree(base: type[StoregateError]) -> Iterator[type[StoregateError]]:
    yield base
    for child in base.__subclasses__():
        if child.__module__.startswith("serving.") and not child.__module__.startswith("serving.cli."):
            yield from tree(child)  # the command line's own errors reach no caller of the gateway


def details(error: StoregateError) -> dict[str, object]:
    """The details of the gRPC status by name."""
    found = {}
    for packed in status_pb2.Status.FromString(status.grpc_status(error).details).details:
        message = getattr(error_details_pb2, packed.type_url.rpartition(".")[2])()
        assert packed.Unpack(message)
        found[type(message).__name__] = message
    return found


@pytest.mark.parametrize("kind", sorted(tree(StoregateError), key=lambda kind: kind.__name__))
def test_every_error_is_mapped_itself(kind: type[StoregateError]) -> None:
    """Not through its base: who adds an error decides how it is spelled."""
    assert kind in status.SPELLINGS


def test_an_error_from_elsewhere_is_spelled_as_its_base() -> None:
    class Special(errors.NotFound):
        pass

    assert status.spelling(Special("item", "x")) is status.SPELLINGS[errors.NotFound]


@pytest.mark.parametrize(
    ("error", "code", "http"),
    [
        (InvalidInput("page_size", -1, "0 to 100"), 3, 400),
        (errors.PayloadTooLarge(11, 10), 8, 413),
        (errors.NotFound("item", "x"), 5, 404),
        (errors.UnknownMethod("no such method"), 12, 404),
        (errors.Unauthenticated("a token is needed"), 16, 401),
        (errors.DeadlineExpired("too late"), 4, 504),
        (Overloaded("full", 0.1), 8, 429),
        (errors.StoreUnavailable("redis: timeout"), 14, 503),
        (errors.NotReady("starting"), 14, 503),
        (errors.WorkerUnavailable("forecast", "has no replica"), 14, 503),
        (errors.InternalError("see the log"), 13, 500),
    ],
)
def test_codes(error: StoregateError, code: int, http: int) -> None:
    """The codes of google.rpc.Code and HTTP; reason and message stand in both spellings."""
    grpc_status, problem = status.grpc_status(error), status.http_problem(error)
    told = json.loads(problem.body)
    info = details(error)["ErrorInfo"]
    assert (grpc_status.code, problem.status, told["status"]) == (code, http, http)
    assert told["reason"] == info.reason == error.reason
    assert told["detail"] == grpc_status.message == error.message
    assert dict(info.metadata) == error.facts == {key: told[key] for key in error.facts}
    assert told["type"].startswith("urn:storegate:error:")


def test_a_wait_is_told_in_both_spellings() -> None:
    """RetryInfo to the nanosecond, Retry-After in whole seconds, at least one."""
    error = Overloaded("full", 0.25)
    assert details(error)["RetryInfo"].retry_delay.nanos == 250_000_000
    assert ("retry-after", "1") in status.http_problem(error).headers
    assert ("retry-after", "3") in status.http_problem(Overloaded("full", 2.5)).headers
    assert "RetryInfo" in details(errors.StoreUnavailable("x"))
    assert "RetryInfo" not in details(errors.NotFound("item", "x"))


def test_the_field_to_blame_is_a_field_violation() -> None:
    violations = details(InvalidInput("page_size", -1, "0 to 100"))["BadRequest"].field_violations
    assert [(one.field, one.description) for one in violations] == [("page_size", "expected 0 to 100")]


def test_headers_that_http_asks_for() -> None:
    assert ("www-authenticate", "Bearer") in status.http_problem(errors.Unauthenticated("x")).headers
    assert ("allow", "POST") in status.http_problem(VerbNotAllowed("GET", "/v1/recommend", "POST")).headers


def test_long_and_broken_texts_are_cut_and_mended() -> None:
    """What a caller sent may stand in the message: neither its length nor a lone surrogate may break the answer."""
    error = StoregateError("x" * 5000, name="\ud800" + "y" * 5000)
    told = status.grpc_status(error)
    assert len(told.message) == status.MESSAGE_CHARS_MAX
    assert len(details(error)["ErrorInfo"].metadata["name"]) == status.FACT_CHARS_MAX
    assert json.loads(status.http_problem(error).body)["name"].startswith("?y")


def test_malformed_json_says_where() -> None:
    told = json.loads(status.http_problem(MalformedJson("Expecting value", 3, 14)).body)
    assert (told["status"], told["reason"], told["line"], told["column"]) == (400, "MALFORMED_JSON", "3", "14")
