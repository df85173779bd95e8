"""The engine's telemetry in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from serving.core.errors import StoregateError
from serving.engine.calls import Call, Lane, Route, Turn
from serving.engine.engine import Engine
from serving.runtime.metrics import registry


class Sink:
    """A responder whose answers nobody reads."""

    def respond(self, call_id: int, payload: bytes) -> None: ...

    def fail(self, call_id: int, error: StoregateError) -> None: ...


def echo(queries: Sequence[Any], turn: Turn) -> Sequence[Any]:
    return queries


def test_a_scrape_tells_what_the_engine_did() -> None:
    """Counters by method, cumulative buckets that end in +Inf, the release as a label."""
    engine = Engine([Route("/a", Lane.ENGINE, bytes, echo, bytes)])
    sink = Sink()
    engine.submit([Call(sink, number, "/a", b"") for number in range(3)])
    engine.submit([Call(sink, 9, "/b", b"")])
    text = generate_latest(registry(engine.telemetry, lambda: {"release": "r1"})).decode()
    engine.drain(1.0)
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["storegate_calls_answered_total", (("method", "/a"),)] == 3
    assert found["storegate_calls_refused_total", (("reason", "UNKNOWN_METHOD"),)] == 1
    assert found["storegate_batch_calls_bucket", (("le", "2.0"), ("method", "/a"))] == 0
    assert found["storegate_batch_calls_bucket", (("le", "4.0"), ("method", "/a"))] == 1
    assert found["storegate_batch_calls_bucket", (("le", "+Inf"), ("method", "/a"))] == 1
    assert found["storegate_queue_seconds_count", (("method", "/a"),)] == 3
    assert found["storegate_waiting_calls", (("lane", "engine"),)] == 0
    assert found["storegate_info", (("release", "r1"),)] == 1
