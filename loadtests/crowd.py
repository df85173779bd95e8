"""Callers over gRPC who ask for pages and read what they get, more or fewer of them; no failure is lost.

Two kinds: `Plain`, a gRPC client as it comes, a connection for every caller; `Shipped`, the client that storefronts are
given, with its retries, one for all callers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import grpc

from loadtests.bench.checks import wrong
from loadtests.ids import Ids
from storegate.client import Client
from storegate.v1.recommendation_pb2 import PagePlacement, RecommendPageRequest, RecommendPageResponse

METHOD = "/storegate.v1.RecommendationService/RecommendPage"
TIMEOUT_S = 10.0
"""Far above any answer time: what is looked for is calls that fail, also on a busy machine."""
REDIAL_S = 25.0
PAGE_SIZE = 2
"""Of each placement: choosing is the server's work, whatever it shows; reading would be the callers'."""
PAUSE_AFTER_FAILURE_S = 0.05
"""A gateway that is gone is not asked in a tight loop."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call. Times: seconds of the monotonic clock. problem: what was wrong; empty when nothing was."""

    begun_s: float
    ended_s: float
    problem: str = ""
    degraded: bool = False


class Line(Protocol):
    """One caller's way to the gateway."""

    def ask(self, user: str) -> RecommendPageResponse:
        """Raises grpc.RpcError."""
        ...

    def close(self) -> None: ...


class Plain:
    """A connection of its own, and gRPC's defaults."""

    def __init__(self, target: str, placements: Sequence[PagePlacement]) -> None:
        """target: "host:port"."""
        self._placements = placements
        self._channel = grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
        self._call = self._channel.unary_unary(METHOD)

    def ask(self, user: str) -> RecommendPageResponse:
        request = RecommendPageRequest(user_id=user, placements=self._placements)
        return RecommendPageResponse.FromString(self._call(request.SerializeToString(), timeout=TIMEOUT_S))

    def close(self) -> None:
        self._channel.close()


class Shipped:
    """The client of storefronts, shared: `close` is its owner's business."""

    def __init__(self, client: Client, placements: Sequence[PagePlacement]) -> None:
        self._client, self._placements = client, placements

    def ask(self, user: str) -> RecommendPageResponse:
        return self._client.recommend_page(self._placements, user, timeout_s=TIMEOUT_S)

    def close(self) -> None:
        return


def shipped_client(target: str) -> Client:
    """As a storefront would make it, but dialling more often, because nothing here lasts five minutes."""
    return Client(target, timeout_s=TIMEOUT_S, redial_s=REDIAL_S)


def placements(count: int) -> list[PagePlacement]:
    """What is asked for in one call: the more, the more work it is. count: 1 to 12."""
    return [PagePlacement(placement="recommended-for-you", page_size=PAGE_SIZE) for _ in range(count)]


class Caller:
    """A thread that asks until told otherwise, then closes its line."""

    def __init__(self, line: Line, users: Sequence[str], pause_s: float) -> None:
        self.asked: list[Asked] = []
        self._line, self._users, self._pause_s = line, users, pause_s
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """After the call under way."""
        self._enough.set()

    def join(self) -> None:
        self._thread.join(2 * TIMEOUT_S)

    def _run(self) -> None:
        number = 0
        while not self._enough.is_set():
            self.asked.append(asked := ask(self._line, self._users[number % len(self._users)]))
            number += 1
            pause_s = max(self._pause_s, PAUSE_AFTER_FAILURE_S if asked.problem else 0.0)
            if pause_s:
                self._enough.wait(pause_s)
        self._line.close()


class Crowd:
    """Callers of one kind. A context manager: at its end all have left."""

    def __init__(self, line: type[Plain] | type[Shipped], to: str | Client, ids: Ids, parts: int) -> None:
        """to: a target for Plain, a client for Shipped. parts: placements in one call."""
        self._make = lambda: line(to, placements(parts))  # type: ignore[arg-type]
        self._users = ids.users
        self._at_work: list[Caller] = []
        self._all: list[Caller] = []

    def resize(self, callers: int, pause_s: float = 0.0) -> None:
        """`callers` at work from now on, each pausing so long after an answer."""
        for caller in self._at_work:
            caller.leave()
        self._at_work = [
            Caller(self._make(), self._users[number::callers] or self._users, pause_s) for number in range(callers)
        ]
        self._all += self._at_work

    def asked(self, from_s: float = 0.0, until_s: float = float("inf")) -> list[Asked]:
        """The calls that were begun in this time and have ended."""
        return [asked for caller in self._all for asked in list(caller.asked) if from_s <= asked.begun_s < until_s]

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        for caller in self._at_work:
            caller.leave()
        for caller in self._all:
            caller.join()


def ask(line: Line, user: str) -> Asked:
    """One call, and what came of it."""
    begun_s = time.monotonic()
    try:
        answer = line.ask(user)
    except grpc.RpcError as error:
        return Asked(begun_s, time.monotonic(), f"{error.code().name}: {error.details()}")
    ended_s = time.monotonic()
    pages = [section.response for section in answer.sections]
    problem = next(filter(None, map(wrong, pages)), "") if pages else "an answer without sections"
    return Asked(begun_s, ended_s, problem, any(page.serving_info.degraded for page in pages))
