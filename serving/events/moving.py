"""From the stream to the archive, so that nothing is lost and nothing stands there twice, whenever the mover dies.

There is one batch under way at a time. The stream gives the same batch again until it is dropped, and the archive keeps
what it does not have: so a mover that died between the two begins where it stopped. Entries that are no events are left
out, and told.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from serving.events.log import BAR, Archive, EventStream, LoggedEvent, Position, Span, decode_logged

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Moved:
    """What came of one or more batches."""

    entries: int = 0
    events: int = 0
    """Of the entries, those that were new."""
    unreadable: int = 0
    erased: int = 0
    """Erasures that were brought to their end."""

    def add(self, other: Moved) -> None:
        """Counts another one in."""
        self.entries += other.entries
        self.events += other.events
        self.unreadable += other.unreadable
        self.erased += other.erased


def move(stream: EventStream, archive: Archive, rows_max: int) -> Moved:
    """Moves one batch; `entries` is 0 when nothing waits. Raises what the two raise."""
    taken = stream.take(rows_max)
    if not taken:
        return Moved()
    moved = Moved(entries=len(taken))
    events: list[tuple[Position, LoggedEvent]] = []
    for position, entry in taken:
        if entry == BAR:
            continue
        try:
            events.append((position, decode_logged(entry)))
        except ValueError as error:
            moved.unreadable += 1
            _log.error("entry %s of the event log is left out: %s", position, error)  # it may name somebody
    if events:
        moved.events = archive.put(Span(taken[0][0], taken[-1][0]), events)
    stream.drop([position for position, _ in taken])
    return moved
