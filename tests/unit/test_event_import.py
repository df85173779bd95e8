"""`storegate events import`: what rows become, and that an import goes on where it stopped."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.adapters.import_files import ImportFiles
from serving.adapters.memory_profiles import MemoryProfiles
from serving.cli import event_import, import_state
from serving.cli import events as events_cli
from serving.cli.event_import import Import, Progress
from serving.cli.import_state import Refused, check_report, write_report
from serving.cli.server_import import ServerImport, ServerProgress
from serving.core.clock import SystemClock
from serving.core.errors import InvalidInput, NotReady, StoreUnavailable
from serving.core.row_files import LineError, file_rows
from serving.engine.calls import Lane, Route
from serving.engine.engine import Engine
from serving.events import importing
from serving.events.importing import ImportUserEvents
from serving.events.log import decode_logged
from serving.events.types import UserEvent
from serving.events.writing import WriteEvents
from serving.transport.codecs import IMPORT_USER_EVENTS, WRITE_USER_EVENT, codecs
from serving.transport.contract import services
from serving.transport.event_rows import event_columns, event_form, with_id, write_rows
from serving.transport.front_params import FrontParams
from serving.transport.native_front import NativeFront
from storegate.client import Client
from storegate.v1 import event_pb2 as pb

NOON_S = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
HEADER = "event_id,event_type,user_id,event_time,item_id,quantity"
pytestmark = pytest.mark.timeout(60)


class Going(MemoryProfiles):
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


@pytest.fixture
def store() -> Going:
    return Going(records_max=4096)


@pytest.fixture
def client(store: Going, tmp_path: Path) -> Iterator[Client]:
    """Of a gateway that reads files below tmp_path."""
    clock = SystemClock()
    made_of = codecs(clock)
    writing = WriteEvents(store, True, lambda item_id: True)
    reading = ImportUserEvents(writing.run, ImportFiles(tmp_path, ()), write_rows, event_columns, clock)
    runs = {WRITE_USER_EVENT: (Lane.WRITER, writing.run), IMPORT_USER_EVENTS: (Lane.FILES, reading.run)}
    routes = [Route(name, lane, made_of[name].decode, run, made_of[name].encode) for name, (lane, run) in runs.items()]
    engine = Engine(routes, clock=clock)
    front = NativeFront(FrontParams(), list(runs), services())
    front.start(engine)
    with Client(f"127.0.0.1:{front.port}", timeout_s=20) as made:
        yield made
    front.close(1.0)
    reading.close()
    engine.drain(1.0)


def rows_of(path: Path) -> list[pb.UserEvent | LineError]:
    return list(file_rows(path, event_form()))


def lines(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


def stored(store: Going) -> list[UserEvent]:
    return [decode_logged(entry).event for entry in store.log]


def run(work: Import | ServerImport) -> list[Refused]:
    return list(work.run(lambda progress: None))


EXPECTED = UserEvent("e1", "purchase-complete", "ada", "", NOON_S, (("mug", 2),))


def test_all_kinds_of_file_say_the_same(tmp_path: Path, client: Client, store: Going) -> None:
    event = {
        "eventId": "e1", "eventType": "purchase-complete", "userId": "ada", "eventTime": "2026-11-20T12:00:00Z",
        "items": [{"itemId": "mug", "quantity": 2}],
    }  # fmt: skip
    jsonl = lines(tmp_path / "a.jsonl", json.dumps(event))
    table = lines(tmp_path / "b.csv", HEADER, "e1,purchase-complete,ada,2026-11-20 12:00:00,mug,2")
    packed = tmp_path / "c.csv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    listed = lines(
        tmp_path / "d.csv",
        "eventId,eventType,userId,eventTime,items",
        "e1,purchase-complete,ada,2026-11-20T13:00:00+01:00,mug=2",
    )
    parquet = tmp_path / "e.parquet"
    pq.write_table(
        pa.table(
            {
                "event_id": ["e1"],
                "event_type": ["purchase-complete"],
                "user_id": ["ada"],
                "event_time": pa.array([NOON_S], pa.timestamp("s", tz="UTC")),
                "item_id": ["mug"],
                "quantity": [2.0],
            }
        ),
        parquet,
    )
    for path in (jsonl, table, packed, listed, parquet):
        store.log.clear()
        store._blobs.clear()
        work = Import.of(path, client, "shop:1", tmp_path, durable=False, again=False)
        assert run(work) == []
        assert work.progress == Progress(1, 1, 0)
        assert stored(store) == [EXPECTED], path.name


def test_bad_rows_are_named_and_the_others_stored(tmp_path: Path, client: Client, store: Going) -> None:
    """By this side what cannot be read, by the gateway what it does not take; the report has them all, in order."""
    path = lines(
        tmp_path / "a.csv",
        HEADER,
        "e1,purchase-complete,ada,2026-11-20T12:00:00Z,mug,2",
        "e2,click,ada,2026-11-20T12:00:00Z,mug,1",
        "e3,purchase-complete,ada,yesterday,mug,1",
        "e4,purchase-complete,ada,2026-11-20T12:00:00Z,mug",
        "e5,purchase-complete,,2026-11-20T12:00:00Z,mug,1",
        "e6,purchase-complete,ada,2026-11-20T12:00:00Z,mug,two",
        "e7,purchase-complete,ada,2026-11-20T12:00:00Z,mug,1",
    )
    work = Import.of(path, client, "shop:1", tmp_path, durable=False, again=False)
    refused = list(write_report(tmp_path / "refused.csv", work.run(lambda progress: None)))
    assert [(one.row, one.reason) for one in refused] == [
        (2, "UNKNOWN_EVENT_TYPE"),
        (3, "BAD_ROW"),
        (4, "BAD_ROW"),
        (5, "INVALID_FIELD"),
        (6, "BAD_ROW"),
    ]
    assert work.progress == Progress(7, 2, 5)
    assert [event.event_id for event in stored(store)] == ["e1", "e7"]
    with (tmp_path / "refused.csv").open() as file:
        told = list(csv.DictReader(file))
    assert [row["event_id"] for row in told] == ["e2", "", "", "e5", ""]
    assert [int(row["line"]) for row in told] == [3, 4, 5, 6, 7]
    assert (told[1]["file"], told[1]["field"]) == ("a.csv", "eventTime")
    assert told[1]["message"].startswith("eventTime: got 'yesterday'")


def test_an_import_goes_on_where_it_stopped(
    tmp_path: Path, client: Client, store: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway goes away in the third portion; what was stored is not sent again."""
    monkeypatch.setattr(event_import, "PORTION", 10)
    monkeypatch.setattr(import_state, "PAUSE_S", 0.001)
    rows = [f"e{number},purchase-complete,ada,2026-11-20T12:00:00Z,mug,1" for number in range(35)]
    path = lines(tmp_path / "a.csv", HEADER, *rows)
    store.left = 25
    with pytest.raises(grpc.RpcError):
        run(Import.of(path, client, "shop:1", tmp_path, durable=False, again=False))
    store.left = 1 << 30
    told: list[int] = []
    work = Import.of(path, client, "shop:1", tmp_path, durable=False, again=False)
    assert work.progress.rows == 20
    assert list(work.run(lambda progress: told.append(progress.rows))) == []
    assert told == [30, 35]
    assert sorted(int(event.event_id[1:]) for event in stored(store)) == list(range(35))
    assert not list((tmp_path / "imports").iterdir())


