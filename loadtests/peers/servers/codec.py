"""Bytes of the gRPC servers to a query, a page to bytes."""

from __future__ import annotations

from loadtests.peers.peers_pb2 import RankRequest, RankResponse
from loadtests.peers.pipeline import Page, Query


def decode(payload: bytes) -> Query:
    """Raises protobuf's DecodeError."""
    request = RankRequest.FromString(payload)
    return Query(list(request.history), request.page_size)


def encode(page: Page) -> bytes:
    return RankResponse(ids=page.ids, scores=page.scores).SerializeToString()
