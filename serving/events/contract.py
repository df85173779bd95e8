"""What `WriteUserEvent` asks and answers, free of any wire format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from serving.core.attribution import Attribution
from serving.events.types import UserEvent


@dataclass(frozen=True, slots=True)
class WriteEvent:
    """One checked event to be stored."""

    event: UserEvent
    validate_only: bool = False
    personal: bool | None = None
    """Consent: None = the store's default, False = nothing may be stored."""
    attribution_token: str = ""
    """Of the answer that led to the event, not yet verified; '' = none."""
    durable: bool | None = None
    """Whether it is on the disk before it is answered; None = the store's default."""


@dataclass(frozen=True, slots=True)
class EventWritten:
    """What became of it."""

    stored: bool
    """False: the event_id was known, or consent is denied, or it was only to be validated."""
    missing: tuple[str, ...] = ()
    """Item ids that the catalogue does not know; their events are kept."""
    denied: bool = False
    """Whether nothing was stored because nobody has consented to it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision led to: an event of this type about this item. time_s: epoch seconds of the event."""

    decision_id: str
    item_id: str
    event_type: str
    time_s: int


class Outcomes(Protocol):
    """What knows the decisions that events are outcomes of."""

    def attribution(self, token: str) -> Attribution:
        """The decision that the token names. Raises InvalidInput for a forged one."""
        ...

    def record(self, outcomes: Sequence[tuple[Attribution, Outcome]], now_s: float) -> None:
        """Keeps the outcomes of decisions that are logged; a known one changes nothing. Raises StoreUnavailable."""
        ...
