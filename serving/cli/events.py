"""`storegate events`: the archive of everything that was done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.markup import escape
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from serving.adapters.embedded_redis import EmbeddedRedis
from serving.cli.common import client_of, err, out, say, target_of, with_settings
from serving.core.errors import DataError, InvalidInput, StoreUnavailable
from serving.core.uris import is_uri, visible
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.cli.event_import import Progress

WAIT_S = 5.0
LINE_S = 5.0
"""Between two lines of progress in a log."""
SHOWN_MAX = 20
"""Refused rows that are printed."""


def progress_bar(unit: str = "rows") -> Bar:
    """On standard error; where it is no terminal, see Lines."""
    return Bar(
        TextColumn("{task.description}"), BarColumn(), TextColumn(f"{{task.completed:,}} {unit}"), TimeElapsedColumn(),
        console=err, transient=not err.is_terminal,
    )  # fmt: skip


class Lines:
    """Progress in a log, where no bar can be drawn: a line now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + LINE_S

    def tell(self, text: str) -> None:
        if not err.is_terminal and time.monotonic() >= self._next:
            say(text)
            self._next = time.monotonic() + LINE_S


@click.group()
def events() -> None:
    """Events by day, in Parquet.

    \b
    storegate events import clicks.csv --report refused.csv
    storegate events import s3://exports/clicks/
    storegate events show
    storegate events move
    storegate events counters --check
    """


@events.command()
@with_settings()
def show(settings: Settings) -> None:
    """Days, files and events of the archive; reads every file and compares its checksum."""
    from serving.adapters.archive_files import count_by_type
    from serving.stores import event_archive

    archive = event_archive(settings)
    table = Table(box=box.SIMPLE, title=f"events in {archive.place}")
    for column in ("day", "files", "events", "of them", "damaged"):
        table.add_column(column, justify="left" if column in ("day", "of them") else "right")
    damaged = 0
    for day in archive.days():
        counts: dict[str, int] = {}
        bad = []
        files = archive.files(day)
        for file in files:
            try:
                for name, count in count_by_type(archive.read(file)).items():
                    counts[name] = counts.get(name, 0) + count
            except DataError as error:
                bad.append(error.message)
        damaged += len(bad)
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
        table.add_row(str(day), f"{len(files):,}", f"{sum(counts.values()):,}", told, str(len(bad) or ""))
        for message in bad:
            out.print(message, markup=False)
    out.print(table)
    if damaged:
        raise click.ClickException(f"{damaged} files are not what they were when they were written")


@events.command()
@with_settings()
def move(settings: Settings) -> None:
    """Moves what waits in Redis to the archive, erases who is to be erased, and ends.

    For schedules, where the launcher does not (move_s 0).
    """
    from serving.adapters.event_mover import Moving
    from serving.adapters.redis_connection import RedisServer
    from serving.adapters.redis_event_log import RedisEventLog
    from serving.stores import counting, event_archive, user_erasing

    embedded = None if settings.redis.url else EmbeddedRedis(settings.home)
    server = RedisServer(embedded.url if embedded else settings.redis.url)
    stream, erasing = RedisEventLog(server, prefix=settings.redis.prefix), user_erasing(settings, server)
    try:
        if not (stream.wait_ready(WAIT_S) and erasing.wait_ready(WAIT_S)):
            raise StoreUnavailable(f"redis: no connection within {WAIT_S:g} s")
        archive = event_archive(settings)
        moving = Moving(
            stream, archive, settings.events.move_rows_max, erasing=erasing, counting=counting(settings, archive)
        )
        moved = moving.run()
        moving.close()
    finally:
        stream.close()
        erasing.close()
        if embedded:
            embedded.close()
    erased = f", {moved.erased:,} erasures completed" if moved.erased else ""
    out.print(f"{moved.entries:,} entries moved, {moved.events:,} of them new events{erased}")


