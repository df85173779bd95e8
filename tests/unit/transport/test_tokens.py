"""Tokens and the parameters of a front."""

from __future__ import annotations

from typing import Any

import pytest

from serving.core.errors import InvalidInput, Unauthenticated
from serving.transport.front_params import FrontParams
from serving.transport.tokens import check_bearer, token_digest

DIGESTS = (token_digest("new"), token_digest("old"))


@pytest.mark.parametrize("header", ["Bearer new", "bearer old", "BEARER  new "])
def test_any_of_the_tokens_opens(header: str) -> None:
    check_bearer(header, DIGESTS)
    check_bearer(None, ())


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer other", "Basic new", "new", "Bearer \udcff"])
def test_nothing_else_does(header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="authorization: Bearer TOKEN"):
        check_bearer(header, DIGESTS)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("port", {"port": 65536}),
        ("port", {"port": -1}),
        ("payload_bytes_max", {"payload_bytes_max": 0}),
        ("streams_max", {"streams_max": 0}),
        ("io_threads", {"io_threads": 65}),
        ("token_sha256", {"token_sha256": (b"short",)}),
    ],
)
def test_parameters_have_ranges(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        FrontParams(**fields)
    assert caught.value.field == field


def test_addresses_of_both_kinds_are_written_as_grpc_reads_them() -> None:
    assert FrontParams("127.0.0.1", 50051).address == "127.0.0.1:50051"
    assert FrontParams("::1", 50051).address == "[::1]:50051"