def test_a_gateway_that_is_back_soon_is_waited_for(
    tmp_path: Path, client: Client, store: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_state, "PAUSE_S", 0.001)
    tries: list[float] = []

    def back(seconds: float) -> None:
        tries.append(seconds)
        store.left = 1 << 30

    monkeypatch.setattr(import_state.time, "sleep", back)
    store.left = 0
    path = lines(tmp_path / "a.csv", HEADER, "e1,purchase-complete,ada,2026-11-20T12:00:00Z,mug,1")
    assert run(Import.of(path, client, "shop:1", tmp_path, durable=False, again=False)) == []
    assert tries == [0.001]
    assert len(store.log) == 1


def test_rows_without_an_id_can_be_imported_again(tmp_path: Path, client: Client, store: Going) -> None:
    """The same row of the same file is the same event; two equal rows are two."""
    row = "purchase-complete,ada,2026-11-20T12:00:00Z,mug,1"
    path = lines(tmp_path / "a.csv", HEADER.removeprefix("event_id,"), row, row)
    first = Import.of(path, client, "shop:1", tmp_path, durable=False, again=False)
    run(first)
    second = Import.of(path, client, "shop:1", tmp_path, durable=False, again=False)
    run(second)
    assert (first.progress, second.progress) == (Progress(2, 2, 0), Progress(2, 0, 0))
    assert with_id(pb.UserEvent(event_id="mine"), 7).event_id == "mine"


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("a.csv", ["user_id,item_id", "ada,mug"], "a column eventType"),
        ("a.csv", ["event_type,colour", "search,red"], "each of the columns"),
        ("a.csv", ["event_type,event_type", "search,search"], "at most once"),
        ("a.parquet", ["PAR1 half a file"], "a readable Parquet file"),
        ("a.csv.gz", ["not packed"], "a readable file"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, name: str, rows: list[str], expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        rows_of(lines(tmp_path / name, *rows))


def test_a_file_of_another_kind_is_refused(tmp_path: Path, client: Client) -> None:
    path = lines(tmp_path / "a.xlsx", "x")
    with pytest.raises(InvalidInput, match=r"a name ending in \.jsonl"):
        Import.of(path, client, "shop:1", tmp_path, durable=False, again=False)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("[]", "event"),
        ('{"eventType": 5}', "event"),
        ('{"colour": "red"}', "event"),
        ('{"items": [{"itemId": "a", "quantity": "many"}]}', "event"),
        ("{", ""),
    ],
)
def test_a_line_that_is_no_event_is_told(tmp_path: Path, row: str, field: str) -> None:
    (found,) = rows_of(lines(tmp_path / "a.jsonl", row))
    assert isinstance(found, LineError)
    assert (found.line, found.field) == (1, field)


