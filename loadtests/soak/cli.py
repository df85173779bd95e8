"""The command `python -m loadtests.soak`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import grpc
from rich.console import Console

from loadtests.soak.flow import Ask, run
from loadtests.soak.picture import svg
from loadtests.soak.report import table
from loadtests.telling import tell
from serving.core.errors import StoregateError


@click.command()
@click.option("--requests", type=click.IntRange(1000, 10**8), default=500_000, show_default=True)
@click.option(
    "--seconds-max", type=click.FloatRange(5, 86_400), default=1800.0, show_default=True, help="Then it ends."
)
@click.option(
    "--growth-mib", type=click.FloatRange(0.1, 10_000), default=8.0, show_default=True,
    help="What memory may grow by over the requests after the warm-up.",
)  # fmt: skip
@click.option(
    "--sample-seconds", type=click.FloatRange(0.1, 600), default=2.0, show_default=True, help="Between looks."
)
@click.option("--ray", is_flag=True, help="The gateway on Ray, with Ray's own processes counted; else one process.")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Writes an SVG there.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/loadtests/home"), show_default=True,
    help="A small demo store is made there when nothing has been trained.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def soak(
    requests: int, seconds_max: float, growth_mib: float, sample_seconds: float, ray: bool, json_: bool,
    plot: Path | None, home: Path, seed: int,
) -> None:  # fmt: skip
    """Mixed requests, events and catalogue changes by h2load; ends with 1 when anything grows, or a call fails.

    \b
    python -m loadtests.soak --requests 500000 --plot var/loadtests/soak.svg
    python -m loadtests.soak --requests 20000 --sample-seconds 0.5 --json
    """
    log = Console(stderr=True, highlight=False)
    ask = Ask(requests, seconds_max, growth_mib, sample_seconds, not ray, home, seed)
    command = " ".join(["python", "-m", "loadtests.soak", *sys.argv[1:]])
    try:
        result, soaked = run(ask, command=command, say=lambda line: log.print(line, style="dim"))
    except (StoregateError, ValueError, grpc.RpcError) as error:
        raise click.ClickException(str(error)) from error
    if plot is not None:
        plot.parent.mkdir(parents=True, exist_ok=True)
        plot.write_text(svg(soaked))
    tell(result, table(soaked), json=json_)
