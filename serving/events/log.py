"""The event log: what stands in it of an event, and who keeps it.

Events go into a stream in the store together with the profile they change, and from there, in batches, into an archive
that lasts (moving.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from serving.core.ids import hash64
from serving.events.types import UserEvent, profile_key

VERSION = 1
BAR = b" "
"""An entry of the event log that tells nothing: see redis_erasures.py."""


class Position(NamedTuple):
    """Where an entry stands in the stream: milliseconds since the epoch when it came, and a number within them."""

    ms: int
    number: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Of "1732650000000-3". Raises ValueError."""
        ms, number = text.split("-")
        return cls(int(ms), int(number))


class Span(NamedTuple):
    """A part of the stream, both ends included."""

    first: Position
    last: Position

    def holds(self, other: Span) -> bool:
        """Whether all of `other` lies in it."""
        return self.first <= other.first and other.last <= self.last


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event of the log."""

    event: UserEvent
    decision_id: str = ""
    """The decision that led to it, from a verified token; '' = none is known."""
    placement: int = -1
    """The placement of that decision, as its token names it; -1 = none."""

    @property
    def identity(self) -> int:
        """The same for the same event told twice: by its id and whose it is. 64 bits, never 0."""
        return identity(self.event.user_id, self.event.visitor_id, self.event.event_id)


def identity(user_id: str, visitor_id: str, event_id: str) -> int:
    """See LoggedEvent."""
    return hash64(f"{profile_key(user_id, visitor_id)}\0{event_id}")


def encode_logged(logged: LoggedEvent) -> bytes:
    """An entry: JSON, so that people and other programs can read the stream."""
    event = logged.event
    entry = {
        "version": VERSION,
        "event_id": event.event_id,
        "event_type": event.event_type,
        "user_id": event.user_id,
        "visitor_id": event.visitor_id,
        "time_s": event.time_s,
        "items": event.items,
        "search_query": event.search_query,
        "decision_id": logged.decision_id,
        "placement": logged.placement,
    }
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()


def decode_logged(entry: bytes) -> LoggedEvent:
    """Raises ValueError for what is no entry."""
    try:
        found = json.loads(entry)
        texts = ("event_id", "event_type", "user_id", "visitor_id", "search_query", "decision_id")
        if not all(isinstance(found[name], str) for name in texts):
            raise ValueError(f"one of {', '.join(texts)} is no text")
        for name, low, high in (("time_s", 0, 2**32 - 1), ("placement", -1, 255)):
            if not low <= found[name] <= high:
                raise ValueError(f"{name} {found[name]!r}")
        event = UserEvent(
            found["event_id"],
            found["event_type"],
            found["user_id"],
            found["visitor_id"],
            int(found["time_s"]),
            tuple((str(item_id), min(max(int(quantity), 1), 65535)) for item_id, quantity in found["items"]),
            found["search_query"],
        )
        return LoggedEvent(event, found["decision_id"], int(found["placement"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an entry of the event log ({type(error).__name__}: {error})") from None


class EventStream(Protocol):
    """What waits to be moved, for one mover at a time."""

    def take(self, rows_max: int) -> Sequence[tuple[Position, bytes]]:
        """The oldest entries, in order. The same again until they are dropped, whatever happens to who took them, and
        () when nothing waits. Raises StoreUnavailable, Conflict when another mover is at work."""
        ...

    def drop(self, positions: Sequence[Position]) -> None:
        """They are in the archive. Raises StoreUnavailable, Conflict when another mover has taken over."""
        ...


class Archive(Protocol):
    """Events by day, once each, for good. One writer at a time."""

    def put(self, span: Span, events: Sequence[tuple[Position, LoggedEvent]]) -> int:
        """Keeps those of the events that it does not have yet; when it returns they are on the disk. span: where all of
        them stand. One that dies on the way may have kept those of some days. Returns how many are new. Raises
        ArchiveUnavailable."""
        ...
