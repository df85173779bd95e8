"""What `WriteUserEvent` asks and answers, free of any wire format."""

from __future__ import annotations

from dataclasses import dataclass

from serving.events.types import UserEvent


@dataclass(frozen=True, slots=True)
class WriteEvent:
    """One checked event to be stored."""

    event: UserEvent
    validate_only: bool = False
    personal: bool | None = None
    """Consent: None = the store's default, False = nothing may be stored."""


@dataclass(frozen=True, slots=True)
class EventWritten:
    """What became of it."""

    stored: bool
    """False: the event_id was known, or consent is denied, or it was only to be validated."""
    missing: tuple[str, ...] = ()
    """Item ids that the catalogue does not know; their events are kept."""
