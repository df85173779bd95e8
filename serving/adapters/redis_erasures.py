"""Erasures in Redis: what is ordered, how far it is, and what was erased.

`<prefix>erasing`        hash: erasure -> the order, the only key that says whom an erasure is about; deleted when all
                         files are done
`<prefix>erasing:last`   hash: erasure -> what is left of it to do: the store's own file. Names nobody
`<prefix>erasure:<id>`   how far an erasure is; forgotten a while after it is complete
`<prefix>erased`         hash: subject -> the cut, so that a seeding does not bring back what it has read before
`<prefix>events:cut`     where the event log was told to go on when it was cut last
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from redis.exceptions import ResponseError

from serving.adapters.redis_connection import Command, RedisLine, RedisServer
from serving.adapters.redis_decisions import decision_keys
from serving.adapters.redis_event_log import erased_hash, event_log
from serving.adapters.redis_scripts import ERASE_USER, call
from serving.core.errors import StoreUnavailable
from serving.events.erasure import EraseUser, Erasure, Order, Pseudonyms, State

KNOWN_S: Final = 30 * 86_400
"""How long a complete erasure is known by its request; its proof lasts."""
DECISIONS_AT_ONCE: Final = 1000
"""Deleted with the profile; more of one user are deleted by the mover."""
ORDERS_AT_ONCE: Final = 20_000
PAGE: Final = 500
NODE_BYTES: Final = 4096
"""Redis's default of stream-node-max-bytes."""
NODE_BYTES_MAX: Final = 1 << 20
POLL_S: Final = 0.05
BUSY: Final = ("in progress", "child process")
"""Of Redis's words when it is writing a file already."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class RedisErasures:
    """Orders erasures and tells of them (replicas); keeps what the mover has done and has to do."""

    def __init__(
        self, server: RedisServer, names: Pseudonyms, *, prefix: str = "storegate:", timeout_s: float = 0.5
    ) -> None:
        self._names, self._prefix = names, prefix
        self._orders, self._last = f"{prefix}erasing", f"{prefix}erasing:last"
        self._line = RedisLine(server, timeout_s=timeout_s, scripts=(ERASE_USER,))

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for the connection; whether it is there."""
        return self._line.wait_ready(timeout_s)

    def subject(self, profile_key: str) -> str:
        """What erasures call the owner of a profile."""
        return self._names.subject(profile_key)

    def order(self, asked: Sequence[EraseUser]) -> list[Erasure]:
        """Deletes profiles and decisions, and orders the rest; of a known request, how far it is. All have a
        request_id. Raises StoreUnavailable: some may have been ordered; ask again."""
        calls = []
        for one in asked:
            erasure_id, key = self._names.request(one.request_id), one.profile_key
            decisions = decision_keys(self._prefix, key)
            calls.append((
                8, f"{self._prefix}{{{key}}}", event_log(self._prefix), decisions.index, decisions.recent, self._orders,
                self._status(erasure_id), erased_hash(self._prefix), f"{self._prefix}events:cut",
                erasure_id, self._names.subject(key), one.user_id, one.visitor_id, decisions.head, DECISIONS_AT_ONCE,
            ))  # fmt: skip
        return [Erasure.decode(reply) for reply in call(self._line, ERASE_USER, calls)] if calls else []

    def profile(self, profile_key: str) -> bytes:
        """The stored records, for exports: with more patience than answers have. Raises StoreUnavailable."""
        (blob,) = self._run([("GET", f"{self._prefix}{{{profile_key}}}")])
        return blob or b""

    @property
    def waiting(self) -> int:
        """Erasures that are not complete. Raises StoreUnavailable."""
        return sum(int(count) for count in self._run([("HLEN", self._orders), ("HLEN", self._last)]))

    def orders(self) -> list[Order]:
        """Those that are to be carried out, ORDERS_AT_ONCE at most, oldest first. Raises StoreUnavailable."""
        found = _decoded(self._hash(self._orders), Order.decode)
        return sorted(found, key=lambda order: (order.cut_ms, order.erasure_id))

    def counted(self, orders: Sequence[Order]) -> None:
        """Keeps what they will erase. Raises StoreUnavailable."""
        self._each([("HSET", self._orders, order.erasure_id, order.encode()) for order in orders])

    def filed(self, erasures: Sequence[Erasure]) -> None:
        """All files of these are done: from now on nothing says whom they are about. Raises StoreUnavailable."""
        # In this order: dying between them, the files are looked through again, and nothing is found.
        self._each([("HSET", self._last, one.erasure_id, one.encode()) for one in erasures])
        self._each([("HDEL", self._orders, one.erasure_id) for one in erasures])

    def filed_before(self) -> list[Erasure]:
        """Those whose files are done, ORDERS_AT_ONCE at most. Raises StoreUnavailable."""
        return _decoded(self._hash(self._last), Erasure.decode)

    def complete(self, proofs: Sequence[Erasure]) -> None:
        """Their proofs are on the disk. Raises StoreUnavailable."""
        known = [("SET", self._status(one.erasure_id), one.encode(), "EX", KNOWN_S) for one in proofs]
        self._each(known)
        self._each([("HDEL", self._last, one.erasure_id) for one in proofs])

    def bar(self) -> str:
        """Adds an entry to the event log that fills a node of its own. When it has been moved, every node is gone that
        an erased event stood in: Redis deletes an entry by a mark, and its bytes with the node. What stands in the way
        of that, "" = nothing. Raises StoreUnavailable."""
        (told,) = self._line.run([("CONFIG", "GET", "stream-node-max-bytes")])
        size = NODE_BYTES if isinstance(told, ResponseError) or len(told) < 2 else int(told[1])
        if not 0 < size <= NODE_BYTES_MAX:
            return f"nodes of the store's streams may be too large to be cleared (stream-node-max-bytes {size})"
        self._run([("XADD", event_log(self._prefix), "*", "bar", b" " * max(NODE_BYTES, size))])
        return ""

    def close(self) -> None:
        """Ends the connection. Idempotent."""
        self._line.close()

    def rewrite(self, hold: Callable[[], None], patience_s: float = 300.0) -> str:
        """Writes the server's files anew, so that nothing of what was deleted is in them; what stands in the way of
        that, "" = it is done. hold: called while it is waited for. Raises StoreUnavailable when it fails or takes
        longer."""
        (facts,) = self._line.run([("INFO", "persistence")])
        saves, _ = self._line.run([("CONFIG", "GET", "save"), ("SLOWLOG", "RESET")])
        problems = []
        if not isinstance(facts, ResponseError) and _facts(facts).get("aof_enabled") == "1":
            problems.append(self._written("BGREWRITEAOF", "aof", hold, patience_s))
        if isinstance(saves, ResponseError):
            problems.append(f"whether the store keeps snapshots is not known ({saves})")
        elif len(saves) > 1 and saves[1]:
            problems.append(self._written("BGSAVE", "rdb", hold, patience_s))
        return "; ".join(problem for problem in problems if problem)

    def _written(self, command: str, kind: str, hold: Callable[[], None], patience_s: float) -> str:
        """What began before it was asked for does not count."""
        until = time.monotonic() + patience_s
        while True:
            self._idle(kind, until, hold)
            (reply,) = self._line.run([(command,)])
            if not isinstance(reply, ResponseError):
                break
            if not any(word in str(reply) for word in BUSY):
                return f"{command} is refused by the store ({reply})"
            time.sleep(POLL_S)
            if time.monotonic() > until:
                raise StoreUnavailable(f"redis: {reply}")
        told = self._idle(kind, until, hold)
        if told.get("aof_last_bgrewrite_status" if kind == "aof" else "rdb_last_bgsave_status") != "ok":
            raise StoreUnavailable(f"redis: {command} has failed; see its log")
        return ""

    def _idle(self, kind: str, until: float, hold: Callable[[], None]) -> dict[str, str]:
        """Waits until no file of the kind is being written; the facts then."""
        names = ("aof_rewrite_in_progress", "aof_rewrite_scheduled") if kind == "aof" else ("rdb_bgsave_in_progress",)
        while True:
            (reply,) = self._run([("INFO", "persistence")])
            facts = _facts(reply)
            if all(facts.get(name, "0") == "0" for name in names):
                return facts
            if time.monotonic() > until:
                raise StoreUnavailable("redis: it is still writing its file")
            hold()
            time.sleep(POLL_S)

    def _status(self, erasure_id: str) -> str:
        return f"{self._prefix}erasure:{erasure_id}"

    def _hash(self, key: str) -> list[bytes]:
        """Values, in portions; some twice in theory, then once here."""
        found: dict[bytes, bytes] = {}
        at: bytes | str = "0"
        while len(found) < ORDERS_AT_ONCE:
            ((at, flat),) = self._run([("HSCAN", key, at, "COUNT", PAGE)])
            found |= dict(zip(flat[::2], flat[1::2], strict=True))
            if at == b"0":
                break
        return list(found.values())

    def _each(self, commands: Sequence[Command]) -> None:
        for at in range(0, len(commands), PAGE):
            self._run(commands[at : at + PAGE])

    def _run(self, commands: Sequence[Command]) -> list[Any]:
        replies = self._line.run(commands)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise StoreUnavailable(f"redis: {reply}")
        return replies


def proof_of(filed: Erasure, completed_ms: int, left: Sequence[str]) -> Erasure:
    """The proof of an erasure whose files are done."""
    return dataclasses.replace(filed, state=State.COMPLETE, completed_ms=completed_ms, left=(*filed.left, *left))


def _facts(info: bytes) -> dict[str, str]:
    return dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)


def _decoded(found: Sequence[bytes], decode: Callable[[bytes], T]) -> list[T]:
    """Those that can be read; one that cannot keeps no other from being carried out."""
    made = []
    for data in found:
        try:
            made.append(decode(data))
        except (ValueError, TypeError, KeyError) as error:
            _log.error("an erasure cannot be read (%s)", type(error).__name__)
    return made
