"""One caller, written for truth and not for speed: asks, and reads the answer."""

from __future__ import annotations

import http.client
from types import TracebackType

import grpc
from google.protobuf.message import DecodeError

from loadtests.bench.frames import frame, unframe
from loadtests.peers.pipeline import Page, Query
from loadtests.peers.wires import Wire

SCORE_ERROR_MAX = 1e-4
"""Absolute, in log-odds: other builds of the same libraries add in another order."""
TIMEOUT_S = 10.0


class NoAnswer(Exception):
    """The server did not answer, or not with a page."""


class Asker:
    """A connection to one server. A context manager."""

    def __init__(self, wire: Wire, host: str, port: int) -> None:
        self._wire = wire
        self._channel = (
            grpc.insecure_channel(f"{host}:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
            if wire.grpc
            else None
        )
        self._connection = None if wire.grpc else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)

    def ask(self, query: Query) -> tuple[Page, int]:
        """The answer and the length of its body. Raises NoAnswer."""
        try:
            answer = self._over_grpc(query) if self._channel is not None else self._over_http(query)
            return self._wire.page(answer), len(answer)
        except grpc.RpcError as error:
            raise NoAnswer(f"{error.code().name}: {error.details()}") from error
        except (OSError, ValueError, http.client.HTTPException, DecodeError) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error

    def _over_grpc(self, query: Query) -> bytes:
        assert self._channel is not None
        message = unframe(self._wire.body(query))
        return frame(self._channel.unary_unary(self._wire.path)(message, timeout=TIMEOUT_S))

    def _over_http(self, query: Query) -> bytes:
        assert self._connection is not None
        try:
            self._connection.request(
                "POST", self._wire.path, self._wire.body(query), {"content-type": "application/json"}
            )
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next question dials again
            raise
        if answer.status != 200:
            raise ValueError(f"status {answer.status}: {body[:200]!r}")
        return body

    def __enter__(self) -> Asker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._channel, self._connection):
            if each is not None:
                each.close()


def difference(found: Page, wanted: Page) -> str:
    """How an answer differs from what the pipeline gives in this process; empty when it does not."""
    if list(found.ids) != list(wanted.ids):
        return f"ids {found.ids}, expected {wanted.ids}"
    worst = max((abs(a - b) for a, b in zip(found.scores, wanted.scores, strict=True)), default=0.0)
    return f"a score is off by {worst:.2g}" if worst > SCORE_ERROR_MAX else ""
