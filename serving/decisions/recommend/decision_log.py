"""The log of decisions: what the pipeline, the events and the readers of the log each need of it.

Writing costs the pipeline an append to a bounded queue; a thread of its own encodes and stores, in groups. Whatever
cannot be kept (the queue is full, the store is away) is dropped and counted: a log must not slow down what it logs.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from math import inf
from typing import Final, Protocol

from serving.core.attribution import Attribution, TokenSigner
from serving.core.errors import NotFound, StoreUnavailable
from serving.decisions.recommend.contract import Answer, Query
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.record import Decision, Logged, decision_of
from serving.events.contract import Outcome

GROUP_MAX: Final = 256
"""Decisions in one write to the store."""
LINGER_S: Final = 0.02
"""How long a group is waited for: the thread then wakes at most fifty times a second, whatever the traffic."""
QUEUE_MAX: Final = 4096
DAY_S: Final = 86_400

_MASK: Final = (1 << 64) - 1

_log = logging.getLogger(__name__)


class DecisionStore(Protocol):
    """Where decisions are kept, for a time and up to a number. All of it raises StoreUnavailable.

    A decision that makes room for newer ones is forgotten with its outcomes.
    """

    def put(self, decisions: Iterable[Decision]) -> None:
        """Keeps them, one by one. After StoreUnavailable some may have been kept; to repeat it does no harm."""
        ...

    def get(self, decision_id: str) -> Logged | None:
        """The decision with its outcomes by time, None when it was never logged or is forgotten."""
        ...

    def add_outcomes(self, outcomes: Sequence[Outcome]) -> int:
        """Keeps outcomes of decisions; how many were new. One may come before its decision, which is then on its way;
        without a decision it is soon forgotten."""
        ...

    def scan(self, since_s: float, until_s: float) -> Iterator[Logged]:
        """Every decision with since_s <= wall < until_s, by wall. What is put meanwhile may be there or not."""
        ...

    def erase(self, profile_key: str, before_s: float = inf) -> int:
        """Forgets all decisions that name a user or visitor, see events/types.py, and were made before; how many."""
        ...

    def of_owner(self, profile_key: str, start: int, count: int) -> tuple[list[Logged], int]:
        """Decisions that name a user or visitor, by wall, from the place `start` on; those that can be read, and how
        many places were looked at: fewer than `count` at the end."""
        ...


def logged(decision_id: str, share: float) -> bool:
    """Whether a decision is one of the share (0 to 1) that is logged: a pure function, like a coin for each id.

    decision_id: hexadecimal digits, each id once; '' for what is no decision. The coin is splitmix64's mix [1].

    [1] Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", as in Vigna's splitmix64.c.
    """
    if not decision_id or share <= 0.0:
        return False
    if share >= 1.0:
        return True
    whole = int(decision_id, 16)
    mixed = (whole ^ (whole >> 64)) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31) < share * 2**64


def not_found(decision_id: str, share: float, retention_s: float) -> NotFound:
    """The error that says why a decision may be absent."""
    error = NotFound("decision", decision_id)
    error.message += (
        f": {share:.4g} of all decisions are logged (the setting decisions.share), and forgotten after "
        f"{retention_s / DAY_S:g} days (decisions.retention_days), earlier when there are too many "
        "(decisions.kept_max, decisions.user_max) or the user was erased"
    )
    error.args = (error.message,)
    return error


class DecisionLog:
    """Takes decisions on the engine's thread and stores them on its own, from construction to `close`."""

    def __init__(self, store: DecisionStore, params: Params, share: float, *, queue_max: int = QUEUE_MAX) -> None:
        """share: 0 to 1, of the decisions. queue_max: decisions that may wait."""
        self._store, self._params, self._share, self._queue_max = store, params, share, queue_max
        self._queue: deque[Callable[[], Decision]] = deque()
        self._wake, self._closing, self._given_up = threading.Event(), threading.Event(), threading.Event()
        self.written = 0
        self.dropped_full = 0
        """Because the queue was full, or the log closed."""
        self.dropped_away = 0
        """Because the store was away."""
        self.defects = 0
        """Records that could not be made."""
        self._thread = threading.Thread(target=self._run, name="decision-log", daemon=True)
        self._thread.start()

    def of_release(self, release: str) -> ReleaseLog:
        """What the pipeline of one release writes to."""
        return ReleaseLog(self, release, self._params)

    def wants(self, decision_id: str) -> bool:
        """Whether it belongs to the share."""
        return logged(decision_id, self._share)

    def offer(self, make: Callable[[], Decision]) -> None:
        """Takes a decision that is yet to be made, or drops it; never waits. `make` runs on the log's thread."""
        if len(self._queue) >= self._queue_max or self._closing.is_set():
            self.dropped_full += 1
            return
        self._queue.append(make)
        if not self._wake.is_set():
            self._wake.set()

    @property
    def waiting(self) -> int:
        """Decisions in the queue."""
        return len(self._queue)

    def close(self, grace_s: float) -> None:
        """Stores what waits, for up to `grace_s` seconds, and drops the rest. Idempotent."""
        self._closing.set()
        self._wake.set()
        self._thread.join(grace_s)
        self._given_up.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        while self._queue or not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(LINGER_S)
            self._wake.clear()  # before looking: what comes from here on sets it again
            while self._queue:
                group = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_MAX))]
                if self._given_up.is_set():
                    self.dropped_full += len(group)
                else:
                    self._store_group(group)

    def _store_group(self, group: Sequence[Callable[[], Decision]]) -> None:
        try:
            # One after the other, between which the encoding lets go of the GIL: the engine waits for one, not for all.
            self._store.put(make() for make in group)
            self.written += len(group)
        except StoreUnavailable:
            self.dropped_away += len(group)
        except Exception:  # a defect in one record must end neither the log nor its neighbours
            if len(group) > 1:
                for one in group:
                    self._store_group([one])
                return
            self.defects += 1
            _log.exception("a decision could not be logged")


class ReleaseLog:
    """The pipeline's DecisionSink, for one release: neither method takes longer than a few microseconds, or raises."""

    __slots__ = ("_log", "_params", "_release")

    def __init__(self, log: DecisionLog, release: str, params: Params) -> None:
        self._log, self._release, self._params = log, release, params

    def wants(self, decision_id: str) -> bool:
        """Whether it belongs to the share."""
        return self._log.wants(decision_id)

    def offer(self, query: Query, blob: bytes, wall_s: float, answer: Answer, before: Sequence[Query] = ()) -> None:
        """Takes a decision; nothing of it may be written to afterwards. before: see record.Decision."""
        self._log.offer(partial(decision_of, self._release, self._params, query, blob, wall_s, answer, before))


class OutcomeLog:
    """Outcomes of logged decisions: the Outcomes of serving/events/contract.py."""

    def __init__(self, store: DecisionStore, tokens: TokenSigner, retention_s: float) -> None:
        self._store, self._tokens, self._retention_s = store, tokens, retention_s

    def attribution(self, token: str) -> Attribution:
        """See Outcomes."""
        return self._tokens.verify(token, "event.attribution_token")

    def record(self, outcomes: Sequence[tuple[Attribution, Outcome]], now_s: float) -> None:
        """See Outcomes. Which decisions were logged only the store knows: the share is not all of them."""
        kept = [outcome for attribution, outcome in outcomes if now_s - attribution.made_s < self._retention_s]
        if kept:
            self._store.add_outcomes(kept)
