"""The command `storegate evaluate route`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from rich.console import Console

PIPED_COLUMNS = 130
CONTENDER_NAMES = ("served", "stream", "served-without-pyvrp", "stream-without-pyvrp", "pyvrp", "or-tools")


@click.command()
@click.option(
    "--instances", type=click.Path(path_type=Path), required=True,
    help="Folder, or .tar.gz of one: Solomon or Homberger .txt (BKS.json beside them), CVRPLIB .vrp with .sol.",
)  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0.05, 3600), default=1.0, show_default=True, help="An instance.")
@click.option("--objective", type=click.Choice(["distance", "hierarchical"]), default="distance", show_default=True)
@click.option("--only", default="*", show_default=True, help="Names of instances, for example 'RC2*'.")
@click.option("--contender", "contenders", type=click.Choice(CONTENDER_NAMES), multiple=True, help="Repeatable. [all]")
@click.option("--threads", type=click.IntRange(1, 2), default=2, show_default=True, help="Engines at a time.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output instead of the table.")
def route(
    instances: Path,
    seconds: float,
    objective: str,
    only: str,
    contenders: tuple[str, ...],
    threads: int,
    seed: int,
    as_json_: bool,
) -> None:
    """Plans for published instances, by the served planner and by each engine alone, against the best known.

    \b
    storegate evaluate route --instances solomon.tar.gz --seconds 1 --json
    storegate evaluate route --instances homberger/ --objective hierarchical --seconds 10 --only 'RC2*'
    """
    from model_repo.evaluate.report import as_json  # heavy: only when it runs
    from model_repo.evaluate.route.flow import compare, digest, instances_of
    from model_repo.evaluate.route.table import result_of, show

    log = Console(stderr=True)

    def say(line: str) -> None:
        log.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)

    began = time.monotonic()
    chosen = instances_of(instances, only)
    names = list(dict.fromkeys(contenders)) or list(CONTENDER_NAMES)
    found = compare(chosen, objective, seconds, threads, seed, names, say)
    spent = time.monotonic() - began
    result = result_of(found, instances.name, digest(instances), objective, seconds, threads, seed, spent)
    if as_json_:
        sys.stdout.write(as_json(result) + "\n")
    else:
        show(result, found, Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS))
