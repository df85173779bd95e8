"""The archive of events in an object store: the same promises as on a disk, over a real S3 API."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyarrow import fs
from s3 import ENVIRONMENT, S3

from loadtests import event_kills
from serving.adapters import object_stores, parquet_archive
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.event_mover import Moving
from serving.adapters.parquet_archive import COMPACTING, ParquetArchive
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_event_log import RedisEventLog
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.errors import ArchiveUnavailable, DataError, NotInstalled, SettingError
from serving.events.log import LoggedEvent, Position, Span, encode_logged
from serving.events.records import encode
from serving.events.types import UserEvent

pytestmark = pytest.mark.timeout(120)
NOON_S = 1_763_640_000
SECRET = ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]
_numbers = itertools.count()


def event(number: int, time_s: int = NOON_S) -> LoggedEvent:
    return LoggedEvent(UserEvent(f"e{number}", "purchase-complete", "ada", "", time_s, (("mug", 2),)), "ab" * 16, 4)


def put(archive: ParquetArchive, first: int, *events: LoggedEvent) -> int:
    placed = [(Position(first + at, 0), one) for at, one in enumerate(events)]
    return archive.put(Span(placed[0][0], placed[-1][0]), placed)


def ids(archive: ParquetArchive) -> list[str]:
    return sorted(name for table in archive.tables() for name in table["event_id"].to_pylist())


@pytest.fixture
def bucket() -> str:
    return f"shop-{next(_numbers)}"


@pytest.fixture
def files(s3: S3, bucket: str) -> fs.S3FileSystem:
    return s3.bucket(bucket)


@pytest.fixture
def open_archive(s3: S3, bucket: str, files: fs.S3FileSystem) -> Callable[[], ParquetArchive]:
    return lambda: ParquetArchive(s3.uri(f"{bucket}/events"))


def names(files: fs.S3FileSystem, folder: str) -> list[str]:
    found = files.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
    return sorted(info.base_name for info in found if info.type == fs.FileType.File)


def test_events_are_kept_once_and_read_back(open_archive: Callable[[], ParquetArchive]) -> None:
    """By day; told again in the same batch, in a later one and by another writer."""
    archive = open_archive()
    assert archive.days() == []
    assert put(archive, 1, event(1), event(1), event(2, NOON_S + 86_400)) == 2
    assert put(archive, 10, event(1), event(3)) == 1
    assert put(open_archive(), 20, event(3), event(4)) == 1
    assert len(archive.days()) == 2
    assert ids(open_archive()) == ["e1", "e2", "e3", "e4"]
    row = archive.read(archive.files(archive.days()[0])[0]).to_pylist()[0]
    assert (row["event_id"], row["items"]) == ("e1", [{"item_id": "mug", "quantity": 2}])


def test_many_files_become_one(
    open_archive: Callable[[], ParquetArchive], files: fs.S3FileSystem, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_archive, "SMALL_FILES_MAX", 3)
    archive = open_archive()
    for number in range(5):
        put(archive, 10 * number, event(number))
    (day,) = archive.days()
    assert archive.compact(day) == 4
    assert len(names(files, bucket)) == 1
    assert ids(archive) == [f"e{number}" for number in range(5)]
    assert put(open_archive(), 90, event(2), event(7)) == 1


@pytest.mark.parametrize("dies_at", range(5))
def test_a_compaction_that_dies_is_finished_later(
    open_archive: Callable[[], ParquetArchive],
    files: fs.S3FileSystem,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    dies_at: int,
) -> None:
    """At every step; readers meanwhile see each event once."""
    monkeypatch.setattr(parquet_archive, "SMALL_FILES_MAX", 3)
    archive, wanted = open_archive(), [f"e{number}" for number in range(4)]
    for number in range(4):
        put(archive, 10 * number, event(number))
    (day,) = archive.days()
    steps = itertools.count()

    def step() -> None:
        if next(steps) >= dies_at:
            raise KeyboardInterrupt

    archive.before_change = step
    with pytest.raises(KeyboardInterrupt):
        archive.compact(day)
    assert ids(open_archive()) == wanted
    open_archive().compact(day)
    assert ids(open_archive()) == wanted
    assert COMPACTING not in names(files, bucket)


def test_what_a_killed_writer_has_sent_of_a_file_is_seen_by_nobody(
    s3: S3, open_archive: Callable[[], ParquetArchive], files: fs.S3FileSystem, bucket: str
) -> None:
    """A multipart upload of which some parts are there and whose end never comes."""
    archive = open_archive()
    put(archive, 1, event(1))
    (day,) = archive.days()
    name = f"{bucket}/events/day={day}/5-0_6-0_2_0123456789abcdef.parquet"
    script = (
        "import sys, os\nfrom pyarrow import fs\n"
        "files, _ = fs.FileSystem.from_uri(sys.argv[1])\n"
        "stream = files.open_output_stream(sys.argv[2])\n"
        "for _ in range(3): stream.write(os.urandom(6 << 20))\n"
        "print('half', flush=True)\nsys.stdin.read()\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script, s3.uri(bucket), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"half\n"
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdin.close()
    writer.stdout.close()
    assert len(names(files, bucket)) == 1
    assert ids(open_archive()) == ["e1"]


def test_a_file_that_was_changed_or_cut_is_named(
    open_archive: Callable[[], ParquetArchive], files: fs.S3FileSystem, bucket: str
) -> None:
    archive = open_archive()
    put(archive, 1, event(1))
    (day,) = archive.days()
    (file,) = archive.files(day)
    path = f"{bucket}/events/{file.path}"
    with files.open_input_stream(path) as stream:
        content = stream.read()
    with files.open_output_stream(path) as stream:
        stream.write(content[:-20])
    with pytest.raises(DataError, match=file.name) as caught:
        open_archive().read(file)
    assert "endpoint_override" not in caught.value.message
    assert put(open_archive(), 10, event(2)) == 1, "it keeps no other event out"


def test_killed_movers_lose_nothing_and_keep_nothing_twice(s3: S3, tmp_path: Path) -> None:
    """A few of the kills of `python -m loadtests.event_kills --archive s3://...`."""
    s3.bucket("kills")
    found = event_kills.run(8, 3, tmp_path, archive=s3.uri("kills/events"))
    assert (found.lost, found.twice, found.changed) == (0, 0, 0)
    assert found.kills > 0
    assert found.archived == found.written > 50


def test_a_store_that_is_away_keeps_events_waiting(s3: S3, tmp_path: Path) -> None:
    """Its bucket is gone between two moves; what was written meanwhile is moved when there is one again."""
    files = s3.bucket("away")
    archive = ParquetArchive(s3.uri("away/events"))
    assert archive.place == "s3://away/events"
    with closing(EmbeddedRedis(tmp_path)) as redis:
        server = RedisServer(redis.url)
        with (
            closing(RedisProfiles(server, read_timeout_s=2, write_timeout_s=2)) as store,
            closing(RedisEventLog(server)) as stream,
        ):
            assert store.wait_ready(5)
            assert stream.wait_ready(5)
            moving = Moving(stream, archive, 100)

            def write(number: int) -> None:
                one = event(number)
                store.append([(one.event.profile_key, encode(one.event))], 2.0, [encode_logged(one)])

            write(1)
            moving.run()
            files.delete_dir_contents("away")
            files.delete_dir("away")
            write(2)
            with pytest.raises(ArchiveUnavailable) as caught:
                moving.run()
            assert SECRET not in caught.value.message
            assert stream.waiting == 1
            s3.bucket("away")
            assert moving.run().events == 1
            assert ids(archive) == ["e2"]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("ftp://host/events", "expected a folder, or s3://"),
        ("hdfs://host/events", "expected a folder, or s3://"),
        ("s3://", "expected a folder, or s3://"),
        ("s3://key:pass-word-of-mine@bad bucket/a?region=x", "expected a folder, or s3://"),
        ("s3://bucket/a?colour=pass-word-of-mine", "expected a folder, or s3://"),
    ],
)
def test_a_place_that_cannot_be_is_a_bad_setting(place: str, expected: str) -> None:
    """Which names the key, and no key of the store."""
    with pytest.raises(SettingError, match=expected) as caught:
        ParquetArchive(place)
    assert "events.archive" in caught.value.message
    assert "pass-word-of-mine" not in caught.value.message


def test_a_store_that_must_be_asked_and_does_not_answer_is_asked_again(
    s3: S3, bucket: str, files: fs.S3FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a bucket is, when a gateway starts: it starts all the same, and its events wait."""
    asked = []

    def from_uri(uri: str, real: Callable[[str], object] = fs.FileSystem.from_uri) -> object:
        asked.append(uri)
        if len(asked) < 3:
            raise OSError(f"When resolving region for bucket of {uri}: curlCode: 6, Could not resolve hostname")
        return real(uri)

    monkeypatch.setattr(object_stores.fs, "FileSystem", SimpleNamespace(from_uri=from_uri))
    archive = ParquetArchive(s3.uri(f"{bucket}/events"))
    with pytest.raises(ArchiveUnavailable, match="Could not resolve hostname") as caught:
        put(archive, 1, event(1))
    assert "endpoint_override" not in caught.value.message
    monkeypatch.undo()
    assert put(archive, 1, event(1)) == 1


@pytest.mark.parametrize("scheme", sorted(object_stores.STORES))
def test_a_store_that_pyarrow_was_built_without_says_what_to_install(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(fs, object_stores.STORES[scheme][0], raising=False)
    with pytest.raises(NotInstalled, match="pip install") as caught:
        ParquetArchive(f"{scheme}://bucket/events")
    assert json.dumps(caught.value.facts)
    assert "pyarrow" in caught.value.facts["install"]