def of_table(tmp_path: Path, **columns: pa.Array) -> list[pb.UserEvent | LineError]:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    return rows_of(tmp_path / "a.parquet")


def test_tables_of_other_programs(tmp_path: Path) -> None:
    """Numbers for ids, floats and NaN where a column has gaps, items as a list of ids or of structs."""
    kinds = pa.array(["purchase-complete"] * 3)
    events = of_table(
        tmp_path,
        event_type=kinds,
        user_id=pa.array([17850.0, float("nan"), 3.0]),
        visitor_id=pa.array([None, 7, None]),
        items=pa.array([[{"item_id": "mug", "quantity": 2}, {"item_id": "tea", "quantity": None}], None, []]),
    )
    assert [one.user_id for one in events] == ["17850", "", "3"]  # type: ignore[union-attr]
    assert events[1].visitor_id == "7"  # type: ignore[union-attr]
    assert [(item.item_id, item.quantity) for item in events[0].items] == [("mug", 2), ("tea", 0)]  # type: ignore[union-attr]
    (listed,) = of_table(tmp_path, event_type=kinds[:1], items=pa.array([["a", "b"]]))
    assert [item.item_id for item in listed.items] == ["a", "b"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("event_time", pa.array([0, 10**12], pa.timestamp("s")), "eventTime"),
        ("user_id", pa.array([b"ok", b"\xff\xfe"], pa.binary()), "userId"),
        ("user_id", pa.array([1.0, 1.5]), "userId"),
        ("user_id", pa.array([[1], [2]]), "userId"),
        ("items", pa.array([1, 2]), "items"),
        ("quantity", pa.array([1.5, float("inf")]), "quantity"),
    ],
)
def test_a_value_that_cannot_be_is_the_rows_own_fault(tmp_path: Path, name: str, values: pa.Array, field: str) -> None:
    found = of_table(tmp_path, event_type=pa.array(["home-page-view"] * 2), **{name: values})
    assert len(found) == 2
    assert isinstance(found[1], LineError)
    assert found[1].field == field


def test_a_time_at_the_edge_of_the_calendar_is_refused(tmp_path: Path) -> None:
    """In UTC it would be before the year 1."""
    (found,) = rows_of(lines(tmp_path / "a.csv", "event_type,event_time", "search,0001-01-01T00:00:00+14:00"))
    assert isinstance(found, LineError)
    assert found.field == "eventTime"


