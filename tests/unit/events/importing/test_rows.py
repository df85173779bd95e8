"""What becomes of the rows of an import, and that every one that is refused is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from event_imports import LeavingStore
from importers import HEADER, NOW_S, Files, Make, ask, done, ids, row, rows

from serving.core.clock import NEVER
from serving.core.errors import NotDurable, StoregateError
from serving.events.import_contract import EventsImported
from serving.events.importing import ImportUserEvents
from serving.events.log import decode_logged

pytestmark = pytest.mark.timeout(60)


def test_all_files_by_name_once(make: Make, store: LeavingStore) -> None:
    work = make(Files(b__csv=rows(3, 5), a__csv=rows(0, 3)), known=lambda item: item != "mug")
    answer = done(work)
    assert (answer.rows, answer.stored, answer.known, answer.refused) == (5, 5, 0, [])
    assert (answer.files, answer.files_done, answer.complete, answer.next_row) == (2, 2, True, 0)
    assert answer.missing == {"mug"}
    assert ids(store) == ["e0", "e1", "e2", "e3", "e4"]
    again = done(work)
    assert (again.rows, again.stored, again.known) == (5, 0, 5)


def test_every_row_that_is_refused_is_named(make: Make, store: LeavingStore) -> None:
    """With file, row, line, field and reason; an empty line and a header are lines alone. The others are stored."""
    future = f"e4,purchase-complete,ada,{datetime.fromtimestamp(NOW_S + 3600, UTC).isoformat()},mug\n"
    text = "".join(
        [HEADER, row(0), "\n", row(1, "click"), row(2, item=""), row(3, user=""), future, "e5,home-page-view\n"]
    )
    text += row(6, item="x" * 300) + f"e7,home-page-view,ada,soon,\n{row(8)}"
    answer = done(make(Files(a__csv=text)))
    assert [(one.row, one.line, one.event_id, one.field, one.reason) for one in answer.refused] == [
        (2, 4, "e1", "event.event_type", "UNKNOWN_EVENT_TYPE"),
        (3, 5, "e2", "event.items", "MISSING_ITEM"),
        (4, 6, "e3", "event.user_id", "INVALID_FIELD"),
        (5, 7, "e4", "event.event_time", "INVALID_FIELD"),
        (6, 8, "", "", "BAD_ROW"),
        (7, 9, "e6", "event.items[0].item_id", "INVALID_FIELD"),
        (8, 10, "", "eventTime", "BAD_ROW"),
    ]
    assert {one.file for one in answer.refused} == {"a.csv"}
    assert "300" in answer.refused[3].message
    assert (answer.rows, answer.stored, ids(store)) == (9, 2, ["e0", "e8"])


def test_what_is_written_is_as_by_one_write(make: Make, store: LeavingStore) -> None:
    """Consent, what the shop did, attribution."""
    events = [
        {"eventId": "a", "eventType": "home-page-view", "userId": "ada", "personalization": "PERSONALIZATION_DENIED"},
        {"eventId": "b", "eventType": "stockout-seen", "userId": "ada", "items": [{"itemId": "mug"}]},
        {"eventId": "c", "eventType": "home-page-view", "userId": "bob", "attributionToken": "ab" * 16},
        {"eventId": "d", "eventType": "home-page-view", "userId": "bob", "attributionToken": "forged"},
    ]
    answer = done(make(Files(a__jsonl="\n".join(map(json.dumps, events)))))
    assert (answer.stored, answer.denied, answer.known) == (2, 1, 0)
    (refused,) = answer.refused
    assert (refused.row, refused.event_id, refused.reason) == (4, "d", "INVALID_ATTRIBUTION_TOKEN")
    assert store.fetch(["u:ada"], 1.0) == [b""]
    logged = [decode_logged(entry) for entry in store.log]
    assert [(one.event.event_id, one.decision_id) for one in logged] == [("b", ""), ("c", "ab" * 16)]


def test_nothing_is_stored_that_is_only_to_be_validated(make: Make, store: LeavingStore) -> None:
    answer = done(make(Files(a__csv=HEADER + row(0) + row(1, "click"))), validate_only=True)
    assert (answer.rows, answer.stored, answer.known, len(answer.refused), store.log) == (2, 0, 0, 1, [])
    assert answer.complete


def test_an_answer_that_was_lost_stores_nothing_twice(make: Make, store: LeavingStore) -> None:
    """Rows without an id too: they get one from what they say and where they stand."""
    line = row(0).removeprefix("e0,")
    work = make(Files(a__csv=HEADER.removeprefix("eventId,") + line * 3))
    assert done(work).stored == 3
    assert (done(work).known, len(set(ids(store)))) == (3, 3)


def through(work: ImportUserEvents, deadline: float = NEVER, calls_max: int = 100) -> tuple[list[EventsImported], int]:
    """As a client does it: goes on until it is complete, over errors too. All answers, and how many errors."""
    answers: list[EventsImported] = []
    errors = 0
    file, at = "", 0
    for _ in range(calls_max):
        answer = ask(work, deadline, start_file=file, skip_rows=at)
        if isinstance(answer, StoregateError):
            errors += 1
            continue
        answers.append(answer)
        file, at = answer.next_file, answer.next_row
        if answer.complete:
            return answers, errors
    raise AssertionError("it does not come to an end")


def test_more_refused_rows_than_an_answer_names_end_the_call(make: Make) -> None:
    """So that every one of them is named."""
    text = HEADER + "".join(row(number, "click") for number in range(2500))
    answers, errors = through(make(Files(a__csv=text)))
    assert errors == 0
    assert [one.row for answer in answers for one in answer.refused] == list(range(1, 2501))
    assert all(len(answer.refused) <= 1000 for answer in answers)


def test_a_durable_import_is_refused_where_it_cannot_be(make: Make) -> None:
    assert isinstance(ask(make(Files(a__csv=rows(0, 2))), durable=True), NotDurable)
