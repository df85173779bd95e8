"""Files of events in Parquet: their columns, their names and the folders they stand in.

    day=2026-11-26/1732650000000-3_1732650059000-7_1200_9f86d081884c7d65.parquet

A file's name says which part of the stream it holds, how many events, and the first 16 digits of its SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from serving.events.log import LoggedEvent, Position, Span

SCHEMA: Final = pa.schema(
    [
        ("event_id", pa.string()),
        ("event_type", pa.string()),
        ("user_id", pa.string()),
        ("visitor_id", pa.string()),
        ("event_time", pa.timestamp("s", tz="UTC")),
        ("received", pa.timestamp("ms", tz="UTC")),
        ("items", pa.list_(pa.struct([("item_id", pa.string()), ("quantity", pa.int32())]))),
        ("search_query", pa.string()),
        ("decision_id", pa.string()),
        ("placement", pa.int16()),
        ("identity", pa.uint64()),
    ]
)
"""identity: the same for an event that was told twice (events.log.identity); received: when it came."""
DIGEST_CHARS: Final = 16
_NAME: Final = re.compile(r"(\d+-\d+)_(\d+-\d+)_(\d+)_([0-9a-f]{16})\.parquet")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a day."""

    day: date
    span: Span
    rows: int
    digest: str

    @property
    def name(self) -> str:
        return f"{self.span.first}_{self.span.last}_{self.rows}_{self.digest}.parquet"

    @property
    def path(self) -> str:
        """Below the archive."""
        return f"{folder(self.day)}/{self.name}"

    @classmethod
    def parse(cls, day: date, name: str) -> File | None:
        """None for what is no file of ours."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        return cls(day, Span(Position.parse(found[1]), Position.parse(found[2])), int(found[3]), found[4])


def folder(day: date) -> str:
    """Of a day, below the archive."""
    return f"day={day.isoformat()}"


def day_of(time_s: int) -> date:
    """UTC."""
    return datetime.fromtimestamp(time_s, UTC).date()


def neighbours(files: Sequence[File], rows_max: int) -> Iterator[list[File]]:
    """Groups of together at most rows_max rows, or one that has more."""
    group: list[File] = []
    for file in files:
        if group and sum(one.rows for one in group) + file.rows > rows_max:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def table_of(events: Sequence[tuple[Position, LoggedEvent]]) -> pa.Table:
    """SCHEMA."""
    rows = [
        (
            logged.event.event_id, logged.event.event_type, logged.event.user_id, logged.event.visitor_id,
            logged.event.time_s, position.ms,
            [{"item_id": item_id, "quantity": quantity} for item_id, quantity in logged.event.items],
            logged.event.search_query, logged.decision_id, logged.placement, logged.identity,
        )
        for position, logged in events
    ]  # fmt: skip
    columns = list(zip(*rows, strict=True))
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA)


def packed(day: date, span: Span, table: pa.Table) -> tuple[bytes, File]:
    """A file's bytes and its name. The same events give the same."""
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    data = out.getvalue()
    return data, File(day, span, len(table), hashlib.sha256(data).hexdigest()[:DIGEST_CHARS])


def count_by_type(table: pa.Table) -> dict[str, int]:
    """Events of each type."""
    found = table.group_by("event_type").aggregate([("event_type", "count")]).to_pylist()
    return {row["event_type"]: row["event_type_count"] for row in sorted(found, key=lambda row: row["event_type"])}
