"""`storegate settings`: the reference of all settings, made from the settings themselves."""

from __future__ import annotations

import click
from rich import box
from rich.table import Table

from serving.cli.common import out, with_settings
from serving.settings import Settings


@click.command()
@click.option("--markdown", is_flag=True, help="As a table for the documentation, with defaults instead of values.")
@with_settings()
def settings(settings: Settings, markdown: bool) -> None:
    """Secrets are never shown.

    \b
    storegate settings
    STOREGATE__SERVER__GRPC_PORT=6000 storegate settings
    """
    if markdown:
        click.echo("| key | default | takes | meaning |\n|---|---|---|---|")
        for one in settings.describe():
            click.echo(f"| `{one.key}` | `{one.default}` | {one.expected} | {one.doc} |")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("key", "value", "takes", "meaning"):
        table.add_column(name, overflow="fold")
    for one in settings.describe():
        style = "bold" if one.value != one.default else ""
        table.add_row(one.key, one.value, one.expected, one.doc, style=style)
    out.print(table)
