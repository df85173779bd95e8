"""A few callers over gRPC that ask again as soon as they are answered, and one who writes events, all the while."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType

import grpc

from loadtests.bench.checks import wrong
from loadtests.bench.frames import RECOMMEND, known, shuffled, unframe
from loadtests.ids import Ids
from loadtests.phases import Call, Told
from storegate.client import reason
from storegate.v1 import event_pb2, recommendation_pb2

WRITE = "/storegate.v1.UserEventService/WriteUserEvent"
TIMEOUT_S = 5.0
WRITE_PAUSE_S = 0.02
PAUSE_AFTER_FAILURE_S = 0.05
"""A gateway that is gone is not asked in a tight loop."""
VISITORS = 100
"""Events are written for visitors of the load test alone, so that no real user's profile changes."""

Ask = Callable[[int], Call]
"""Asks its n-th question and tells how that went."""


class Callers:
    """At work from construction on. A context manager: at its end all have stopped, and the lists are whole."""

    def __init__(self, target: str, ids: Ids, *, callers: int, seed: int) -> None:
        """target: "host:port". callers: how many ask; each has a connection of its own."""
        self.recommends: list[Call] = []
        self.writes: list[Call] = []
        self._enough = threading.Event()
        self._channels = ExitStack()
        bodies = [unframe(body) for body in shuffled(known(ids.users), seed)]
        work: list[tuple[Ask, list[Call], float]] = [
            (_recommender(self._channel(target), bodies[number::callers]), self.recommends, 0.0)
            for number in range(callers)
        ]
        work.append((_writer(self._channel(target), ids.items), self.writes, WRITE_PAUSE_S))
        self._threads = [threading.Thread(target=self._loop, args=one, daemon=True) for one in work]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Callers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT_S)
        self._channels.close()

    def _channel(self, target: str) -> grpc.Channel:
        channel = grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
        return self._channels.enter_context(channel)

    def _loop(self, ask: Ask, calls: list[Call], pause_s: float) -> None:
        number = 0
        while not self._enough.is_set():
            calls.append(call := ask(number))
            number += 1
            wait_s = max(pause_s, PAUSE_AFTER_FAILURE_S if call.told == "failed" else 0.0)
            if wait_s:
                self._enough.wait(wait_s)


def of_answer(answer: recommendation_pb2.RecommendResponse) -> tuple[Told, str]:
    """What a RecommendResponse to a known user tells, and what is wrong with it."""
    if problem := wrong(answer):
        return "failed", problem
    stages = {one.stage: one.cause for one in answer.serving_info.degraded}
    if others := {stage: cause for stage, cause in stages.items() if stage != "profile"}:
        return "failed", f"degraded beyond the profile: {others}"
    return ("degraded" if stages else "fine"), ""


def of_refusal(error: grpc.RpcError) -> tuple[Told, str]:
    """What the refusal of a write tells."""
    why = reason(error)
    if error.code() is grpc.StatusCode.UNAVAILABLE and why == "STORE_UNAVAILABLE":
        return "unavailable", ""
    return "failed", f"a write was refused with {error.code().name} {why or '(no reason)'}: {error.details()}"


def _recommender(channel: grpc.Channel, bodies: Sequence[bytes]) -> Ask:
    call = channel.unary_unary(RECOMMEND)

    def ask(number: int) -> Call:
        begun_s = time.monotonic()
        try:
            answer = call(bodies[number % len(bodies)], timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            return Call(begun_s, time.monotonic(), "failed", f"Recommend: {error.code().name}: {error.details()}")
        ended_s = time.monotonic()
        return Call(begun_s, ended_s, *of_answer(recommendation_pb2.RecommendResponse.FromString(answer)))

    return ask


def _writer(channel: grpc.Channel, items: Sequence[str]) -> Ask:
    call = channel.unary_unary(WRITE, response_deserializer=event_pb2.WriteUserEventResponse.FromString)

    def ask(number: int) -> Call:
        event = event_pb2.UserEvent(
            event_id=uuid.uuid4().hex,
            event_type="detail-page-view",
            visitor_id=f"loadtest-{number % VISITORS:04d}",
            items=[event_pb2.EventItem(item_id=items[number % len(items)])],
        )
        message = event_pb2.WriteUserEventRequest(event=event).SerializeToString()
        begun_s = time.monotonic()
        try:
            stored = call(message, timeout=TIMEOUT_S).stored
        except grpc.RpcError as error:
            return Call(begun_s, time.monotonic(), *of_refusal(error))
        return Call(begun_s, time.monotonic(), "stored" if stored else "failed", "" if stored else "not stored")

    return ask
