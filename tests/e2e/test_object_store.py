"""A whole gateway whose archive and whose files to import lie in an object store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from e2e.conftest import PATIENT, SERVE
from e2e.gateways import awaited, command, gateway
from s3 import ENVIRONMENT, S3

from serving.adapters.parquet_archive import ParquetArchive

SECRET = ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]


def test_events_of_files_in_a_bucket_end_in_the_archive_in_a_bucket(
    new_home: Callable[[], Path], s3: S3, tmp_path: Path
) -> None:
    """Imported by the gateway, moved by its mover, shown by the command line; no key is shown anywhere."""
    files, home, report = s3.bucket("whole"), new_home(), tmp_path / "refused.csv"
    for name, rows in (("1", "e1,home-page-view,ada\ne2,click,ada\n"), ("2", "e3,home-page-view,bob\n")):
        with files.open_output_stream(f"whole/in/{name}.csv") as stream:
            stream.write(f"eventId,eventType,userId\n{rows}".encode())
    archive = s3.uri("whole/events")
    settings = PATIENT | {"events.archive": archive, "events.import_uris": s3.uri("whole/in"), "events.move_s": 0.2}
    with gateway(home, *SERVE["local"], settings=settings) as running:
        done = command(home, "events", "import", "s3://whole/in/", "--report", str(report))
        assert (done.returncode, done.stdout.strip()) == (1, "3 rows, 2 new events, 1 refused"), done.stderr
        assert "s3://whole/in/1.csv,2,3,e2,event.event_type,UNKNOWN_EVENT_TYPE" in report.read_text()
        again = command(home, "events", "import", "s3://whole/in/", "--report", str(report))
        assert "--overwrite" in again.stderr

        def archived() -> list[str]:
            return sorted(name for table in ParquetArchive(archive).tables() for name in table["event_id"].to_pylist())

        awaited(lambda: archived() == ["e1", "e3"], "the archive has both events")
        said = running.said
    variables = {"STOREGATE__EVENTS__ARCHIVE": archive}
    shown, told = (command(home, *words, **variables) for words in (("events", "show"), ("settings",)))
    assert "s3://whole/events" in shown.stdout
    assert "home-page-view 2" in " ".join(shown.stdout.split())
    for text in (said, shown.stdout, shown.stderr, done.stderr, told.stdout):
        assert SECRET not in text
        assert "endpoint_override" not in text
