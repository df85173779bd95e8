"""Erasing a user: what is asked, what is kept of it while it runs, and what proves it afterwards.

An order names whom, and a moment of the event log, the cut: what was received before it goes, what came later is of a
new life and stays. The order is deleted with the rest; the proof knows its subject by a keyed hash alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final, Self

from serving.events.types import FUTURE_S_MAX, profile_key

DIGEST_BYTES: Final = 16


class State(StrEnum):
    """Of an erasure."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"


class Pseudonyms:
    """Names for people and requests that only the holder of the key can tie to them: keyed BLAKE2b (RFC 7693)."""

    def __init__(self, key: bytes) -> None:
        """key: 16 to 64 bytes."""
        self._key = key

    def subject(self, profile_key: str) -> str:
        """Of a user or visitor, 32 hexadecimal digits."""
        return self._of("subject", profile_key)

    def request(self, request_id: str) -> str:
        """Of a request: what its erasure is called, 32 hexadecimal digits."""
        return self._of("request", request_id)

    def _of(self, what: str, text: str) -> str:
        return blake2b(text.encode(), digest_size=DIGEST_BYTES, key=self._key, person=what.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class EraseUser:
    """One checked request. One of the two ids is ''. request_id: '' = one is to be chosen."""

    user_id: str
    visitor_id: str
    request_id: str = ""

    @property
    def profile_key(self) -> str:
        return profile_key(self.user_id, self.visitor_id)


@dataclass(frozen=True, slots=True)
class Erasure:
    """How far an erasure is, and its proof in the end. It names nobody. Times: milliseconds since the epoch."""

    erasure_id: str
    subject: str
    requested_ms: int
    """The cut: events received at this moment or later stay."""
    state: State = State.RUNNING
    completed_ms: int = 0
    profile_records: int = 0
    decisions: int = 0
    events: int = 0
    history_records: int = 0
    files: int = 0
    left: tuple[str, ...] = ()
    """What could not be reached, and why."""

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises ValueError. Fields that a later version has added are left out."""
        return cls(**_known(data, cls))


@dataclass(frozen=True, slots=True)
class Erased:
    """An answer of EraseUser."""

    request_id: str
    erasure: Erasure


@dataclass(frozen=True, slots=True)
class Order:
    """An erasure that is to be carried out: the only thing that says whom it is about."""

    erasure_id: str
    subject: str
    user_id: str
    visitor_id: str
    cut_ms: int
    profile_records: int = 0
    decisions: int = 0
    events: int = -1
    """-1 = not counted yet; likewise history_records and files. Counted before anything is changed, and once: what is
    done again after a death finds less."""
    history_records: int = -1
    files: int = -1

    @property
    def profile_key(self) -> str:
        return profile_key(self.user_id, self.visitor_id)

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises ValueError."""
        return cls(**_known(data, cls))

    def done(self, left: Sequence[str]) -> Erasure:
        """What stays of it when all files are done."""
        return Erasure(
            self.erasure_id, self.subject, self.cut_ms, State.RUNNING, 0, self.profile_records, self.decisions,
            max(self.events, 0), max(self.history_records, 0), max(self.files, 0), tuple(left),
        )  # fmt: skip


def forgotten(time_s: int, cut_ms: int) -> bool:
    """Whether a record of training history, of which only the time of its event is known, is erased by a cut. An event
    may be a little ahead of the clock."""
    return time_s * 1000 <= cut_ms + FUTURE_S_MAX * 1000


def newest(orders: Sequence[Order]) -> dict[str, Order]:
    """Profile key -> the order that cuts latest: it covers the others of the same key."""
    found: dict[str, Order] = {}
    for order in orders:
        known = found.get(order.profile_key)
        if known is None or known.cut_ms <= order.cut_ms:
            found[order.profile_key] = order
    return found


def _known(data: bytes, kind: type[Any]) -> dict[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(data)
        names = {field.name for field in fields(kind)}
        values = {name: value for name, value in found.items() if name in names}
        for name in ("requested_ms", "completed_ms", "cut_ms"):  # the store's scripts write them as texts
            if name in values:
                values[name] = int(values[name])
        if "state" in values:
            values["state"] = State(values["state"])
        if "left" in values:
            values["left"] = tuple(values["left"])
        missing = {"erasure_id", "subject"} - values.keys()
        if missing:
            raise ValueError(f"without {', '.join(sorted(missing))}")
        return values
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"not a record of an erasure ({type(error).__name__})") from None