def by_gateway(client: Client, home: Path, uri: str = "in", *, again: bool = False) -> ServerImport:
    return ServerImport.of(uri, client, "shop:1", home, durable=False, again=again)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of 600 rows, below what the gateway reads."""
    made = tmp_path / "in"
    made.mkdir()
    for name, first in (("a.csv", 0), ("b.csv", 600)):
        rows = (f"e{number},purchase-complete,ada,2026-11-20T12:00:00Z,mug,1" for number in range(first, first + 600))
        lines(made / name, HEADER, *rows)
    return made


def test_the_gateway_reads_files_itself(tmp_path: Path, client: Client, store: Going, folder: Path) -> None:
    told: list[str] = []
    work = by_gateway(client, tmp_path)
    assert list(work.run(lambda progress: told.append(progress.said()))) == []
    assert (work.progress.rows, work.progress.stored, work.progress.files_done) == (1200, 1200, 2)
    assert told[-1] == "file 2 of 2, 1,200 of 1,200 rows new"
    assert len(store.log) == 1200
    again = by_gateway(client, tmp_path)
    assert run(again) == []
    assert (again.progress.stored, again.progress.known) == (0, 1200)


def test_an_import_by_the_gateway_goes_on_where_it_stopped(
    tmp_path: Path, client: Client, store: Going, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes away in the second file; nothing that was stored is read again."""
    monkeypatch.setattr(import_state, "PAUSE_S", 0.001)
    store.left = 900
    with pytest.raises(grpc.RpcError):
        run(by_gateway(client, tmp_path))
    store.left = 1 << 30
    work = by_gateway(client, tmp_path)
    assert (work.progress.next_file, work.progress.next_row) == ("in/b.csv", importing.GROUP)
    assert run(work) == []
    assert (work.progress.rows, work.progress.stored, work.progress.known) == (1200, 1200, 0)
    assert sorted(int(event.event_id[1:]) for event in stored(store)) == list(range(1200))
    assert not list((tmp_path / "imports").iterdir())


def test_rows_that_the_gateway_refuses_are_reported(
    tmp_path: Path, client: Client, store: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With file, line, field and reason, over several calls; the report goes on behind what is there."""
    monkeypatch.setattr(importing, "CALL_S_MAX", 0.0)
    rows = [f"e{number},{'click' if number % 300 == 7 else 'home-page-view'},ada,,," for number in range(1000)]
    lines(tmp_path / "a.csv", HEADER, *rows)
    report = tmp_path / "refused.csv"
    work = by_gateway(client, tmp_path, "a.csv")
    told: list[int] = []
    found = list(write_report(report, work.run(lambda progress: told.append(progress.rows))))
    assert told == [256, 512, 768, 1000, 1000], "only the last call finds that nothing is left"
    assert [(one.row, one.line, one.field) for one in found] == [
        (row + 1, row + 2, "event.event_type") for row in (7, 307, 607, 907)
    ]
    assert len(store.log) == 996
    list(write_report(report, iter(found[:1]), goes_on=True))
    with report.open() as file:
        assert [row["event_id"] for row in csv.DictReader(file)] == ["e7", "e307", "e607", "e907", "e7"]


def test_a_log_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    now = 0.0
    monkeypatch.setattr(events_cli, "say", told.append)
    monkeypatch.setattr(events_cli.time, "monotonic", lambda: now)
    lines = events_cli.Lines()
    for now in (1.0, 4.9, 5.0, 5.1, 9.9, 30.0):
        lines.tell(f"at {now}")
    assert told == ["at 5.0", "at 30.0"]


def test_a_report_that_is_there_is_not_lost(tmp_path: Path) -> None:
    report = lines(tmp_path / "refused.csv", "of yesterday")
    with pytest.raises(InvalidInput, match="--overwrite"):
        check_report(report, goes_on=False, overwrite=False)
    check_report(report, goes_on=True, overwrite=False)
    check_report(report, goes_on=False, overwrite=True)
    check_report(tmp_path / "new.csv", goes_on=False, overwrite=False)
    with pytest.raises(InvalidInput, match="a file that can be written"):
        list(write_report(tmp_path / "no folder" / "refused.csv", iter(())))


def test_what_stands_still_is_given_up(tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that answers again and again that it has done nothing."""
    asked: list[str] = []

    def nothing(uri: str, **_: object) -> pb.ImportUserEventsResponse:
        asked.append(uri)
        return pb.ImportUserEventsResponse(files=1, next_file="a.csv", next_row=5)

    monkeypatch.setattr(client, "import_events", nothing)
    with pytest.raises(NotReady, match=r"stands still at row 5 of a\.csv"):
        run(by_gateway(client, tmp_path))
    assert len(asked) < 10


def test_what_is_left_of_an_import_that_nobody_can_read_counts_as_nothing(tmp_path: Path, client: Client) -> None:
    work = by_gateway(client, tmp_path)
    for content in ("half", '{"colour": 1}', "[]"):
        work.state._path.parent.mkdir(exist_ok=True)
        work.state._path.write_text(content)
        assert by_gateway(client, tmp_path).progress == ServerProgress()
