"""`storegate events import`: what rows become, and that an import goes on where it stopped."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_imports import HEADER, LeavingStore, lines, run

from serving.cli import event_import, import_state
from serving.cli.event_import import Import, Progress
from serving.cli.import_state import write_report
from serving.core.errors import InvalidInput
from serving.events.types import UserEvent
from serving.transport.event_rows import with_id
from storegate.client import Client
from storegate.v1 import event_pb2 as pb

NOON_S = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
EXPECTED = UserEvent("e1", "purchase-complete", "ada", "", NOON_S, (("mug", 2),))
pytestmark = pytest.mark.timeout(60)


def test_all_kinds_of_file_say_the_same(tmp_path: Path, client: Client, store: LeavingStore) -> None:
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
        assert store.events == [EXPECTED], path.name


def test_bad_rows_are_named_and_the_others_stored(tmp_path: Path, client: Client, store: LeavingStore) -> None:
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
    assert [event.event_id for event in store.events] == ["e1", "e7"]
    with (tmp_path / "refused.csv").open() as file:
        told = list(csv.DictReader(file))
    assert [row["event_id"] for row in told] == ["e2", "", "", "e5", ""]
    assert [int(row["line"]) for row in told] == [3, 4, 5, 6, 7]
    assert (told[1]["file"], told[1]["field"]) == ("a.csv", "eventTime")
    assert told[1]["message"].startswith("eventTime: got 'yesterday'")


def test_an_import_goes_on_where_it_stopped(
    tmp_path: Path, client: Client, store: LeavingStore, monkeypatch: pytest.MonkeyPatch
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
    assert sorted(int(event.event_id[1:]) for event in store.events) == list(range(35))
    assert not list((tmp_path / "imports").iterdir())


def test_a_gateway_that_is_back_soon_is_waited_for(
    tmp_path: Path, client: Client, store: LeavingStore, monkeypatch: pytest.MonkeyPatch
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


def test_rows_without_an_id_can_be_imported_again(tmp_path: Path, client: Client, store: LeavingStore) -> None:
    """The same row of the same file is the same event; two equal rows are two."""
    row = "purchase-complete,ada,2026-11-20T12:00:00Z,mug,1"
    path = lines(tmp_path / "a.csv", HEADER.removeprefix("event_id,"), row, row)
    first = Import.of(path, client, "shop:1", tmp_path, durable=False, again=False)
    run(first)
    second = Import.of(path, client, "shop:1", tmp_path, durable=False, again=False)
    run(second)
    assert (first.progress, second.progress) == (Progress(2, 2, 0), Progress(2, 0, 0))
    assert with_id(pb.UserEvent(event_id="mine"), 7).event_id == "mine"


def test_a_file_of_another_kind_is_refused(tmp_path: Path, client: Client) -> None:
    path = lines(tmp_path / "a.xlsx", "x")
    with pytest.raises(InvalidInput, match=r"a name ending in \.jsonl"):
        Import.of(path, client, "shop:1", tmp_path, durable=False, again=False)
