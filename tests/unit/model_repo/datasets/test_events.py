"""The event log as rows to learn from: all of them, once, in an order that depends on the events alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from model_repo.datasets.events import SESSION_GAP_S, Log, read_log, sessions
from serving.adapters.parquet_archive import ParquetArchive
from serving.core.errors import DataError
from serving.events.log import LoggedEvent, Position, Span
from serving.events.records import RECORD, encode
from serving.events.types import EVENT_TYPES, TYPE_CODES, UserEvent

NOON = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
DAY_S = 86_400


def event(number: int, kind: str, user: str = "", visitor: str = "", time_s: int = NOON, items: str = "") -> UserEvent:
    return UserEvent(f"e{number}", kind, user, visitor, time_s, tuple((item, 1 + at) for at, item in enumerate(items)))


EVENTS = (
    event(1, "detail-page-view", "ada", items="a"),
    event(2, "purchase-complete", "ada", time_s=NOON + 60, items="ab"),
    event(3, "add-to-cart", visitor="ada", time_s=NOON - DAY_S, items="c"),
    event(4, "recommendation-impression", "ada", items="abc"),
    event(5, "home-page-view", "bob"),
    event(6, "return", "bob", time_s=NOON + DAY_S, items="b"),
)


def archive_of(folder: Path, *batches: tuple[UserEvent, ...]) -> ParquetArchive:
    archive = ParquetArchive(folder / "events")
    for number, batch in enumerate(batches):
        placed = [(Position(1000 * number + at, 0), LoggedEvent(one)) for at, one in enumerate(batch, 1)]
        archive.put(Span(placed[0][0], placed[-1][0]), placed)
    return archive


def told(log: Log) -> list[tuple[str, str, int, str, int]]:
    return [
        (log.owners[o], log.items[i], t, EVENT_TYPES[k], q)
        for o, i, t, k, q in zip(log.owner, log.item, log.time_s, log.type, log.quantity, strict=True)
    ]


def same(one: Log, other: Log) -> bool:
    columns = ("owner", "item", "time_s", "type", "quantity", "mark")
    return (one.owners, one.items) == (other.owners, other.items) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in columns
    )


def test_a_row_an_item_of_what_visitors_did(tmp_path: Path) -> None:
    """Users and visitors apart, by time; nothing of what the shop did, nor of events about no item."""
    log = read_log(archive_of(tmp_path, EVENTS), days=30, rows_max=1000)
    rows = told(log)
    assert sorted(rows) == sorted([
        ("v:ada", "c", NOON - DAY_S, "add-to-cart", 1),
        ("u:ada", "a", NOON, "detail-page-view", 1),
        ("u:ada", "a", NOON + 60, "purchase-complete", 1),
        ("u:ada", "b", NOON + 60, "purchase-complete", 2),
        ("u:bob", "b", NOON + DAY_S, "return", 1),
    ])  # fmt: skip
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)
    assert [(day.day.day, day.files, day.events) for day in log.days] == [(19, 1, 1), (20, 1, 4), (21, 1, 1)]


def test_marks_are_those_of_the_stored_records(tmp_path: Path) -> None:
    """So that a profile made of the log is known to the store."""
    log = read_log(archive_of(tmp_path, EVENTS), days=30, rows_max=1000)
    stored = {int(mark) for one in EVENTS for mark in np.frombuffer(encode(one), RECORD)["event"]}
    assert {int(mark) for mark in log.mark} <= stored
    by_item = {
        (EVENT_TYPES[kind], log.items[item]): int(mark)
        for kind, item, mark in zip(log.type, log.item, log.mark, strict=True)
    }
    bought = np.frombuffer(encode(EVENTS[1]), RECORD)["event"].tolist()
    assert [by_item["purchase-complete", "a"], by_item["purchase-complete", "b"]] == bought


def test_how_the_files_lie_does_not_matter(tmp_path: Path) -> None:
    """In one batch or one by one, in another order: the same rows."""
    whole = read_log(archive_of(tmp_path / "one", EVENTS), days=30, rows_max=1000)
    apart = read_log(archive_of(tmp_path / "many", *((one,) for one in reversed(EVENTS))), days=30, rows_max=1000)
    assert same(whole, apart)


def test_before_is_as_if_the_log_had_ended(tmp_path: Path) -> None:
    log = read_log(archive_of(tmp_path, EVENTS), days=30, rows_max=1000).before(NOON + 60)
    assert [row[3] for row in told(log)] == ["add-to-cart", "detail-page-view"]


def test_only_the_newest_days_are_read(tmp_path: Path) -> None:
    """By the window, and by the bound on rows: whole days, the newest first."""
    archive = archive_of(tmp_path, EVENTS)
    assert [day.day.day for day in read_log(archive, days=1, rows_max=1000).days] == [21]
    few = read_log(archive, days=30, rows_max=2)
    assert [day.day.day for day in few.days] == [20, 21]
    assert few.days_left_out == 1


def test_an_empty_archive_is_an_empty_log(tmp_path: Path) -> None:
    log = read_log(ParquetArchive(tmp_path / "nothing"), days=30, rows_max=1000)
    assert (len(log), log.days, log.owners) == (0, (), ())


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, EVENTS)
    path = next((tmp_path / "events" / "day=2026-11-20").iterdir())
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DataError, match=path.name):
        read_log(archive, days=30, rows_max=1000)


def test_a_session_ends_with_a_gap() -> None:
    """An owner's rows without one are one session; owners never share one."""
    owner = np.array([0, 1, 0, 0, 1], np.int32)
    time_s = np.array([0, 10, SESSION_GAP_S, 2 * SESSION_GAP_S + 1, 20], np.int64)
    found = sessions(owner, time_s)
    assert found[0] == found[2]
    assert found[1] == found[4]
    assert len({int(found[0]), int(found[1]), int(found[3])}) == 3


def test_every_type_has_its_code(tmp_path: Path) -> None:
    log = read_log(archive_of(tmp_path, EVENTS), days=30, rows_max=1000)
    assert {int(code) for code in log.type} == {
        TYPE_CODES[name] for name in ("add-to-cart", "detail-page-view", "purchase-complete", "return")
    }
