"""The command `python -m loadtests.peers`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from loadtests.bench.cli import numbers
from serving.core.errors import StoregateError

COLUMNS = 140
"""The table needs so many, also where the output is no terminal."""


@click.command()
@click.option("--only", default="", metavar="A,B", help="Some of the servers. [all]")
@click.option("--items", type=click.IntRange(200, 10**6), default=4000, show_default=True)
@click.option("--callers", default="1,8,64", show_default=True, help="How many callers ask at once.")
@click.option("--seconds", type=click.FloatRange(0.5, 600), default=3.0, show_default=True, help="Per case and round.")
@click.option(
    "--rounds", type=click.IntRange(1, 50), default=3, show_default=True, help="Each starts every server anew."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the tables.")
@click.option("--markdown", is_flag=True, help="Lines for loadtests/RESULTS.md instead of the tables.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Writes an SVG there.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keeps the servers' environments, the catalogue and logs. [var/peers]",
)
def peers(
    only: str, items: int, callers: str, seconds: float, rounds: int, seed: int, json_: bool, markdown: bool,
    plot: Path | None, folder: Path | None,
) -> None:  # fmt: skip
    """One pipeline behind our engine and front on Ray, and behind other servers: each on one core, h2load on another.

    \b
    python -m loadtests.peers
    python -m loadtests.peers --only ours,mosec_http --items 100000
    python -m loadtests.peers --rounds 5 --markdown --plot peers.svg

    Ends with 1 when a call of ours failed; what failed elsewhere stands in its column and in a note.
    """
    from loadtests.peers.flow import OURS, Ask, run  # heavy: only when it runs
    from loadtests.peers.picture import svg
    from loadtests.peers.registry import chosen
    from loadtests.peers.report import as_json, as_markdown, report

    log = Console(stderr=True, highlight=False)
    try:
        selected = chosen(only)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from None
    ask = Ask(selected, items, numbers(callers), seconds, rounds, seed, *([folder.absolute()] if folder else []))
    try:
        result = run(
            ask,
            command=" ".join(["python -m loadtests.peers", *sys.argv[1:]]),
            say=lambda line: log.print(line, style="dim"),
        )
    except StoregateError as error:
        raise click.ClickException(error.message) from error
    if json_:
        sys.stdout.write(as_json(result) + "\n")
    elif markdown:
        sys.stdout.write(as_markdown(result) + "\n")
    else:
        report(result, Console(width=max(Console().width, COLUMNS)))
    if plot is not None:
        plot.write_text(svg(result))
    failed = sum(int(str(row.get("failed", 0))) for row in result.rows if row["name"] == OURS)
    if failed:
        raise click.ClickException(f"{failed} calls of ours failed or were answered wrongly: the figures mean nothing")
