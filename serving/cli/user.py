"""`storegate user`: all that is stored of somebody, and erasing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table

from serving.cli.common import client_of, err, out, target_of, with_settings
from serving.core.errors import InvalidInput
from serving.settings import Settings

SHOWN_MAX = 20
"""Erasures that are printed one by one; a sum of all follows."""
COUNTS = ("profile_records", "decisions", "events", "history_records", "files")


@click.group()
def user() -> None:
    """Export and erasure, over a running gateway.

    \b
    storegate user export 17850 --out 17850.jsonl
    storegate user erase 17850 --wait
    storegate user erase --file gone.txt --wait
    """


@user.command()
@click.argument("user_id", metavar="ID")
@click.option("--visitor", is_flag=True, help="ID is of an anonymous visitor.")
@click.option("--out", "path", required=True, type=click.Path(path_type=Path, dir_okay=False), help="JSON lines.")
@click.option("--target", help="host:port of the gateway. [the one that runs on this home]")
@with_settings()
def export(settings: Settings, user_id: str, visitor: bool, path: Path, target: str | None) -> None:
    """All that is stored of a user, one record a line: ExportedRecord in protobuf's JSON mapping.

    The file is there when all of it is.
    """
    from google.protobuf import json_format

    from serving.cli.user_calls import whose, written_whole

    counts: dict[str, int] = {}
    with client_of(settings, target_of(settings, target)) as client, written_whole(path) as file:
        for record in client.export_user(**whose(user_id, visitor)):
            kind = record.WhichOneof("record")
            counts[kind] = counts.get(kind, 0) + 1
            file.write(json_format.MessageToJson(record, indent=None, ensure_ascii=False) + "\n")
    told = ", ".join(f"{count:,} {kind.replace('_', ' ')}s" for kind, count in sorted(counts.items())) or "nothing"
    out.print(f"{path}: {told}", markup=False, highlight=False)


@user.command()
@click.argument("user_ids", metavar="[ID]...", nargs=-1)
@click.option("--file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="One id a line.")
@click.option("--visitor", is_flag=True, help="The ids are of anonymous visitors.")
@click.option("--wait", is_flag=True, help="Until the proofs are there.")
@click.option("--wait-s", type=click.FloatRange(1, 86_400), default=600.0, show_default=True, help="At most so long.")
@click.option("--target", help="host:port of the gateway. [the one that runs on this home]")
@with_settings()
def erase(
    settings: Settings,
    user_ids: tuple[str, ...],
    file: Path | None,
    visitor: bool,
    wait: bool,
    wait_s: float,
    target: str | None,
) -> None:
    """Erases all that was received of these users until now; what comes later is kept.

    Without --wait it ends when all are ordered: their profiles and decisions are gone then, the rest follows. Ends with
    1 when --wait has not seen the end of all, or something could not be reached.
    """
    from serving.cli.events import progress_bar
    from serving.cli.user_calls import Erasing, ids_of

    ids = [*user_ids, *(ids_of(file) if file else ())]
    if not ids:
        raise InvalidInput("ID", "nothing", "ids of users, or --file with one a line")
    with client_of(settings, target_of(settings, target)) as client, progress_bar("users") as bar:
        work = Erasing(client, list(dict.fromkeys(ids)), visitor)
        task = bar.add_task("ordering", total=len(work.ids))
        work.order(lambda done: bar.update(task, completed=done))
        if wait:
            bar.update(task, description="erasing", completed=0)
            work.wait(wait_s, lambda done: bar.update(task, completed=done))
    _tell(work.found)
    left = sorted({problem for one in work.found.values() for problem in one.left})
    for problem in left:
        err.print(problem, markup=False, highlight=False)
    if left or (wait and work.running):
        why = f"{len(left)} things could not be reached" if left else f"{work.running} are not complete yet"
        raise click.ClickException(why)


def _tell(found: dict[str, Any]) -> None:
    from storegate.v1 import event_pb2 as pb

    table = Table(box=box.SIMPLE)
    table.add_column("erasure")
    for column in ("state", *(name.replace("_", " ") for name in COUNTS)):
        table.add_column(column, justify="left" if column == "state" else "right")
    erasures = list(found.values())
    for one in erasures[:SHOWN_MAX]:
        table.add_row(
            one.erasure_id,
            pb.ErasureState.Name(one.state).removeprefix("ERASURE_").lower(),
            *(f"{getattr(one, name):,}" for name in COUNTS),
        )
    if len(erasures) > 1:
        complete = sum(one.state == pb.ERASURE_COMPLETE for one in erasures)
        table.add_section()
        sums = (f"{sum(getattr(one, name) for one in erasures):,}" for name in COUNTS)
        table.add_row(f"all {len(erasures):,}", f"{complete:,} complete", *sums)
    out.print(table)
