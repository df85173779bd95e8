"""Rows of files: their lines, what is passed over, what they are made of, and files that are no good."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.core.errors import FilesUnavailable, InvalidInput
from serving.core.row_files import PARQUET_ROWS, Form, LineError, RowFile, columns, numbered_rows

FORM: Form[Any] = Form(lambda row: row, dict, str.strip, lambda names: None, 1 << 30)


def jsonl(rows: int) -> bytes:
    return b"".join(b'\n{"n": %d}\n' % row for row in range(rows))


def table(rows: int) -> bytes:
    """Each with a line of its own within the row."""
    return b"n,text\n" + b"".join(b'%d,"two\nlines"\n' % row for row in range(rows))


def parquet(rows: int) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"n": range(rows)}), out, row_group_size=PARQUET_ROWS + 7)
    return out.getvalue()


def file(name: str, content: bytes) -> RowFile:
    return RowFile(name, lambda: io.BytesIO(gzip.compress(content) if name.endswith(".gz") else content))


@pytest.mark.parametrize(
    ("name", "made", "line"),
    [
        ("a.jsonl", jsonl, lambda row: 2 * row),
        ("a.jsonl.gz", jsonl, lambda row: 2 * row),
        ("A.CSV", table, lambda row: 2 * row + 1),
        ("a.csv.gz", table, lambda row: 2 * row + 1),
        ("a.parquet", parquet, lambda row: row),
    ],
)
@pytest.mark.parametrize("skip", [0, 1, PARQUET_ROWS, PARQUET_ROWS + 7, 1199, 1200, 5000])
def test_passed_over_rows_are_the_first(
    name: str, made: Callable[[int], bytes], line: Callable[[int], int], skip: int
) -> None:
    """Of every kind, at the edges of batches and row groups too; lines are those of the file."""
    found = list(numbered_rows(file(name, made(1200)), FORM, skip))
    assert [int(row["n"]) for _, row in found] == list(range(skip, 1200))
    assert [number for number, _ in found] == [line(row) for row in range(skip + 1, 1201)]


def test_bad_rows_are_passed_over_too() -> None:
    rows = list(numbered_rows(file("a.csv", b"n,m\n1,2\n3\n\n4,5\n"), FORM))
    assert [line for line, _ in rows] == [2, 3, 5]
    assert isinstance(rows[1][1], LineError)
    assert [line for line, _ in numbered_rows(file("a.csv", b"n,m\n1,2\n3\n\n4,5\n"), FORM, 2)] == [5]


def test_columns_of_each_kind() -> None:
    assert columns(file("a.csv.gz", b"\xef\xbb\xbfn, text\n"), FORM) == {"n": "text", "text": "text"}
    assert columns(file("a.parquet", parquet(3)), FORM) == {"n": "int64"}
    assert columns(file("a.jsonl", jsonl(1)), FORM) == {}


BROKEN = [
    ("a.parquet", parquet(3000)[:-9], "Parquet"),
    ("a.parquet", parquet(3000)[:200], "Parquet"),
    ("a.parquet", b"", "Parquet"),
    ("a.csv.gz", gzip.compress(table(3000))[:-40], "readable"),
    ("a.csv", b'"n\n', "the names of the columns"),
    ("a.xlsx", b"", "a name ending in"),
]


@pytest.mark.parametrize(("name", "content", "expected"), BROKEN)
def test_a_file_that_is_cut_or_of_no_kind_is_named(name: str, content: bytes, expected: str) -> None:
    """A writer that was killed leaves half a Parquet file, whose end says where all the rest is."""
    one = RowFile(name, lambda: io.BytesIO(content))
    with pytest.raises(InvalidInput, match=expected):
        list(numbered_rows(one, FORM))


def test_a_damaged_page_is_told_after_the_rows_before_it() -> None:
    content = bytearray(parquet(3 * (PARQUET_ROWS + 7)))
    second = pq.read_metadata(io.BytesIO(bytes(content))).row_group(1).column(0).data_page_offset
    content[second : second + 64] = b"\xff" * 64
    found: list[int] = []
    with pytest.raises(InvalidInput, match="Parquet"):
        found += (line for line, _ in numbered_rows(file("a.parquet", bytes(content)), FORM))
    assert not found or found == list(range(1, len(found) + 1))


class Away(io.BytesIO):
    """A store that goes away after some bytes."""

    def read(self, size: int | None = -1) -> bytes:
        raise FilesUnavailable("s3://bucket/a", "no connection")

    def readline(self, size: int | None = -1) -> bytes:
        raise FilesUnavailable("s3://bucket/a", "no connection")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.csv.gz"])
def test_a_store_that_is_away_is_not_a_damaged_file(name: str) -> None:
    with pytest.raises(FilesUnavailable):
        list(numbered_rows(RowFile(name, lambda: Away(b"PAR1" * 10)), FORM))


def test_a_file_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(table(2))
    assert len(list(numbered_rows(RowFile.at(path), FORM))) == 2
    with pytest.raises(InvalidInput, match="No such file"):
        list(numbered_rows(RowFile.at(tmp_path / "b.csv"), FORM))
