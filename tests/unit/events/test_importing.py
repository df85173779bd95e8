"""ImportUserEvents without any wire: how far it comes, what it says of rows, and that it goes on after anything."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.adapters.memory_profiles import MemoryProfiles
from serving.core.attribution import Attribution
from serving.core.clock import NEVER
from serving.core.errors import (
    DeadlineExpired,
    FilesUnavailable,
    InvalidInput,
    NotDurable,
    NotReady,
    StoregateError,
    StoreUnavailable,
)
from serving.core.row_files import RowFile
from serving.core.turn import Turn
from serving.events.contract import Outcome
from serving.events.import_contract import EventsImported, ImportEvents
from serving.events.importing import GROUP, ImportUserEvents
from serving.events.log import decode_logged
from serving.events.writing import WriteEvents
from serving.transport.event_rows import event_columns, write_rows

NOW_S = 1_764_000_000
HEADER = "eventId,eventType,userId,eventTime,itemId\n"
pytestmark = pytest.mark.timeout(60)


class Ticking:
    """A clock that moves when somebody looks."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.now, self.step_s = 0.0, step_s

    def monotonic(self) -> float:
        self.now += self.step_s
        return self.now

    def wall(self) -> float:
        return NOW_S


class Store(MemoryProfiles):
    """Goes away after so many writes."""

    left = 1 << 30

    def append(
        self,
        writes: Sequence[tuple[str, bytes]],
        timeout_s: float,
        entries: Sequence[bytes] = (),
        durable: bool = False,
    ) -> list[int]:
        if self.left < len(writes):
            raise StoreUnavailable("redis: away")
        self.left -= len(writes)
        return super().append(writes, timeout_s, entries, durable)

    @property
    def ids(self) -> list[str]:
        return [decode_logged(entry).event.event_id for entry in self.log]


class Tokens:
    """Outcomes whose token is the decision."""

    def attribution(self, token: str) -> Attribution:
        if token == "forged":
            raise InvalidInput("attribution_token", token, "one of ours", reason="INVALID_ATTRIBUTION_TOKEN")
        return Attribution(token, NOW_S, 3)

    def record(self, outcomes: Sequence[tuple[Attribution, Outcome]], now_s: float) -> None:
        """Nobody asks."""


class Files:
    """Files in memory, by name."""

    def __init__(self, **files: bytes | str) -> None:
        self.contents = {
            name.replace("__", "."): text if isinstance(text, bytes) else text.encode() for name, text in files.items()
        }
        self.opened: list[str] = []

    def find(self, uri: str) -> Sequence[RowFile]:
        return [RowFile(name, lambda name=name: self._open(name)) for name in sorted(self.contents)]

    def _open(self, name: str) -> io.BytesIO:
        self.opened.append(name)
        return io.BytesIO(self.contents[name])


@pytest.fixture
def store() -> Store:
    return Store(records_max=4096)


Make = Callable[..., ImportUserEvents]


@pytest.fixture
def make(store: Store) -> Iterator[Make]:
    made: list[ImportUserEvents] = []

    def importer(files: Files, clock: Ticking | None = None, known: Callable[[str], bool] = bool) -> ImportUserEvents:
        writing = WriteEvents(store, True, known, outcomes=Tokens())
        made.append(ImportUserEvents(writing.run, files, write_rows, event_columns, clock or Ticking()))
        return made[-1]

    yield importer
    for one in made:
        one.close()


def ask(work: ImportUserEvents, deadline: float = NEVER, **fields: object) -> EventsImported | StoregateError:
    """On a thread of its own, as a lane has one: it lowers its priority for good."""
    query = ImportEvents("all", **fields)  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as lane:
        (answer,) = lane.submit(work.run, [query], Turn(0.0, NOW_S, deadline)).result()
    return answer


def done(work: ImportUserEvents, deadline: float = NEVER, **fields: object) -> EventsImported:
    answer = ask(work, deadline, **fields)
    assert isinstance(answer, EventsImported), answer
    return answer


def row(number: int, kind: str = "purchase-complete", item: str = "mug", user: str = "ada") -> str:
    when = (datetime.fromtimestamp(NOW_S, UTC) - timedelta(seconds=number)).isoformat()
    return f"e{number},{kind},{user},{when},{item}\n"


def rows(first: int, last: int) -> str:
    return HEADER + "".join(row(number) for number in range(first, last))