@events.command()
@click.option("--top", default=10, show_default=True, type=click.IntRange(1, 1000), help="Rows of each table.")
@click.option("--check", is_flag=True, help="Count the archive anew and compare; ends with 1 where they differ.")
@with_settings()
def counters(settings: Settings, top: int, check: bool) -> None:
    """What is counted of the archive: what trends, what is viewed together, what was seen out of stock."""
    from serving.cli.event_counters import checked, shown
    from serving.stores import counter_files, event_archive

    files = counter_files(settings)
    if files is None:
        raise click.ClickException("nothing is counted: events.counters is empty")
    if check:
        problems = checked(event_archive(settings), files, settings.events)
        for problem in problems:
            out.print(problem, markup=False, highlight=False)
        if problems:
            raise click.ClickException("the counters are not what a recount gives")
        out.print("the counters are what a recount of the archive gives", markup=False)
        return
    files.look()
    if files.live is None:
        raise click.ClickException(f"nothing is counted yet in {files.folder}: see events.move_s")
    for table in shown(files, top):
        out.print(table)


@events.command("import")
@click.argument("source")
@click.option("--server-side", is_flag=True, help="The gateway reads it, below its import folder. [for a URI]")
@click.option("--durable", is_flag=True, help="Each portion is on the store's disk before the next one is sent.")
@click.option("--again", is_flag=True, help="From the beginning, where an import of this was cut short.")
@click.option(
    "--report", "--refused", type=click.Path(path_type=Path, dir_okay=False), help="A CSV file for the refused rows."
)
@click.option("--overwrite", is_flag=True, help="Replaces a report that is there.")
@click.option("--target", help="host:port of the gateway. [the one that runs on this home]")
@with_settings()
def import_(
    settings: Settings,
    source: str,
    server_side: bool,
    durable: bool,
    again: bool,
    report: Path | None,
    overwrite: bool,
    target: str | None,
) -> None:
    """Events of .jsonl, .csv (.gz allowed) or .parquet files to a running gateway; safe to repeat, and goes on where it
    stopped.

    \b
    storegate events import clicks.csv                        a file of yours is sent
    storegate events import --server-side "clicks/*.csv"      the gateway reads them: a file, a folder, a pattern
    storegate events import s3://exports/clicks/              likewise, below one of its events.import_uris

    JSON lines: UserEvents in protobuf's JSON mapping. CSV and Parquet: columns eventType, userId or visitorId,
    eventTime, itemId and quantity (or items, "a=2; b"), searchQuery, eventId. Rows without an eventId get one from what
    they say. Ends with 1 when rows were refused.
    """
    from serving.cli.event_import import Import
    from serving.cli.import_state import check_report, write_report
    from serving.cli.server_import import ServerImport

    server_side = server_side or is_uri(source)
    if not server_side and not Path(source).is_file():
        raise InvalidInput("file", source, "a file that is there, a URI, or --server-side for the gateway's own files")
    shown = 0
    with client_of(settings, target_of(settings, target)) as client, progress_bar() as bar:
        said = {"durable": durable, "again": again}
        work = (
            ServerImport.of(source, client, target or "here", settings.home, **said)
            if server_side
            else Import.of(Path(source), client, target or "here", settings.home, **said)
        )
        goes_on = work.progress.rows > 0
        if report:
            check_report(report, goes_on=goes_on, overwrite=overwrite)
        task = bar.add_task(escape(f"importing {visible(source)}"), total=None, completed=work.progress.rows)

        lines = Lines()

        def told(progress: Progress) -> None:
            bar.update(task, completed=progress.rows, description=escape(progress.said()))
            lines.tell(progress.said())

        refused = work.run(told)
        for one in write_report(report, refused, goes_on=goes_on) if report else refused:
            shown += 1
            if shown <= SHOWN_MAX:
                where = f"{one.file}, row {one.row}" if server_side else f"row {one.row}"
                bar.console.print(f"{where}: {one.reason}: {one.message}", markup=False, highlight=False)
    done = work.progress
    out.print(f"{done.rows:,} rows, {done.stored:,} new events, {done.refused:,} refused", highlight=False)
    if done.refused:
        where = f"see {report}" if report else "--report FILE keeps them all"
        raise click.ClickException(f"{done.refused} rows were refused: {where}")
