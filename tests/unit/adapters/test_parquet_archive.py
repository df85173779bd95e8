"""Events in Parquet: once each, by day, whole, whatever a writer died of."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from serving.adapters import parquet_archive
from serving.adapters.archive_files import SCHEMA, count_by_type
from serving.adapters.parquet_archive import COMPACTING, ParquetArchive
from serving.core.errors import ArchiveUnavailable, Conflict, DataError, SettingError
from serving.events.log import LoggedEvent, Position, Span
from serving.events.types import UserEvent

NOON = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
DAY = date(2026, 11, 20)
DAY_S = 86_400


def event(number: int, time_s: int = NOON, kind: str = "purchase-complete") -> LoggedEvent:
    return LoggedEvent(UserEvent(f"e{number}", kind, "ada", "", time_s, (("mug", 2), ("tea", 1))), "ab" * 16, 4)


def put(archive: ParquetArchive, first: int, *events: LoggedEvent) -> int:
    """As a batch whose entries came one after another."""
    placed = [(Position(first + i, 0), one) for i, one in enumerate(events)]
    return archive.put(Span(placed[0][0], placed[-1][0]), placed)


def ids(archive: ParquetArchive) -> list[str]:
    return sorted(name for table in archive.tables() for name in table["event_id"].to_pylist())


@pytest.fixture
def archive(tmp_path: Path) -> ParquetArchive:
    return ParquetArchive(tmp_path / "events")


def test_events_stand_in_the_folder_of_their_day(archive: ParquetArchive, tmp_path: Path) -> None:
    """As other programs read them."""
    assert put(archive, 1000, event(1), event(2, NOON + DAY_S)) == 2
    assert archive.days() == [DAY, date(2026, 11, 21)]
    (path,) = (tmp_path / "events" / "day=2026-11-20").iterdir()
    table = pq.read_table(path)
    assert table.schema.remove_metadata().equals(SCHEMA) or set(SCHEMA.names) <= set(table.schema.names)
    row = archive.read(archive.files(DAY)[0]).to_pylist()[0]
    assert row["items"] == [{"item_id": "mug", "quantity": 2}, {"item_id": "tea", "quantity": 1}]
    assert row["event_time"] == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert row["received"] == datetime.fromtimestamp(1.0, UTC)
    assert (row["event_id"], row["user_id"], row["decision_id"], row["placement"]) == ("e1", "ada", "ab" * 16, 4)
    assert row["identity"] == event(1).identity


def test_an_event_told_again_is_kept_once(archive: ParquetArchive, tmp_path: Path) -> None:
    """In the same batch, in a later one, by another writer, and around midnight."""
    midnight = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp())
    assert put(archive, 1, event(1), event(1), event(2, midnight - 1)) == 2
    assert put(archive, 10, event(1), event(3)) == 1
    assert put(ParquetArchive(tmp_path / "events"), 20, event(2, midnight), event(3), event(4)) == 1
    assert ids(archive) == ["e1", "e2", "e3", "e4"]


def test_a_batch_given_again_changes_nothing(archive: ParquetArchive, tmp_path: Path) -> None:
    """Its writer died before it said so; some of its days may be there and some not."""
    batch = [event(1), event(2, NOON - DAY_S), event(3)]
    put(archive, 1, *batch)
    before = sorted(path.name for path in (tmp_path / "events").rglob("*.parquet"))
    (tmp_path / "events" / "day=2026-11-19" / archive.files(date(2026, 11, 19))[0].name).unlink()
    again = ParquetArchive(tmp_path / "events")
    assert put(again, 1, *batch) == 1
    assert sorted(path.name for path in (tmp_path / "events").rglob("*.parquet")) == before
    assert ids(again) == ["e1", "e2", "e3"]


def test_many_files_become_one(archive: ParquetArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_archive, "SMALL_FILES_MAX", 3)
    for number in range(3):
        put(archive, 10 * number, event(number))
    assert archive.compact(DAY) == 0
    put(archive, 30, event(3), event(4))
    assert archive.compact(DAY) == 3
    (file,) = archive.files(DAY)
    assert (file.rows, file.span) == (5, Span(Position(0, 0), Position(31, 0)))
    assert ids(archive) == ["e0", "e1", "e2", "e3", "e4"]
    assert put(archive, 40, event(2), event(5)) == 1


def test_files_do_not_grow_without_end(archive: ParquetArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_archive, "SMALL_FILES_MAX", 3)
    monkeypatch.setattr(parquet_archive, "ROWS_MAX", 4)
    for number in range(6):
        put(archive, 10 * number, event(2 * number), event(2 * number + 1))
    archive.compact(DAY)
    assert [file.rows for file in archive.files(DAY)] == [4, 4, 4]
    assert len(ids(archive)) == 12


@pytest.mark.parametrize("dies_at", range(8))
def test_a_compaction_that_dies_is_finished_later(
    archive: ParquetArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    """At every step; readers meanwhile see each event once."""
    monkeypatch.setattr(parquet_archive, "SMALL_FILES_MAX", 3)
    for number in range(4):
        put(archive, 10 * number, event(number))
    steps = 0

    def counted(work: object) -> object:
        def step(*arguments: object) -> object:
            nonlocal steps
            steps += 1
            if steps > dies_at:
                raise KeyboardInterrupt
            return work(*arguments)  # type: ignore[operator]

        return step

    with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt) if dies_at < 7 else monkeypatch.context():
        dying.setattr(archive, "_store", counted(archive._store))
        dying.setattr(archive, "_delete", counted(archive._delete))
        archive.compact(DAY)
    assert ids(ParquetArchive(tmp_path / "events")) == ["e0", "e1", "e2", "e3"]
    other = ParquetArchive(tmp_path / "events")
    other.compact(DAY)
    assert ids(other) == ["e0", "e1", "e2", "e3"]
    assert not list((tmp_path / "events").rglob(COMPACTING))
    assert put(other, 50, event(1), event(9)) == 1


def test_what_a_killed_writer_left_half_is_not_read_and_goes(archive: ParquetArchive, tmp_path: Path) -> None:
    put(archive, 1, event(1))
    draft = tmp_path / "events" / "day=2026-11-20" / ".1-0_2-0_9_0123456789abcdef.parquet.draft"
    draft.write_bytes(b"PAR1 half")
    (tmp_path / "events" / "notes.txt").write_text("not ours")
    assert ids(archive) == ["e1"]
    archive.compact(DAY)
    assert not draft.exists()


def test_a_file_that_was_changed_is_named(archive: ParquetArchive, tmp_path: Path) -> None:
    """Cut short, as a disk that is full leaves it."""
    put(archive, 1, event(1))
    (file,) = archive.files(DAY)
    path = tmp_path / "events" / file.path
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=file.name):
        archive.read(file)


def test_a_damaged_file_keeps_no_other_events_out(
    archive: ParquetArchive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(archive, 1, event(1))
    (file,) = archive.files(DAY)
    (tmp_path / "events" / file.path).write_bytes(b"PAR1 what is left of it")
    assert put(ParquetArchive(tmp_path / "events"), 10, event(2)) == 1
    assert file.name in caplog.text


def test_a_writer_that_must_stop_changes_nothing(archive: ParquetArchive) -> None:
    def stop() -> None:
        raise Conflict("another process moves the event log")

    put(archive, 1, event(1))
    archive.before_change = stop
    with pytest.raises(Conflict):
        put(archive, 10, event(2))
    assert ids(archive) == ["e1"]


def test_a_place_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"events\.archive ftp://shop/events: expected a folder, or s3://"):
        ParquetArchive("ftp://shop/events")
    (tmp_path / "file").write_text("a file where the folder should be")
    with pytest.raises(ArchiveUnavailable, match="the archive"):
        put(ParquetArchive(tmp_path / "file"), 1, event(1))


def test_days_can_be_chosen_and_types_counted(archive: ParquetArchive) -> None:
    put(archive, 1, event(1), event(2, NOON + DAY_S, "search"), event(3, NOON + 2 * DAY_S))
    tables = list(archive.tables(date(2026, 11, 21), date(2026, 11, 21)))
    assert [count_by_type(table) for table in tables] == [{"search": 1}]
    assert json.dumps(archive.place)  # a text, for people
