"""`WriteUserEvent`: a group of events becomes one write to the profile store, and one to the log of decisions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from serving.core.attribution import Attribution
from serving.core.errors import InvalidInput, StoregateError, StoreUnavailable
from serving.core.ports import ProfileStore
from serving.core.turn import Turn
from serving.events.contract import EventWritten, Outcome, Outcomes, WriteEvent
from serving.events.records import encode

WRITE_TIMEOUT_S: Final = 0.25

_log = logging.getLogger(__name__)


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
    ) -> None:
        """known: whether the catalogue has an item id. timeout_s: how long a group may wait for the store.

        outcomes: None = no decisions are kept, attribution tokens are not read.
        """
        self._store, self._consent_default, self._known, self._timeout_s = store, consent_default, known, timeout_s
        self._outcomes = outcomes
        self.outcomes_lost = 0
        """Outcomes of events that were stored while the log of decisions was away."""

    def run(self, queries: Sequence[WriteEvent], turn: Turn) -> list[EventWritten | StoregateError]:
        """One answer or error a query, in order. Of events with one id in a group the first is stored.

        An event about no item is kept too. Nothing of an event without consent goes to a store. An event whose token is
        forged is refused.
        """
        answers: list[EventWritten | StoregateError] = []
        writes: list[tuple[int, str, bytes]] = []
        found: list[tuple[Attribution, Outcome]] = []
        for position, query in enumerate(queries):
            try:
                attribution = self._attribution(query)
            except InvalidInput as error:
                answers.append(error)
                continue
            answers.append(EventWritten(False, self._missing(query)))
            if self._may_store(query):
                writes.append((position, query.event.profile_key, encode(query.event)))
                found += _outcomes_of(query, attribution) if attribution else ()
        if not writes:
            return answers
        try:
            added = self._store.append([(key, records) for _, key, records in writes], self._timeout_s)
        except StoreUnavailable as error:
            for position, _, _ in writes:
                answers[position] = error
            return answers
        for (position, _, _), count in zip(writes, added, strict=True):
            answers[position] = EventWritten(count > 0, self._missing(queries[position]))
        self._record(found, turn.wall)
        return answers

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

    def _may_store(self, query: WriteEvent) -> bool:
        consent = self._consent_default if query.personal is None else query.personal
        return consent and not query.validate_only

    def _missing(self, query: WriteEvent) -> tuple[str, ...]:
        return tuple(dict.fromkeys(item_id for item_id, _ in query.event.items if not self._known(item_id)))


def _outcomes_of(query: WriteEvent, attribution: Attribution) -> list[tuple[Attribution, Outcome]]:
    """One an item of the event; an event about no item is nobody's outcome."""
    event = query.event
    return [
        (attribution, Outcome(attribution.decision_id, item_id, event.event_type, event.time_s))
        for item_id in dict.fromkeys(item_id for item_id, _ in event.items)
    ]
