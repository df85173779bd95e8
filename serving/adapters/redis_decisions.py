"""Logged decisions in Redis.

`<prefix>d:<id>`       hash: "decision" -> the record (decisions/recommend/record_bytes.py), and a field an outcome,
                       "o:<item id>:<event type>" -> epoch seconds
`<prefix>d:recent`     sorted set of all ids by time: what scans go by, and what bounds how many are kept
`<prefix>{u:ID}:d`     the same for one user or visitor, and for the visitor that a user's decision names: what erasure
                       goes by
All of them expire after the retention. What falls out of a sorted set because it is full is deleted with it: nothing is
kept that erasure would not find.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from serving.adapters.redis_connection import Command, RedisLine, RedisServer
from serving.adapters.redis_scripts import ADD_OUTCOMES, call
from serving.core.errors import StoreUnavailable
from serving.decisions.recommend.record import Decision, Logged
from serving.decisions.recommend.record_bytes import decode, encode
from serving.events.contract import Outcome
from serving.events.types import profile_key

KEPT_MAX = 100_000
USER_MAX = 1000
OUTCOMES_MAX = 1000
"""Outcomes of one decision."""
ORPHAN_S = 60
"""An outcome whose decision has not arrived by then is forgotten: the decision was dropped, or erased."""
DAY_S = 86_400
PUT_BYTES = 256 * 1024
"""Records in one write: it holds the server up for about a millisecond."""
READ_AT_ONCE = 100

_log = logging.getLogger(__name__)


class DecisionKeys(NamedTuple):
    """Where decisions of one user or visitor stand."""

    head: str
    """What the key of a decision begins with; its id follows."""
    recent: str
    index: str


def decision_keys(prefix: str, owner: str) -> DecisionKeys:
    """owner: a profile key."""
    return DecisionKeys(f"{prefix}d:", f"{prefix}d:recent", f"{prefix}{{{owner}}}:d")


class RedisDecisions:
    """A DecisionStore. The log's writes have a connection of their own: outcomes and readers do not wait for them."""

    def __init__(
        self,
        server: RedisServer,
        *,
        prefix: str = "storegate:",
        retention_s: int = 30 * DAY_S,
        kept_max: int = KEPT_MAX,
        user_max: int = USER_MAX,
        timeout_s: float = 0.5,
    ) -> None:
        """kept_max: decisions in all; user_max: of one user or visitor. timeout_s: a server silent so long is away."""
        self._prefix, self._recent = prefix, f"{prefix}d:recent"
        self._retention_s, self._kept_max, self._user_max = retention_s, kept_max, user_max
        self._puts = RedisLine(server, timeout_s=timeout_s)
        self._asks = RedisLine(server, timeout_s=timeout_s, scripts=(ADD_OUTCOMES,))

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for both connections; whether they are there."""
        return self._puts.wait_ready(timeout_s) and self._asks.wait_ready(timeout_s)

    def put(self, decisions: Iterable[Decision]) -> None:
        """See DecisionStore."""
        for part in _portions(decisions):
            self._put(part)

    def get(self, decision_id: str) -> Logged | None:
        """See DecisionStore. A record that another version wrote and this one cannot read counts as forgotten."""
        return next(iter(self._read([decision_id])), None)

    def add_outcomes(self, outcomes: Sequence[Outcome]) -> int:
        """See DecisionStore. OUTCOMES_MAX of one decision are kept."""
        fields: dict[str, list[str | int]] = {}
        for outcome in outcomes:
            field = f"o:{outcome.item_id}:{outcome.event_type}"
            fields.setdefault(self._key(outcome.decision_id), []).extend((field, outcome.time_s))
        calls = [(1, key, OUTCOMES_MAX, ORPHAN_S, *found) for key, found in fields.items()]
        return sum(call(self._asks, ADD_OUTCOMES, calls)) if calls else 0

    def scan(self, since_s: float, until_s: float) -> Iterator[Logged]:
        """See DecisionStore. In portions, so that others are not held up."""
        at = repr(since_s)
        seen: set[bytes] = set()
        """Ids at the time `at`: the next portion begins with them again."""
        while True:
            limit = len(seen) + READ_AT_ONCE
            command = ("ZRANGEBYSCORE", self._recent, at, f"({until_s!r}", "WITHSCORES", "LIMIT", 0, limit)
            (flat,) = _asked(self._asks, [command])
            scores = dict(zip(flat[::2], flat[1::2], strict=True))
            new = [name for name in scores if name not in seen]
            if not new:
                return
            yield from self._read([name.decode() for name in new])
            last = scores[new[-1]]
            seen = {name for name, score in scores.items() if score == last}
            at = last.decode()

    def erase(self, profile_key: str, before_s: float = inf) -> int:
        """See DecisionStore. A decision on its way to the store comes after it: erase again a second later."""
        deleted, index = 0, self._index(profile_key)
        while profile_key and (names := self._of(index, before_s, 0, READ_AT_ONCE)):
            deleted += sum(_asked(self._asks, self._forgetting(names, index))[::3])
        return deleted

    def of_owner(self, profile_key: str, start: int, count: int) -> tuple[list[Logged], int]:
        """See DecisionStore."""
        names = self._of(self._index(profile_key), inf, start, count) if profile_key else []
        return self._read([name.decode() for name in names]), len(names)

    def close(self) -> None:
        """Ends the connections. Idempotent."""
        self._puts.close()
        self._asks.close()

    def _put(self, records: Sequence[tuple[Decision, bytes]]) -> None:
        commands: list[Command] = []
        bounds: dict[str, int] = {}
        for decision, data in records:
            name, at = decision.decision_id, repr(decision.wall)
            key = self._key(name)
            commands += [("HSET", key, "decision", data), ("EXPIRE", key, self._retention_s)]
            bounds[self._recent] = self._kept_max
            commands.append(("ZADD", self._recent, at, name))
            for owner in owners(decision):
                bounds[self._index(owner)] = self._user_max
                commands.append(("ZADD", self._index(owner), at, name))
        commands += [("EXPIRE", index, self._retention_s) for index in bounds]
        overflow: list[Command] = [("ZRANGE", index, 0, -1 - kept_max) for index, kept_max in bounds.items()]
        replies = _asked(self._puts, commands + overflow)[len(commands) :]
        for index, names in zip(bounds, replies, strict=True):
            for start in range(0, len(names), READ_AT_ONCE):
                _asked(self._puts, self._forgetting(names[start : start + READ_AT_ONCE], index))

    def _of(self, index: str, before_s: float, start: int, count: int) -> list[bytes]:
        """Ids of one owner, oldest first."""
        command = ("ZRANGEBYSCORE", index, "-inf", f"({before_s!r}", "LIMIT", start, count)
        (names,) = _asked(self._asks, [command])
        return list(names)

    def _forgetting(self, names: Iterable[bytes], index: str) -> list[Command]:
        """Three commands an id; the first one's reply says whether it was there."""
        commands: list[Command] = []
        for name in names:
            commands += [("DEL", self._key(name.decode())), ("ZREM", self._recent, name), ("ZREM", index, name)]
        return commands

    def _read(self, names: Sequence[str]) -> list[Logged]:
        replies = _asked(self._asks, [("HGETALL", self._key(name)) for name in names])
        found = [_logged(name, flat) for name, flat in zip(names, replies, strict=True)]
        return [each for each in found if each is not None]

    def _key(self, decision_id: str) -> str:
        return f"{self._prefix}d:{decision_id}"

    def _index(self, owner: str) -> str:
        return decision_keys(self._prefix, owner).index


