"""`storegate events`: the archive of everything that was done."""

from __future__ import annotations

import click
from rich import box
from rich.table import Table

from serving.adapters.embedded_redis import EmbeddedRedis
from serving.cli.common import out, with_settings
from serving.core.errors import DataError, StoreUnavailable
from serving.settings import Settings

WAIT_S = 5.0


@click.group()
def events() -> None:
    """Events by day, in Parquet.

    \b
    storegate events show
    storegate events move
    """


@events.command()
@with_settings()
def show(settings: Settings) -> None:
    """Days, files and events of the archive; reads every file and compares its checksum."""
    from serving.adapters.parquet_archive import count_by_type
    from serving.app import event_archive

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
    """Moves what waits in Redis to the archive, and ends: for schedules, where the launcher does not (move_s 0)."""
    from serving.adapters.event_mover import Moving
    from serving.adapters.redis_connection import RedisServer
    from serving.adapters.redis_event_log import RedisEventLog
    from serving.app import event_archive

    embedded = None if settings.redis.url else EmbeddedRedis(settings.home)
    stream = RedisEventLog(RedisServer(embedded.url if embedded else settings.redis.url), prefix=settings.redis.prefix)
    try:
        if not stream.wait_ready(WAIT_S):
            raise StoreUnavailable(f"redis: no connection within {WAIT_S:g} s")
        moved = Moving(stream, event_archive(settings), settings.events.move_rows_max).run()
    finally:
        stream.close()
        if embedded:
            embedded.close()
    out.print(f"{moved.entries:,} entries moved, {moved.events:,} of them new events")
