"""`ExportUser`: what is asked and answered, free of any wire format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from serving.events.log import LoggedEvent
from serving.events.records import RECORD
from serving.events.types import EVENT_TYPES, profile_key


class Stage(StrEnum):
    """What is told one after the other."""

    PROFILE = "profile"
    ARCHIVE = "archive"
    WAITING = "waiting"
    DECISIONS = "decisions"
    ERASURES = "erasures"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins. first_ms, last_ms: what of the event log waited when the export began."""

    stage: Stage
    first_ms: int
    last_ms: int
    day: str = ""
    """Of the archive, "2026-11-26"."""
    offset: int = 0

    def to(self, stage: Stage) -> Place:
        """The beginning of another stage."""
        return replace(self, stage=stage, day="", offset=0)


@dataclass(frozen=True, slots=True)
class ExportUser:
    """One checked request. One of the two ids is ''. place: None = the first page."""

    user_id: str
    visitor_id: str
    page_size: int
    place: Place | None = None

    @property
    def profile_key(self) -> str:
        return profile_key(self.user_id, self.visitor_id)


@dataclass(frozen=True, slots=True)
class ProfileRecord:
    """One record of the profile. item_id: '' = none, or the catalogue does not know it any more."""

    event_type: str
    item_id: str
    time_s: int
    quantity: int


@dataclass(frozen=True, slots=True)
class ExportedEvent:
    """An event of the log. received_ms: milliseconds since the epoch."""

    logged: LoggedEvent
    received_ms: int


Told = Any
"""A ProfileRecord, an ExportedEvent, a Logged decision or an Erasure."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer. place: of the next page, None = this was the last."""

    told: Sequence[Told]
    place: Place | None
    whose: str = ""
    """The profile key: a page token is of use for it alone."""


def profile_records(blob: bytes, item_of: Callable[[int], str]) -> list[ProfileRecord]:
    """Of a stored profile, oldest first. item_of: the item id of a hash, '' = not known."""
    return [
        ProfileRecord(
            EVENT_TYPES[record["type"]] if record["type"] < len(EVENT_TYPES) else "",
            item_of(int(record["item"])) if record["item"] else "",
            int(record["time_s"]),
            int(record["quantity"]),
        )
        for record in np.frombuffer(blob, RECORD)
    ]
