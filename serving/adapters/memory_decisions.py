"""Decisions in this process's memory: for tests and trials. They are lost with the process and not shared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from time import monotonic

from serving.decisions.recommend.record import Decision, Logged
from serving.events.contract import Outcome
from serving.events.types import profile_key

KEPT_MAX = 100_000
USER_MAX = 1000
OUTCOMES_MAX = 1000
ORPHAN_S = 60
DAY_S = 86_400


class MemoryDecisions:
    """A DecisionStore. The plain twin of RedisDecisions."""

    def __init__(
        self,
        *,
        retention_s: int = 30 * DAY_S,
        kept_max: int = KEPT_MAX,
        user_max: int = USER_MAX,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._retention_s, self._kept_max, self._user_max, self._clock = retention_s, kept_max, user_max, clock
        self._decisions: dict[str, Decision] = {}
        self._outcomes: dict[str, dict[tuple[str, str], int]] = {}
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def put(self, decisions: Iterable[Decision]) -> None:
        """See DecisionStore."""
        decisions = list(decisions)
        with self._lock:
            self._forget_old()
            for decision in decisions:
                self._decisions[decision.decision_id] = decision
                self._until[decision.decision_id] = self._clock() + self._retention_s
            for key in {key for decision in decisions for key in _owners(decision)}:
                self._cut(self._of(key), self._user_max)
            self._cut(list(self._decisions.values()), self._kept_max)

    def get(self, decision_id: str) -> Logged | None:
        """See DecisionStore."""
        with self._lock:
            self._forget_old()
            return self._logged(decision_id)

    def add_outcomes(self, outcomes: Sequence[Outcome]) -> int:
        """See DecisionStore."""
        added = 0
        with self._lock:
            for outcome in outcomes:
                known = self._outcomes.setdefault(outcome.decision_id, {})
                self._until.setdefault(outcome.decision_id, self._clock() + ORPHAN_S)
                place = outcome.item_id, outcome.event_type
                if place not in known and len(known) < OUTCOMES_MAX:
                    known[place] = outcome.time_s
                    added += 1
        return added

    def scan(self, since_s: float, until_s: float) -> Iterator[Logged]:
        """See DecisionStore."""
        with self._lock:
            self._forget_old()
            found = [each for each in self._decisions.values() if since_s <= each.wall < until_s]
            made = [self._logged(each.decision_id) for each in sorted(found, key=_age)]
        yield from (each for each in made if each is not None)

    def erase(self, profile_key: str, before_s: float = inf) -> int:
        """See DecisionStore."""
        with self._lock:
            found = [each.decision_id for each in self._of(profile_key) if each.wall < before_s]
            for decision_id in found:
                self._drop(decision_id)
            return len(found)

    def of_owner(self, profile_key: str, start: int, count: int) -> tuple[list[Logged], int]:
        """See DecisionStore."""
        with self._lock:
            names = [each.decision_id for each in sorted(self._of(profile_key), key=_age)[start : start + count]]
            return [found for name in names if (found := self._logged(name)) is not None], len(names)

    def _of(self, profile_key: str) -> list[Decision]:
        return [each for each in self._decisions.values() if profile_key in _owners(each)]

    def _logged(self, decision_id: str) -> Logged | None:
        decision = self._decisions.get(decision_id)
        if decision is None:
            return None
        found = self._outcomes.get(decision_id, {}).items()
        outcomes = [Outcome(decision_id, item_id, kind, time_s) for (item_id, kind), time_s in found]
        return Logged(decision, tuple(sorted(outcomes, key=lambda each: (each.time_s, each.item_id, each.event_type))))

    def _cut(self, decisions: list[Decision], kept_max: int) -> None:
        """Of `decisions`, the oldest beyond `kept_max` go."""
        for each in sorted(decisions, key=_age)[: max(len(decisions) - kept_max, 0)]:
            self._drop(each.decision_id)

    def _forget_old(self) -> None:
        now = self._clock()
        for decision_id in [each for each, until in self._until.items() if until <= now]:
            self._drop(decision_id)

    def _drop(self, decision_id: str) -> None:
        for table in (self._decisions, self._outcomes, self._until):
            table.pop(decision_id, None)


def _owners(decision: Decision) -> set[str]:
    query = decision.query
    return {profile_key(query.user_id, ""), profile_key("", query.visitor_id)} - {""}


def _age(decision: Decision) -> tuple[float, str]:
    return decision.wall, decision.decision_id
