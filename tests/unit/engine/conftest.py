"""A real responder that remembers, and routes whose answers are obvious."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from serving.core.clock import NEVER, SystemClock
from serving.core.errors import StoregateError
from serving.engine.calls import Call, Lane, Route, Size, Turn


class Recorder:
    """Remembers every outcome of every call; `wait` blocks until a number of them has come."""

    def __init__(self) -> None:
        self.outcomes: dict[int, list[bytes | StoregateError]] = {}
        self.threads: set[str] = set()
        self._came = threading.Condition()

    def respond(self, call_id: int, payload: bytes) -> None:
        self._add(call_id, payload)

    def fail(self, call_id: int, error: StoregateError) -> None:
        self._add(call_id, error)

    def _add(self, call_id: int, outcome: bytes | StoregateError) -> None:
        with self._came:
            self.outcomes.setdefault(call_id, []).append(outcome)
            self.threads.add(threading.current_thread().name)
            self._came.notify_all()

    def wait(self, count: int, timeout_s: float = 20.0) -> None:
        with self._came:
            assert self._came.wait_for(lambda: len(self.outcomes) >= count, timeout_s), f"only {len(self.outcomes)}"

    def only(self, call_id: int) -> bytes | StoregateError:
        (outcome,) = self.outcomes[call_id]
        return outcome

    def call(
        self,
        call_id: int,
        payload: bytes = b"x",
        method: str = "/echo",
        deadline: float = NEVER,
        bulk: bool | None = None,
    ) -> Call:
        return Call(self, call_id, method, payload, deadline, SystemClock().monotonic(), "", bulk)


def echo(queries: Sequence[Any], turn: Turn) -> list[Any]:
    return list(queries)


def route(
    run: Callable[[Sequence[Any], Turn], Sequence[Any]] = echo,
    method: str = "/echo",
    lane: Lane = Lane.ENGINE,
    decode: Callable[[bytes], Any] = bytes.decode,
    encode: Callable[[Any], bytes] = str.encode,
    size: Size | None = None,
) -> Route:
    return Route(method, lane, decode, run, encode, size)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def make_route() -> Callable[..., Route]:
    return route
