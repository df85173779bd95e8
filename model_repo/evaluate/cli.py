"""The command `storegate evaluate`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.knowledge import joined
from model_repo.evaluate.search import BUDGET
from model_repo.evaluate.splits import HOLDOUT_DAYS, cut_before_end

PROTOCOLS = ("next-basket", "leave-last-out")
PIPED_COLUMNS = 130
"""Width of the table in a file or a pipe."""


@click.group()
def evaluate() -> None:
    """How good are the answers? Against tuned baselines, on data that training has not seen."""


@evaluate.command()
@click.option("--transactions", type=click.Path(path_type=Path), help="CSV or Parquet of a shop's sales, gz allowed.")
@click.option("--sequences", type=click.Path(path_type=Path), help="One line a user: id, then item ids in time order.")
@click.option("--demo", is_flag=True, help="The built-in demo store.")
@click.option("--protocol", type=click.Choice(PROTOCOLS), help="next-basket (default) | leave-last-out (sequences).")
@click.option("--cut", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Nothing after it is known (UTC).")
@click.option("--holdout-days", type=float, default=HOLDOUT_DAYS, show_default=True, help="Days after the cut.")
@click.option("-k", "ks", type=click.IntRange(1, 100), multiple=True, help="Length of the lists; repeatable. [10, 20]")
@click.option("--budget", type=click.IntRange(1, 500), default=BUDGET, show_default=True, help="Tries a baseline.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output instead of the table.")
def recommend(
    transactions: Path | None,
    sequences: Path | None,
    demo: bool,
    protocol: str | None,
    cut: datetime | None,
    holdout_days: float,
    ks: tuple[int, ...],
    budget: int,
    seed: int,
    as_json_: bool,
) -> None:
    """Rank for every customer as the gateway does, and compare with what the customer then bought.

    \b
    storegate evaluate recommend --demo
    storegate evaluate recommend --transactions online_retail.csv.gz --json
    storegate evaluate recommend --transactions sales.parquet --cut 2011-11-12 -k 10
    storegate evaluate recommend --sequences Beauty.txt.gz --protocol leave-last-out -k 10 --json
    """
    check(transactions, sequences, demo, protocol, cut)
    from model_repo.evaluate import recommend as flow  # heavy: only when it runs
    from model_repo.evaluate.report import as_json, report

    say = partial(_say, Console(stderr=True))
    dataset, cut_s = dataset_of(transactions, sequences, seed, cut, holdout_days, say)
    task = flow.next_item(dataset) if sequences else flow.next_basket(dataset, cut_s)
    result = flow.evaluate(
        dataset,
        task,
        ks=sorted(set(ks or (10, 20))),
        seed=seed,
        budget=budget,
        say=say,
        command="evaluate recommend",
    )
    if as_json_:
        sys.stdout.write(as_json(result) + "\n")
    else:
        report(result, Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS))


def check(
    transactions: Path | None, sequences: Path | None, demo: bool, protocol: str | None, cut: datetime | None
) -> None:
    """Options that contradict each other. Raises click.UsageError that says what would be right."""
    if (transactions is not None) + (sequences is not None) + demo != 1:
        raise click.UsageError("give exactly one of --transactions FILE, --sequences FILE and --demo")
    if sequences is not None and protocol == "next-basket":
        raise click.UsageError("--sequences has no times to cut at: use --protocol leave-last-out")
    if sequences is None and protocol == "leave-last-out":
        raise click.UsageError("--protocol leave-last-out is for --sequences FILE")
    if sequences is not None and cut is not None:
        raise click.UsageError("--cut is for --transactions and --demo: --sequences has no times")


def dataset_of(
    transactions: Path | None,
    sequences: Path | None,
    seed: int,
    cut: datetime | None,
    holdout_days: float,
    say: Callable[[str], None],
) -> tuple[Dataset, int]:
    """The data that was asked for, as it was known at the cut, and the cut in epoch seconds. Raises DataError."""
    if sequences is not None:
        from model_repo.datasets.sequences import read_sequences

        say(f"reading {sequences}")
        return read_sequences(sequences).to_dataset(), 0
    if transactions is not None:
        from model_repo.datasets.transactions import read_transactions

        say(f"reading {transactions}")
        whole = read_transactions(transactions)
    else:
        from model_repo.datasets.demo_store import generate

        say("making the demo store")
        whole = generate(seed=seed)
    cut_s = cut_before_end(whole.events, holdout_days) if cut is None else int(cut.replace(tzinfo=UTC).timestamp())
    if transactions is None:
        return whole, cut_s
    say("reading it again, up to the cut")
    return joined(read_transactions(transactions, until_s=cut_s), whole, cut_s), cut_s


def _say(log: Console, line: str) -> None:
    log.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
