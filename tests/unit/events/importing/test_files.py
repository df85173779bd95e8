"""Files that cannot be imported, or not together: what is said of them."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_imports import LeavingStore
from importers import HEADER, Files, Make, ask, done, rows

from serving.core.errors import FilesUnavailable, InvalidInput

pytestmark = pytest.mark.timeout(60)


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
    make: Make, store: LeavingStore, files: dict[str, bytes | str], parts: list[str]
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


def test_rows_before_a_damaged_part_are_kept_and_the_part_is_named(make: Make, store: LeavingStore) -> None:
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


def test_half_a_parquet_file_is_refused_whole(make: Make, store: LeavingStore) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"eventType": ["home-page-view"] * 100}), out)
    error = ask(make(Files(a__parquet=out.getvalue()[:-50])))
    assert isinstance(error, InvalidInput)
    assert "a readable Parquet file" in error.message


def test_files_that_are_away_are_told_as_such(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(a__csv=rows(0, 2))

    def away(name: str) -> io.BytesIO:
        raise FilesUnavailable(name, "no connection")

    monkeypatch.setattr(files, "_open", away)
    assert isinstance(ask(make(files)), FilesUnavailable)


def test_an_empty_file_is_complete(make: Make) -> None:
    assert done(make(Files(a__csv=HEADER))).complete
