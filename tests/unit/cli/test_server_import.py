"""`storegate events import` of files that the gateway reads itself."""

from __future__ import annotations

import csv
from pathlib import Path

import grpc
import pytest
from event_imports import HEADER, LeavingStore, lines, run

from serving.cli import import_state
from serving.cli.import_state import write_report
from serving.cli.server_import import ServerImport, ServerProgress
from serving.core.errors import NotReady
from serving.events import importing
from storegate.client import Client
from storegate.v1 import event_pb2 as pb

pytestmark = pytest.mark.timeout(60)


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


def test_the_gateway_reads_files_itself(tmp_path: Path, client: Client, store: LeavingStore, folder: Path) -> None:
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
    tmp_path: Path, client: Client, store: LeavingStore, folder: Path, monkeypatch: pytest.MonkeyPatch
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
    assert sorted(int(event.event_id[1:]) for event in store.events) == list(range(1200))
    assert not list((tmp_path / "imports").iterdir())


def test_rows_that_the_gateway_refuses_are_reported(
    tmp_path: Path, client: Client, store: LeavingStore, monkeypatch: pytest.MonkeyPatch
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
