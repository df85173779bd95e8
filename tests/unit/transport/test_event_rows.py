"""Rows of files as events: what is read of them, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_imports import lines

from serving.core.errors import InvalidInput
from serving.core.row_files import LineError, file_rows
from serving.transport.event_rows import event_form
from storegate.v1 import event_pb2 as pb


def rows_of(path: Path) -> list[pb.UserEvent | LineError]:
    return list(file_rows(path, event_form()))


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
