"""The command `python -m loadtests.batch`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from loadtests.batch.asked import Asked
from loadtests.batch.flow import measure
from loadtests.telling import tell
from serving.core.errors import StoregateError


@click.command()
@click.option("--users", type=click.IntRange(1, 100_000_000), default=100_000, show_default=True)
@click.option("--profiles", type=click.IntRange(0), help="Users who have a profile. [all]")
@click.option("--items", type=click.IntRange(100), default=4000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option("--block-rows", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True)
@click.option("--memory-mib", type=click.IntRange(1024), default=4096, show_default=True)
@click.option("--kill", is_flag=True, help="SIGKILL a worker when a third is done.")
@click.option("--beside", is_flag=True, help="Recommend with and without a batch on the other core, in turn.")
@click.option("--stretch-s", type=click.FloatRange(0.5, 120), default=5.0, show_default=True, help="With --beside.")
@click.option("--callers", type=click.IntRange(1, 64), default=4, show_default=True, help="With --beside.")
@click.option("--local", is_flag=True, help="Without Ray.")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/bench"), show_default=True,
    help="Copied, not touched; a demo store is made there when nothing has been trained.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def batch(json_: bool, home: Path, **asked: int) -> None:
    """Batches at a gateway of its own; ends with 1 when a promise is broken.

    \b
    python -m loadtests.batch --users 1000000 --workers 2
    python -m loadtests.batch --users 1000000 --workers 2 --kill
    python -m loadtests.batch --users 10000000 --profiles 0 --workers 2
    python -m loadtests.batch --beside --users 1000000 --workers 1
    """
    log = Console(stderr=True, highlight=False)
    try:
        result, table = measure(home.absolute(), Asked(**asked), lambda line: log.print(line, style="dim"))  # type: ignore[arg-type]
    except StoregateError as error:
        raise click.ClickException(str(error)) from error
    tell(result, table, json=json_)
