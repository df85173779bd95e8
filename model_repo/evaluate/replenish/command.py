"""The command `storegate evaluate replenish`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from rich.console import Console

PIPED_COLUMNS = 150
DEMO_DAYS = 400
"""Of the demo store: more than it has elsewhere, as half a year must lie before the days that are played."""


@click.command()
@click.option("--transactions", type=click.Path(path_type=Path), help="CSV or Parquet of a shop's sales, gz allowed.")
@click.option("--demo", is_flag=True, help="The built-in demo store.")
@click.option(
    "--days", type=click.IntRange(14, 365), default=91, show_default=True, help="Newest days, on which it is played."
)
@click.option("--lead-time", type=click.IntRange(1, 60), default=7, show_default=True, help="Days.")
@click.option("--review", type=click.IntRange(1, 28), default=7, show_default=True, help="Days from review to review.")
@click.option(
    "--target",
    type=click.FloatRange(0.5, 0.999),
    default=0.95,
    show_default=True,
    help="Fill rate; and the critical ratio of costs.",
)
@click.option(
    "--holding-rate", type=click.FloatRange(0.001, 10), default=0.25, show_default=True, help="Of the cost a year."
)
@click.option(
    "--order-cost", type=click.FloatRange(0), default=0.0, show_default=True, help="Of an order line, minor units."
)
@click.option("--waits", is_flag=True, help="Unmet demand waits; otherwise it is lost.")
@click.option(
    "--items", type=click.IntRange(10, 100_000), default=1000, show_default=True, help="At most so many, drawn."
)
@click.option("--level-share", type=click.FloatRange(0, 2), help="Of the served policy. [replenish.level_share]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output instead of the table.")
def replenish(
    transactions: Path | None,
    demo: bool,
    days: int,
    lead_time: int,
    review: int,
    target: float,
    holding_rate: float,
    order_cost: float,
    waits: bool,
    items: int,
    level_share: float | None,
    seed: int,
    as_json_: bool,
) -> None:
    """What stock and shortages would have cost in the last months, by the served policy and by the usual ones.

    \b
    storegate evaluate replenish --transactions online_retail.csv.gz
    storegate evaluate replenish --demo --days 56 --items 200 --json

    A unit short costs so much that the target is the critical ratio of a review period. Rows that say "tuned"
    choose their safety at every review: the least with which all days so far, from 84 before the first one on, would
    have had the target as their fill rate.
    """
    if (transactions is None) == (not demo):
        raise click.UsageError("give exactly one of --transactions FILE and --demo")
    from model_repo.evaluate.replenish.flow import compare  # heavy: only when it runs
    from model_repo.evaluate.replenish.table import result_of, show
    from model_repo.evaluate.replenish.world import Terms
    from model_repo.evaluate.report import as_json
    from serving.decisions.replenish.params import Params

    log = Console(stderr=True)

    def say(line: str) -> None:
        log.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)

    began = time.monotonic()
    if transactions is not None:
        from model_repo.datasets.transactions import read_transactions

        say(f"reading {transactions}")
        dataset = read_transactions(transactions)
    else:
        from model_repo.datasets.demo_store import generate

        say("making the demo store")
        dataset = generate(days=DEMO_DAYS, seed=seed)
    terms = Terms(
        lead_days=lead_time, review_days=review, target=target, holding_rate=holding_rate, order_cost=order_cost,
        lost=not waits,
    )  # fmt: skip
    share = Params().level_share if level_share is None else level_share
    outcome = compare(dataset, terms, days, items, seed, share, say)
    result = result_of(outcome, dataset, terms, days, seed, time.monotonic() - began)
    if as_json_:
        sys.stdout.write(as_json(result) + "\n")
    else:
        show(result, outcome, Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS))
