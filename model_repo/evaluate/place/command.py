"""The command `storegate evaluate place`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from rich.console import Console

PARTS = ("batching", "slotting")
PIPED_COLUMNS = 150


@click.command()
@click.option("--transactions", type=click.Path(path_type=Path), help="CSV or Parquet of a shop's sales, gz allowed.")
@click.option("--demo", is_flag=True, help="The built-in demo store.")
@click.option(
    "--instances", type=click.Path(path_type=Path), help="Folder of order batching instances, instead of a shop."
)
@click.option("--part", type=click.Choice(PARTS), multiple=True, help="Of a shop, repeatable. [both]")
@click.option(
    "--capacity", type=click.IntRange(1, 2000), default=30, show_default=True, help="Order lines that a walk collects."
)
@click.option(
    "--windows", type=click.IntRange(1, 100), default=3, show_default=True, help="Of 30, 50, 100, 200, 300 orders each."
)
@click.option(
    "--slotting-seconds", type=click.FloatRange(0.1, 300), default=50.0, show_default=True, help="For each slotting."
)
@click.option("--picture", type=click.Path(path_type=Path), help="Writes an SVG: picks before and after, and a walk.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output instead of the table.")
def place(
    transactions: Path | None,
    demo: bool,
    instances: Path | None,
    part: tuple[str, ...],
    capacity: int,
    windows: int,
    slotting_seconds: float,
    picture: Path | None,
    seed: int,
    as_json_: bool,
) -> None:
    """How far pickers walk: orders in batches, and items in better slots.

    \b
    storegate evaluate place --transactions online_retail.csv.gz
    storegate evaluate place --demo --part slotting --slotting-seconds 5 --picture slots.svg
    storegate evaluate place --instances order_batching/Conventional --json

    The shop's baskets are orders in a warehouse of 10 aisles x 90 places x 5 slots. Batches of consecutive orders
    stand against first-come batches; slots learned on the first ten twelfths of the time are judged on the rest.
    """
    if (transactions is not None) + demo + (instances is not None) != 1:
        raise click.UsageError("give exactly one of --transactions FILE, --demo and --instances DIR")
    if instances is not None and (part or picture is not None):
        raise click.UsageError("--part and --picture are for --transactions and --demo")
    parts = part or PARTS
    if picture is not None and "slotting" not in parts:
        raise click.UsageError("--picture shows what slotting does: add --part slotting")
    from model_repo.evaluate.place.flow import instances_result, shop_result  # heavy: only when it runs
    from model_repo.evaluate.place.table import show
    from model_repo.evaluate.report import as_json

    log = Console(stderr=True)

    def say(line: str) -> None:
        log.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)

    began = time.monotonic()
    if instances is not None:
        result = instances_result(instances, seed, say, began)
    else:
        if transactions is not None:
            from model_repo.datasets.transactions import read_transactions

            say(f"reading {transactions}")
            dataset = read_transactions(transactions)
        else:
            from model_repo.datasets.demo_store import generate

            say("making the demo store")
            dataset = generate(seed=seed)
        result, drawn = shop_result(
            dataset, parts, lines=capacity, windows=windows, seconds=slotting_seconds, seed=seed, say=say, began=began
        )
        if picture is not None:
            picture.write_text(drawn)
            say(f"wrote {picture}")
    if as_json_:
        sys.stdout.write(as_json(result) + "\n")
    else:
        show(result, Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS))
