"""Importers of events, and the store that they write to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from event_imports import LeavingStore
from importers import Files, Make, Ticking, Tokens

from serving.events.importing import ImportUserEvents
from serving.events.writing import WriteEvents
from serving.transport.event_rows import event_columns, write_rows


@pytest.fixture
def store() -> LeavingStore:
    return LeavingStore(records_max=4096)


@pytest.fixture
def make(store: LeavingStore) -> Iterator[Make]:
    made: list[ImportUserEvents] = []

    def importer(files: Files, clock: Ticking | None = None, known: Callable[[str], bool] = bool) -> ImportUserEvents:
        writing = WriteEvents(store, True, known, outcomes=Tokens())
        made.append(ImportUserEvents(writing.run, files, write_rows, event_columns, clock or Ticking()))
        return made[-1]

    yield importer
    for one in made:
        one.close()
