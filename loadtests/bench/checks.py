"""Whether the answers that are counted are right: h2load reads neither gRPC's status nor any message."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import grpc
from google.protobuf import json_format
from prometheus_client.parser import text_string_to_metric_families

from loadtests.bench.frames import unframe
from storegate.v1 import recommendation_pb2

PROBE_S = 0.1
"""How often an answer is looked at while the load runs."""
TIMEOUT_S = 5.0


class Way(Protocol):
    """How a probe asks."""

    def ask(self, body: bytes) -> Any:
        """A future of the answer; `body` as the load generator sends it."""
        ...

    def read(self, answer: bytes) -> Any:
        """The RecommendResponse."""
        ...

    def close(self) -> None: ...


class OverGrpc:
    """grpcio."""

    def __init__(self, target: str, method: str) -> None:
        self._channel = grpc.insecure_channel(target)
        self._call = self._channel.unary_unary(method)

    def ask(self, body: bytes) -> Any:
        return self._call.future(unframe(body), timeout=TIMEOUT_S)

    def read(self, answer: bytes) -> Any:
        return recommendation_pb2.RecommendResponse.FromString(answer)

    def close(self) -> None:
        self._channel.close()


class OverHttp:
    """http.client, on a thread of its own."""

    def __init__(self, target: str, path: str) -> None:
        self._connection = http.client.HTTPConnection(target, timeout=TIMEOUT_S)
        self._path = path
        self._thread = ThreadPoolExecutor(1)

    def ask(self, body: bytes) -> Future[bytes]:
        return self._thread.submit(self._post, body)

    def read(self, answer: bytes) -> Any:
        return json_format.Parse(answer, recommendation_pb2.RecommendResponse())

    def close(self) -> None:
        self._thread.shutdown()
        self._connection.close()

    def _post(self, body: bytes) -> bytes:
        self._connection.request("POST", self._path, body, {"content-type": "application/json"})
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"{answer.status}: {data[:200]!r}")
        return data


class Probe:
    """Asks the same questions through an ordinary client, one at a time beside the load, and reads the answers."""

    def __init__(self, way: Way, bodies: Sequence[bytes], *, full: bool) -> None:
        """full: the answers are RecommendResponses, which are looked at."""
        self._way, self._questions, self._full = way, bodies, full
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
            self._pending = self._way.ask(question)

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
        self._way.close()

    def _take(self) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        failure = pending.exception()  # waits when it is not done
        if failure is not None:
            told = (
                f"{failure.code().name}: {failure.details()}" if isinstance(failure, grpc.RpcError) else repr(failure)
            )
            self.problems.append(told)
        elif self._full:
            answer = self._way.read(pending.result())
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
