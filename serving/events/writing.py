"""`WriteUserEvent`: a group of events becomes one write to the profile store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from serving.core.errors import StoreUnavailable
from serving.core.ports import ProfileStore
from serving.core.turn import Turn
from serving.events.contract import EventWritten, WriteEvent
from serving.events.records import encode

WRITE_TIMEOUT_S: Final = 0.25


class WriteEvents:
    """The method behind the route; runs on the writer thread."""

    def __init__(
        self,
        store: ProfileStore,
        consent_default: bool,
        known: Callable[[str], bool],
        *,
        timeout_s: float = WRITE_TIMEOUT_S,
    ) -> None:
        """known: whether the catalogue has an item id. timeout_s: how long a group may wait for the store."""
        self._store, self._consent_default, self._known, self._timeout_s = store, consent_default, known, timeout_s

    def run(self, queries: Sequence[WriteEvent], turn: Turn) -> list[EventWritten | StoreUnavailable]:
        """One answer or error a query, in order. Of events with one id in a group the first is stored.

        An event about no item is kept too. Nothing of an event without consent goes to the store.
        """
        answers: list[EventWritten | StoreUnavailable] = []
        writes: list[tuple[int, str, bytes]] = []
        for position, query in enumerate(queries):
            answers.append(EventWritten(False, self._missing(query)))
            if self._may_store(query):
                writes.append((position, query.event.profile_key, encode(query.event)))
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
        return answers

    def _may_store(self, query: WriteEvent) -> bool:
        consent = self._consent_default if query.personal is None else query.personal
        return consent and not query.validate_only

    def _missing(self, query: WriteEvent) -> tuple[str, ...]:
        return tuple(dict.fromkeys(item_id for item_id, _ in query.event.items if not self._known(item_id)))
