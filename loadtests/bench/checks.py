"""Whether the answers that are counted are right: h2load reads neither gRPC's status nor the message."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import grpc
from prometheus_client.parser import text_string_to_metric_families

from loadtests.bench.frames import RECOMMEND, unframe
from storegate.v1 import recommendation_pb2

PROBE_S = 0.1
"""How often an answer is looked at while the load runs."""
TIMEOUT_S = 5.0


class Probe:
    """Asks the same questions through an ordinary client, one at a time beside the load, and reads the answers."""

    def __init__(self, target: str, method: str, bodies: Sequence[bytes]) -> None:
        self._channel = grpc.insecure_channel(target)
        self._call = self._channel.unary_unary(method)
        self._questions, self._full = [unframe(body) for body in bodies], method == RECOMMEND
        self._pending: Any = None
        self._next_s = 0.0
        self.asked = self.degraded = 0
        self.problems: list[str] = []

    def poll(self) -> None:
        """Takes an answer that has come, asks the next question when it is time; waits for nothing."""
        if self._pending is not None:
            if not self._pending.done():
                return
            self._take()
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + PROBE_S
            question = self._questions[(self.asked * 7919) % len(self._questions)]
            self.asked += 1
            self._pending = self._call.future(question, timeout=TIMEOUT_S)

    def ask(self, times: int) -> None:
        """Asks and waits, `times` times."""
        for _ in range(times):
            self._next_s = 0.0
            self.poll()
            self._take()

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pending is not None:
            self._take()
        self._channel.close()

    def _take(self) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        failure = pending.exception()  # waits when it is not done
        if failure is not None:
            self.problems.append(f"{failure.code().name}: {failure.details()}")
        elif self._full:
            answer = recommendation_pb2.RecommendResponse.FromString(pending.result())
            self.degraded += bool(answer.serving_info.degraded)
            if problem := wrong(answer):
                self.problems.append(problem)


def wrong(answer: Any) -> str:
    """What is wrong with a RecommendResponse to a request for a page of items; empty when nothing is."""
    items = [result.item_id for result in answer.results]
    if not items:
        return "an answer without results"
    if len(set(items)) < len(items):
        return f"an item twice in one answer: {items}"
    return ""


def counted(metrics: Iterable[str], method: str) -> tuple[int, int]:
    """(answered, failed) calls of a method by the server's own count, over all replicas' /metrics."""
    answered = failed = 0.0
    for text in metrics:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.labels.get("method") != method:
                    continue
                if sample.name == "storegate_calls_answered_total":
                    answered += sample.value
                elif sample.name == "storegate_calls_failed_total":
                    failed += sample.value
    return int(answered), int(failed)
