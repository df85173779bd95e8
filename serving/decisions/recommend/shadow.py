"""Shadows: what another model, or another release, would have shown in place of what was shown. Never served.

A sample of the answered requests waits in a bounded queue for a thread of its own, which asks the shadow and compares
the two pages. Answers never wait for it: what does not fit is dropped and counted.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from serving.core.errors import StoregateError
from serving.core.priority import yield_to_others
from serving.decisions.recommend.contract import RECOMMENDED_FOR_YOU, Answer, Query
from serving.decisions.recommend.decision_log import logged

QUEUE_MAX: Final = 64
"""Requests that may wait: enough for a few batches, few enough to hold little memory."""
LINGER_S: Final = 0.02
"""The thread wakes at most fifty times a second, whatever the traffic."""
NICE: Final = 19
"""Of the thread: the engine goes first."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sampled:
    """A request as it was answered. blob: the visitor's stored records, b"" = nobody known; wall_s: epoch seconds."""

    query: Query
    blob: bytes
    wall_s: float
    answer: Answer


class Shadow(Protocol):
    """What could stand in the place of the models that are live."""

    name: str

    def takes(self, query: Query, group: int) -> bool:
        """Whether it can answer this query. group: the shop page it belongs to, -1 = none. Runs on the engine."""
        ...

    def page(self, sampled: Sampled) -> Sequence[str]:
        """Item ids, best first, at most as many as the answer has. Runs on the shadow's thread; whatever it raises is
        counted."""
        ...


@dataclass(slots=True)
class Tally:
    """What one shadow came to so far. overlap, agreement: sums over `compared` pages."""

    name: str
    compared: int = 0
    overlap: float = 0.0
    agreement: float = 0.0
    dropped: int = 0
    """Because the queue was full, or closed."""
    failed: int = 0
    """Because the shadow raised."""


def comparable(query: Query, group: int) -> bool:
    """Whether nothing but the models decides what is shown: the other page is made without the rules of a request.

    group: the shop page it belongs to, -1 = none; a shop page shows no item twice.
    """
    ruled = (
        query.filter or query.pins or query.min_margin or query.max_per_brand or query.max_per_category
        or query.diversity or query.deliver_to or query.exclude_bought or query.exclude_viewed
    )  # fmt: skip
    plain = query.placement == RECOMMENDED_FOR_YOU and query.given is None and not query.item_ids
    return plain and not ruled and group < 0 and query.offset == 0 and not query.validate_only


def overlap(served: Sequence[str], other: Sequence[str]) -> float:
    """Share of the served page (k items, k > 0) that the other page shows too, 0..1."""
    return len(set(served) & set(other)) / len(served)


def rank_agreement(served: Sequence[str], other: Sequence[str]) -> float:
    """Mean of the overlap of the first 1, 2, .. k items, 0..1: the top counts most. k > 0 served items.

    Average overlap: Webber, Moffat, Zobel 2010, "A similarity measure for indefinite rankings", section 3.
    """
    mine: set[str] = set()
    others: set[str] = set()
    total = 0.0
    for depth, item in enumerate(served, start=1):
        mine.add(item)
        others.update(other[depth - 1 : depth])
        total += len(mine & others) / depth
    return total / len(served)


class ShadowLog:
    """Takes answered requests on the engine's thread and compares on its own, from construction to `close`."""

    def __init__(self, share: float, *, queue_max: int = QUEUE_MAX) -> None:
        """share: 0 to 1, of the requests."""
        self._share, self._queue_max = share, queue_max
        self._queue: deque[tuple[ReleaseShadow, Sampled]] = deque()
        self._wake, self._closing = threading.Event(), threading.Event()
        self.tally: Tally | None = None
        """Of the newest shadow; None = there is none, or its share is 0."""
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    def of(self, shadow: Shadow | None, share: float | None = None) -> ReleaseShadow | None:
        """What the pipeline of the release with that shadow hands its answers to; None = no need to.

        share: 0 to 1, of the requests; None = the usual one.
        """
        share = self._share if share is None else share
        if shadow is None or share <= 0:
            self.tally = None
            return None
        made = ReleaseShadow(self, shadow, share)
        self.tally = made.tally
        return made

    def offer(self, owner: ReleaseShadow, sampled: Sampled) -> None:
        """Takes one request, or drops it; never waits."""
        if len(self._queue) >= self._queue_max or self._closing.is_set():
            owner.tally.dropped += 1
            return
        self._queue.append((owner, sampled))
        if not self._wake.is_set():
            self._wake.set()

    def close(self, grace_s: float) -> None:
        """Ends after the comparison it is at; what waits is dropped. Idempotent."""
        self._closing.set()
        self._wake.set()
        self._thread.join(grace_s)

    def _run(self) -> None:
        yield_to_others(NICE)
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(LINGER_S)
            self._wake.clear()  # before looking: what comes from here on sets it again
            while self._queue and not self._closing.is_set():
                owner, sampled = self._queue.popleft()
                owner.compare(sampled)


class ReleaseShadow:
    """The pipeline's Watcher, for one release, and what its shadow came to."""

    __slots__ = ("_log", "_shadow", "_share", "tally")

    def __init__(self, log: ShadowLog, shadow: Shadow, share: float) -> None:
        self._log, self._shadow, self._share = log, shadow, share
        self.tally = Tally(shadow.name)

    def watch(
        self, queries: Sequence[Query], groups: Sequence[int], blobs: Sequence[bytes], wall_s: float,
        answers: Sequence[Answer],
    ) -> None:  # fmt: skip
        """Takes a sample of a batch, in a few microseconds a request; nothing of it may be written to afterwards."""
        for query, group, blob, answer in zip(queries, groups, blobs, answers, strict=True):
            if logged(answer.decision_id, self._share) and self._shadow.takes(query, group) and len(answer.rows):
                self._log.offer(self, Sampled(query, blob, wall_s, answer))

    def compare(self, sampled: Sampled) -> None:
        """Asks the shadow, on its thread. Whatever it raises is counted, and said once."""
        tally, answer = self.tally, sampled.answer
        served = [answer.catalogue.items[row].item_id for row in answer.rows.tolist()]
        try:
            other = self._shadow.page(sampled)
        except Exception as error:
            tally.failed += 1
            if tally.failed == 1:
                unexpected = not isinstance(error, StoregateError)
                _log.warning("the shadow %s failed: %s", tally.name, error, exc_info=unexpected)
            return
        tally.overlap += overlap(served, other)
        tally.agreement += rank_agreement(served, other)
        tally.compared += 1
