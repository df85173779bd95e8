"""Where imports may read: below a folder and below the URIs of the settings, and nowhere else."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs
from s3 import ENVIRONMENT, PYTHON, S3, s3_server

from serving.adapters import import_files
from serving.adapters.import_files import ImportFiles
from serving.adapters.object_stores import STORES
from serving.core.errors import (
    FilesUnavailable,
    InvalidInput,
    NotFound,
    NotInstalled,
    SettingError,
)
from serving.core.row_files import LineError
from serving.events.import_contract import ImportEvents
from serving.transport.event_rows import event_columns, write_rows

pytestmark = pytest.mark.timeout(60)
EVENT = b"eventType,userId\nhome-page-view,ada\n"
NOW_S = 1_764_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a secret beside it, and a way to it."""
    (tmp_path / "secret.csv").write_bytes(EVENT)
    home = tmp_path / "imports"
    (home / "clicks" / "deep").mkdir(parents=True)
    for name in ("a.csv", "clicks/2.csv", "clicks/1.csv", "clicks/deep/3.csv", "clicks/_SUCCESS", "clicks/b.jsonl"):
        (home / name).write_bytes(EVENT)
    (home / "link.csv").symlink_to(tmp_path / "secret.csv")
    return home


def names(found: ImportFiles, uri: str) -> list[str]:
    return [file.name for file in found.find(uri)]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("a.csv", ["a.csv"]),
        ("./a.csv", None),
        ("clicks/*.csv", ["clicks/1.csv", "clicks/2.csv"]),
        ("clicks/[2-9].csv", ["clicks/2.csv"]),
        ("*/deep/?.csv", ["clicks/deep/3.csv"]),
        ("clicks/deep", ["clicks/deep/3.csv"]),
        ("clicks/deep/", ["clicks/deep/3.csv"]),
        ("clicks", ["clicks/1.csv", "clicks/2.csv", "clicks/b.jsonl", "clicks/deep/3.csv"]),
        ("link.csv", None),
        ("../secret.csv", None),
        ("clicks/../../secret.csv", None),
        ("*/../../secret.csv", None),
        ("/etc/passwd", None),
        ("file:///etc/passwd", None),
        ("a%2ecsv", None),
        ("clicks/_SUCCESS", None),
        ("clicks/9*.csv", None),
        ("nothing.csv", None),
        ("a.csv/b.csv", None),
        ("a\0.csv", None),
        ("x" * 3000 + ".csv", None),
    ],
)
def test_files_of_the_folder(folder: Path, uri: str, expected: list[str] | None) -> None:
    """By name, folders with all that is below; links and paths do not lead out."""
    found = ImportFiles(folder, ())
    if expected is None:
        with pytest.raises((InvalidInput, NotFound)):
            found.find(uri)
    else:
        assert names(found, uri) == expected


def test_a_file_that_links_lead_to_is_one_file(folder: Path) -> None:
    (folder / "clicks" / "round").symlink_to(".")
    (folder / "clicks" / "again.csv").symlink_to("1.csv")
    expected = ["clicks/1.csv", "clicks/2.csv", "clicks/b.jsonl", "clicks/deep/3.csv"]
    assert names(ImportFiles(folder, ()), "clicks") == expected


def test_an_absolute_path_and_a_file_uri_are_the_same_file(folder: Path) -> None:
    found = ImportFiles(folder, ())
    assert names(found, str(folder / "a.csv")) == names(found, f"file://{folder}/a.csv") == ["a.csv"]
    assert found.find("a.csv")[0].open().read() == EVENT


def test_too_many_files_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_files, "FILES_MAX", 3)
    with pytest.raises(InvalidInput, match="at most 3"):
        ImportFiles(folder, ()).find("clicks")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://other/a.csv", "events.import_uris"),
        ("s3://bucket/internal/a.csv", "events.import_uris"),
        ("s3://bucket/export-of-others/a.csv", "events.import_uris"),
        ("s3://bucket/export/../internal/a.csv", "without the parts"),
        ("s3://bucket/export/%2e%2e/internal/a.csv", "without the parts"),
        ("s3://bucket/export/a.csv?endpoint_override=elsewhere", "without keys and options"),
        ("s3://key:secret-of-mine@bucket/export/a.csv", "without keys and options"),
        ("gs://bucket/export/a.csv", "events.import_uris"),
        ("https://host/a.csv", "a path below the import folder, or a URI of s3://"),
    ],
)
def test_a_caller_reaches_only_what_the_settings_name(tmp_path: Path, uri: str, expected: str) -> None:
    """And gives the store no options: with an endpoint of his choice he would be sent the gateway's signature."""
    with pytest.raises(InvalidInput, match=expected) as caught:
        ImportFiles(tmp_path, ("s3://bucket/export/?region=x",)).find(uri)
    assert "secret-of-mine" not in caught.value.message


