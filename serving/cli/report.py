"""`storegate report`: what came of the answers."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from rich import box
from rich.table import Table

from serving.cli.common import out, with_settings
from serving.settings import Settings

Z95 = 1.96


@click.group()
def report() -> None:
    """Reports on the archive of events.

    \b
    storegate report attribution
    storegate report attribution --since 2026-11-01 --json
    """


@report.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day, UTC. [all]")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day, UTC. [all]")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output.")
@with_settings()
def attribution(settings: Settings, since: datetime | None, until: datetime | None, json_: bool) -> None:
    """What was shown, and what of it was clicked, put into a cart and bought, by placement.

    Impressions (event type recommendation-impression) and outcomes are joined by the answer's attribution token.
    `unseen` are outcomes of items that no impression told of.
    """
    from serving.adapters.attribution_report import attribution as joined
    from serving.decisions.recommend.contract import PLACEMENTS
    from serving.stores import event_archive

    days = {name: day.date() for name, day in (("first", since), ("last", until)) if day is not None}
    archive = event_archive(settings)
    rows = [
        {"name": PLACEMENTS[row.placement] if row.placement < len(PLACEMENTS) else str(row.placement)} | asdict(row)
        for row in joined(archive.tables(**days))
    ]
    for row in rows:
        del row["placement"]
    if json_:
        click.echo(json.dumps({"command": "storegate report attribution", "archive": archive.place, "rows": rows}))
        return
    out.print(_table(rows) if rows else "no event of the archive names a decision", highlight=False)


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE, title="what was shown, and what came of it")
    table.add_column("placement")
    for name in (
        "answers",
        "items shown",
        "clicked",
        "of shown (95 %)",
        "in a cart",
        "bought",
        "of shown (95 %)",
        "unseen",
    ):
        table.add_column(name, justify="right", no_wrap="%" in name)
    for row in rows:
        counts = [f"{row[name]:,}" for name in ("decisions", "shown", "clicks", "carts", "purchases", "unseen")]
        clicked, bought = (_share(row[name], row["shown"]) for name in ("clicks", "purchases"))
        table.add_row(str(row["name"]), *counts[:3], clicked, *counts[3:5], bought, counts[5])
    return table


def _share(count: int, of: int) -> str:
    """In percent, with its 95 % confidence interval [1].

    [1] Wilson: Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if not of:
        return ""
    share, z2 = count / of, Z95 * Z95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return f"{share:.1%} ({max(middle - half, 0.0):.1%}-{min(middle + half, 1.0):.1%})"