def owners(decision: Decision) -> list[str]:
    """Profile keys of all whom a decision names."""
    query = decision.query
    return [key for key in (profile_key(query.user_id, ""), profile_key("", query.visitor_id)) if key]


def _portions(decisions: Iterable[Decision]) -> Iterator[list[tuple[Decision, bytes]]]:
    """The decisions with their records, about PUT_BYTES at a time."""
    part: list[tuple[Decision, bytes]] = []
    size = 0
    for decision in decisions:
        part.append((decision, encode(decision)))
        size += len(part[-1][1])
        if size >= PUT_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _logged(name: str, flat: Sequence[bytes]) -> Logged | None:
    values = dict(zip(flat[::2], flat[1::2], strict=True))
    data = values.pop(b"decision", None)
    if data is None:
        return None
    try:
        decision = decode(data)
    except ValueError as error:
        _log.error("decision %s: %s", name, error)
        return None
    outcomes = []
    for field, time_s in values.items():
        item_id, _, kind = field.decode().removeprefix("o:").rpartition(":")
        outcomes.append(Outcome(name, item_id, kind, int(time_s)))
    return Logged(decision, tuple(sorted(outcomes, key=lambda each: (each.time_s, each.item_id, each.event_type))))


def _asked(line: RedisLine, commands: Sequence[Command]) -> list[Any]:
    """The replies. Raises StoreUnavailable for an error reply: the commands around it may have been applied."""
    replies = line.run(commands)
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise StoreUnavailable(f"redis: {reply}")
    return replies