def test_a_setting_of_no_kind_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"events\.import_uris http://host/a: expected URIs of s3://"):
        ImportFiles(tmp_path, ("http://host/a?key=1",))


@pytest.mark.parametrize("scheme", sorted(STORES))
def test_a_store_that_is_not_installed_says_what_to_install(
    tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(fs, STORES[scheme][0], raising=False)
    with pytest.raises(NotInstalled, match="pip install"):
        ImportFiles(tmp_path, (f"{scheme}://bucket/in",)).find(f"{scheme}://bucket/in/a.csv")


def stored(found: ImportFiles, uri: str, skip: int = 0) -> list[str]:
    """What became of the rows of all files."""
    rows = []
    for file in found.find(uri):
        event_columns(file)
        rows += [row.found for row in write_rows(file, skip, ImportEvents(uri), NOW_S)]
    assert not any(isinstance(row, LineError) for row in rows)
    return [row.event.user_id for row in rows]  # type: ignore[union-attr]


def test_files_of_an_object_store(s3: S3, tmp_path: Path) -> None:
    """Of all kinds, packed, by folder and by pattern."""
    files = s3.bucket("exports")
    table = pa.table({"eventType": ["home-page-view"] * 3, "userId": ["u0", "u1", "u2"]})
    pq.write_table(table, "exports/in/p/a.parquet", filesystem=files)
    contents = {
        "in/c/1.csv": b"eventType,userId\nhome-page-view,bob\n",
        "in/c/2.csv": EVENT,
        "in/z/a.csv.gz": gzip.compress(EVENT + b"home-page-view,cleo\n" * 50_000),
        "in/j/a.jsonl": b'{"eventType": "home-page-view", "userId": "ada"}\n' * 3,
        "private/a.csv": EVENT,
    }
    for name, content in contents.items():
        with files.open_output_stream(f"exports/{name}", compression=None) as stream:
            stream.write(content)
    found = ImportFiles(tmp_path, (s3.uri("exports/in"),))
    assert names(found, "s3://exports/in/c") == ["s3://exports/in/c/1.csv", "s3://exports/in/c/2.csv"]
    assert stored(found, "s3://exports/in/c/*.csv") == ["bob", "ada"]
    assert stored(found, "s3://exports/in/p/a.parquet", 1) == ["u1", "u2"]
    assert stored(found, "s3://exports/in/j") == ["ada"] * 3
    assert stored(found, "s3://exports/in/z/", 49_999) == ["cleo"] * 2
    with pytest.raises(NotFound, match="s3://exports/in/none"):
        found.find("s3://exports/in/none")
    with pytest.raises(InvalidInput, match="import_uris"):
        found.find("s3://exports/private/a.csv")


def test_a_bucket_that_is_not_there_can_be_asked_for_again(s3: S3, tmp_path: Path) -> None:
    found = ImportFiles(tmp_path, (s3.uri("never/in"),))
    with pytest.raises((FilesUnavailable, NotFound)) as caught:
        found.find("s3://never/in/a.csv")
    assert "s3://never/in/a.csv" in caught.value.message
    s3.bucket("never")
    with pytest.raises(NotFound):
        found.find("s3://never/in/a.csv")


def test_a_store_that_goes_away_in_the_midst_is_not_a_damaged_file(tmp_path: Path) -> None:
    """Its server is killed between two reads."""
    if not PYTHON.exists():
        pytest.skip(f"no S3 server in {PYTHON.parents[1]}")
    with s3_server() as server:
        files = server.bucket("leaving")
        with files.open_output_stream("leaving/in/a.csv") as stream:
            stream.write(EVENT + b"home-page-view,bob\n" * 400_000)
        found = ImportFiles(tmp_path, (server.uri("leaving/in"),))
        rows = write_rows(found.find("s3://leaving/in")[0], 0, ImportEvents(""), NOW_S)
        assert next(rows).row == 1
        server.process.kill()
        server.process.wait()
        with pytest.raises(FilesUnavailable, match=r"s3://leaving/in/a\.csv") as caught:
            for _ in rows:
                pass
        assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in caught.value.message
