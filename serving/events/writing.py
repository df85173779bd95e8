"""`WriteUserEvent`: a group of events becomes one write to profiles and event log, and one to the log of decisions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from serving.core.attribution import Attribution
from serving.core.errors import InvalidInput, NotDurable, StoregateError, StoreUnavailable
from serving.core.ports import ProfileStore
from serving.core.turn import Turn
from serving.events.contract import EventWritten, Outcome, Outcomes, WriteEvent
from serving.events.log import LoggedEvent, encode_logged
from serving.events.records import encode
from serving.events.types import LOGGED_ONLY

WRITE_TIMEOUT_S: Final = 0.25

_log = logging.getLogger(__name__)


class _Write(NamedTuple):
    """One event that may be stored."""

    position: int
    query: WriteEvent
    attribution: Attribution | None

    @property
    def stored(self) -> tuple[str, bytes]:
        """Whose profile, and what goes into it: nothing of what the shop did."""
        event = self.query.event
        return event.profile_key, b"" if event.event_type in LOGGED_ONLY else encode(event)

    @property
    def entry(self) -> bytes:
        """For the event log."""
        led = self.attribution
        return encode_logged(
            LoggedEvent(self.query.event, led.decision_id, led.placement) if led else LoggedEvent(self.query.event)
        )


class WriteEvents:
    """The method behind the route; runs on the writer thread."""

    def __init__(
        self,
        store: ProfileStore,
        consent_default: bool,
        known: Callable[[str], bool],
        *,
        timeout_s: float = WRITE_TIMEOUT_S,
        outcomes: Outcomes | None = None,
        durable_default: bool = False,
    ) -> None:
        """known: whether the catalogue has an item id. timeout_s: how long a group may wait for the store.
        durable_default: whether events that do not say are on the disk before they are answered.

        outcomes: None = no decisions are kept, attribution tokens are not read.
        """
        self._store, self._consent_default, self._known, self._timeout_s = store, consent_default, known, timeout_s
        self._outcomes, self._durable_default = outcomes, durable_default
        self.outcomes_lost = 0
        """Outcomes of events that were stored while the log of decisions was away."""

    def run(self, queries: Sequence[WriteEvent], turn: Turn) -> list[EventWritten | StoregateError]:
        """One answer or error a query, in order. Of events with one id in a group the first is stored.

        An event about no item is kept too. Nothing of an event without consent goes to a store. An event whose token is
        forged is refused.
        """
        answers: list[EventWritten | StoregateError] = []
        groups: dict[bool, list[_Write]] = {False: [], True: []}
        for position, query in enumerate(queries):
            try:
                attribution = self._attribution(query)
            except InvalidInput as error:
                answers.append(error)
                continue
            consented = self._consented(query)
            answers.append(EventWritten(False, self._missing(query), not consented))
            if consented and not query.validate_only:
                durable = self._durable_default if query.durable is None else query.durable
                groups[durable].append(_Write(position, query, attribution))
        for durable, writes in groups.items():
            if writes:
                self._write(writes, durable, answers, turn.wall)
        return answers

    def _write(
        self, writes: Sequence[_Write], durable: bool, answers: list[EventWritten | StoregateError], now_s: float
    ) -> None:
        """Of one class of acknowledgement."""
        try:
            added = self._store.append(
                [write.stored for write in writes], self._timeout_s, [write.entry for write in writes], durable
            )
        except (StoreUnavailable, NotDurable) as error:
            for write in writes:
                answers[write.position] = error
            return
        for write, count in zip(writes, added, strict=True):
            answers[write.position] = EventWritten(count > 0, self._missing(write.query))
        found = [one for write in writes if write.attribution for one in _outcomes_of(write.query, write.attribution)]
        self._record(found, now_s)

    def _record(self, found: Sequence[tuple[Attribution, Outcome]], now_s: float) -> None:
        """Also for events that were known: their first write may have been answered by a timeout, with no outcomes."""
        if not found or self._outcomes is None:
            return
        try:
            self._outcomes.record(found, now_s)
        except StoreUnavailable as error:
            self.outcomes_lost += len(found)
            _log.warning("%d outcomes of decisions are lost: %s", len(found), error.cause)

    def _attribution(self, query: WriteEvent) -> Attribution | None:
        if not query.attribution_token or self._outcomes is None:
            return None
        return self._outcomes.attribution(query.attribution_token)

    def _consented(self, query: WriteEvent) -> bool:
        return self._consent_default if query.personal is None else query.personal

    def _missing(self, query: WriteEvent) -> tuple[str, ...]:
        return tuple(dict.fromkeys(item_id for item_id, _ in query.event.items if not self._known(item_id)))


def _outcomes_of(query: WriteEvent, attribution: Attribution) -> list[tuple[Attribution, Outcome]]:
    """One an item of the event; an event about no item is nobody's outcome."""
    event = query.event
    return [
        (attribution, Outcome(attribution.decision_id, item_id, event.event_type, event.time_s))
        for item_id in dict.fromkeys(item_id for item_id, _ in event.items)
    ]