def test_all_files_by_name_once(make: Make, store: Store) -> None:
    work = make(Files(b__csv=rows(3, 5), a__csv=rows(0, 3)), known=lambda item: item != "mug")
    answer = done(work)
    assert (answer.rows, answer.stored, answer.known, answer.refused) == (5, 5, 0, [])
    assert (answer.files, answer.files_done, answer.complete, answer.next_row) == (2, 2, True, 0)
    assert answer.missing == {"mug"}
    assert store.ids == ["e0", "e1", "e2", "e3", "e4"]
    again = done(work)
    assert (again.rows, again.stored, again.known) == (5, 0, 5)


def test_every_row_that_is_refused_is_named(make: Make, store: Store) -> None:
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
    assert (answer.rows, answer.stored, store.ids) == (9, 2, ["e0", "e8"])


def test_what_is_written_is_as_by_one_write(make: Make, store: Store) -> None:
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


def test_nothing_is_stored_that_is_only_to_be_validated(make: Make, store: Store) -> None:
    answer = done(make(Files(a__csv=HEADER + row(0) + row(1, "click"))), validate_only=True)
    assert (answer.rows, answer.stored, answer.known, len(answer.refused), store.log) == (2, 0, 0, 1, [])
    assert answer.complete


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


def test_a_call_ends_in_time_and_the_next_goes_on(make: Make, store: Store) -> None:
    """Every look at the clock takes half a second: a few groups fit into a call of four."""
    clock = Ticking(0.5)
    work = make(Files(a__csv=rows(0, 1000), b__csv=rows(1000, 2500)), clock)
    answers: list[EventsImported] = []
    while not (answers and answers[-1].complete):
        at = answers[-1] if answers else EventsImported()
        answers.append(done(work, clock.now + 4.0, start_file=at.next_file, skip_rows=at.next_row))
    assert len(answers) > 3
    assert all(answer.rows >= GROUP for answer in answers[:-1])
    assert sum(answer.stored for answer in answers) == 2500
    assert sorted(store.ids) == sorted(f"e{number}" for number in range(2500))


def test_a_call_without_a_deadline_ends_all_the_same(make: Make) -> None:
    """The lane is for others too."""
    answer = done(make(Files(a__csv=rows(0, 4000)), Ticking(1.0)))
    assert not answer.complete
    assert 0 < answer.rows < 4000


def test_a_deadline_that_passes_on_the_way_says_so(make: Make, store: Store) -> None:
    answer = ask(make(Files(a__csv=rows(0, 600)), Ticking(1.0)), 0.5, skip_rows=500)
    assert isinstance(answer, DeadlineExpired)
    assert "500 rows were passed over" in answer.message
    assert store.log == []


def test_a_store_that_goes_away_costs_nothing(make: Make, store: Store) -> None:
    """What was stored is told; the call after it is refused; then it goes on there."""
    work = make(Files(a__csv=rows(0, 1000)))
    store.left = 600
    first = done(work)
    assert (first.rows, first.stored, first.next_row) == (2 * GROUP, 2 * GROUP, 2 * GROUP)
    assert isinstance(ask(work, skip_rows=first.next_row), StoreUnavailable)
    store.left = 1 << 30
    rest = done(work, skip_rows=first.next_row)
    assert (rest.stored, rest.complete) == (1000 - 2 * GROUP, True)
    assert sorted(store.ids) == sorted(f"e{number}" for number in range(1000))


def test_an_answer_that_was_lost_stores_nothing_twice(make: Make, store: Store) -> None:
    """Rows without an id too: they get one from what they say and where they stand."""
    line = row(0).removeprefix("e0,")
    work = make(Files(a__csv=HEADER.removeprefix("eventId,") + line * 3))
    assert done(work).stored == 3
    assert (done(work).known, len(set(store.ids))) == (3, 3)


def test_rows_before_a_damaged_part_are_kept_and_the_part_is_named(make: Make, store: Store) -> None:
    out = io.BytesIO()
    table = pa.table({"eventType": ["home-page-view"] * 2000, "userId": [f"u{n}" for n in range(2000)]})
    pq.write_table(table, out, row_group_size=1000, compression=None, use_dictionary=False)
    content = bytearray(out.getvalue())
    at = pq.read_metadata(out).row_group(1).column(0).data_page_offset
    content[at : at + 32] = b"\xff" * 32
    work = make(Files(a__parquet=bytes(content)))
    first = done(work)
    assert (first.rows, first.complete) == (1000, False)
    error = ask(work, skip_rows=first.next_row)
    assert isinstance(error, InvalidInput)
    assert "a.parquet" in error.message
    assert len(store.log) == 1000


