"""Engines that run for a test, and batches that stand still."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from serving.core.clock import SystemClock
from serving.engine.calls import Turn
from serving.engine.engine import Engine, EngineParams

NOW = SystemClock().monotonic


@contextmanager
def running(*routes: Any, **params: Any) -> Iterator[Engine]:
    engine = Engine(routes, EngineParams(**params))
    try:
        yield engine
    finally:
        engine.drain(5.0)


class Gate:
    """A run that stands still until it is let go, and tells when it has begun."""

    def __init__(self) -> None:
        self.began, self.go = threading.Event(), threading.Event()
        self.batches: list[list[Any]] = []

    def run(self, queries: Sequence[Any], turn: Turn) -> list[Any]:
        self.batches.append(list(queries))
        self.began.set()
        assert self.go.wait(20)
        return list(queries)