def test_half_a_parquet_file_is_refused_whole(make: Make, store: Store) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"eventType": ["home-page-view"] * 100}), out)
    error = ask(make(Files(a__parquet=out.getvalue()[:-50])))
    assert isinstance(error, InvalidInput)
    assert "a readable Parquet file" in error.message


def test_more_refused_rows_than_an_answer_names_end_the_call(make: Make) -> None:
    """So that every one of them is named."""
    text = HEADER + "".join(row(number, "click") for number in range(2500))
    answers, errors = through(make(Files(a__csv=text)))
    assert errors == 0
    assert [one.row for answer in answers for one in answer.refused] == list(range(1, 2501))
    assert all(len(answer.refused) <= 1000 for answer in answers)


def parquet(**columns: pa.Array) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


KIND = pa.array(["home-page-view"])
CHANGED = [
    (
        {"a__csv": HEADER, "b__csv": HEADER.replace("itemId", "items")},
        ["b.csv", "items", "a.csv"],
    ),
    ({"a__csv": HEADER, "b__csv": HEADER.replace(",itemId", "")}, ["b.csv", "no column itemId"]),
    (
        {
            "a__parquet": parquet(eventType=KIND, quantity=pa.array([1])),
            "b__parquet": parquet(eventType=KIND, quantity=pa.array(["1"])),
        },
        ["b.parquet", "quantity", "string", "int64"],
    ),
]


@pytest.mark.parametrize(("files", "parts"), CHANGED)
def test_a_schema_that_changes_between_files_is_refused_first(
    make: Make, store: Store, files: dict[str, bytes | str], parts: list[str]
) -> None:
    """Before anything is stored; the error names file and column. The order of columns may change."""
    error = ask(make(Files(**files)))
    assert isinstance(error, InvalidInput)
    assert error.reason == "SCHEMA_CHANGED"
    assert all(part in error.message for part in parts), error.message
    assert store.log == []
    same = {"a__csv": HEADER, "b__csv": "itemId,event_time,user_id,eventType,eventId\n"}
    assert done(make(Files(**same))).complete


def test_files_of_two_kinds_are_no_import(make: Make) -> None:
    error = ask(make(Files(a__csv=HEADER, b__jsonl="")))
    assert isinstance(error, InvalidInput)
    assert "files of one kind" in error.message


def test_a_file_that_is_not_among_them_is_no_beginning(make: Make) -> None:
    error = ask(make(Files(a__csv=HEADER)), start_file="b.csv")
    assert isinstance(error, InvalidInput)
    assert error.field == "start_file"


def test_files_that_are_through_are_not_read_again(make: Make) -> None:
    files = Files(a__csv=rows(0, 3), b__csv=rows(3, 6), c__csv=rows(6, 9))
    answer = done(make(files), start_file="c.csv", skip_rows=1)
    assert (answer.rows, answer.files_done) == (2, 3)
    assert "b.csv" not in files.opened


def test_a_durable_import_is_refused_where_it_cannot_be(make: Make) -> None:
    assert isinstance(ask(make(Files(a__csv=rows(0, 2))), durable=True), NotDurable)


def test_a_gateway_that_leaves_says_so(make: Make) -> None:
    work = make(Files(a__csv=rows(0, 2)))
    work.close()
    assert isinstance(ask(work), NotReady)


def test_one_that_leaves_in_the_midst_answers_what_it_did(
    make: Make, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = make(Files(a__csv=rows(0, 1000)))
    monkeypatch.setattr(work, "_write", lambda writes, turn, run=work._write: (work.close(), run(writes, turn))[1])
    answer = done(work)
    assert (answer.rows, answer.complete) == (GROUP, False)


def test_files_that_are_away_are_told_as_such(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(a__csv=rows(0, 2))

    def away(name: str) -> io.BytesIO:
        raise FilesUnavailable(name, "no connection")

    monkeypatch.setattr(files, "_open", away)
    assert isinstance(ask(make(files)), FilesUnavailable)


def test_an_empty_file_is_complete(make: Make) -> None:
    assert done(make(Files(a__csv=HEADER))).complete
