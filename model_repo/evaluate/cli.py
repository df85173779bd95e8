"""The command `storegate evaluate`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.baselines import Contender
from model_repo.evaluate.forecast.command import forecast
from model_repo.evaluate.knowledge import joined
from model_repo.evaluate.place.command import place
from model_repo.evaluate.policy.command import policy
from model_repo.evaluate.price.command import price
from model_repo.evaluate.rankers import rankers
from model_repo.evaluate.replenish.command import replenish
from model_repo.evaluate.retrieval import retrieval
from model_repo.evaluate.route.command import route
from model_repo.evaluate.search import BUDGET
from model_repo.evaluate.splits import DAY_S, HOLDOUT_DAYS, WEEK_DAYS, cut_before_end

PROTOCOLS = ("next-basket", "next-week", "leave-last-out")
CUTS_MAX = 26
PIPED_COLUMNS = 130
"""Width of the table in a file or a pipe."""


@click.group()
def evaluate() -> None:
    """How good are the answers? Against tuned baselines, on data that training has not seen."""


evaluate.add_command(forecast)
evaluate.add_command(place)
evaluate.add_command(policy)
evaluate.add_command(price)
evaluate.add_command(rankers)
evaluate.add_command(replenish)
evaluate.add_command(retrieval)
evaluate.add_command(route)


@evaluate.command()
@click.option("--transactions", type=click.Path(path_type=Path), help="CSV or Parquet of a shop's sales, gz allowed.")
@click.option("--sequences", type=click.Path(path_type=Path), help="One line a user: id, then item ids in time order.")
@click.option("--demo", is_flag=True, help="The built-in demo store.")
@click.option("--products", type=click.Path(path_type=Path), help="CSV or Parquet of what --transactions sell.")
@click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    help="next-basket (default) | next-week (all that is bought in 7 days) | leave-last-out (sequences).",
)
@click.option("--cut", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Nothing after it is known (UTC).")
@click.option("--holdout-days", type=float, help="Days after the cut. [28; next-week: 7]")
@click.option(
    "--cuts", type=click.IntRange(1, CUTS_MAX), default=1, show_default=True, help="Cuts of next-week, 7 days apart."
)
@click.option("-k", "ks", type=click.IntRange(1, 100), multiple=True, help="Length of the lists; repeatable. [10, 20]")
@click.option("--budget", type=click.IntRange(1, 500), default=BUDGET, show_default=True, help="Tries a baseline.")
@click.option("--tune-served", is_flag=True, help="Search the served recipe too, with the same budget: hours.")
@click.option("--pareto", type=click.Path(path_type=Path), help="Instead: objectives and diversity; writes this SVG.")
@click.option("--placements", is_flag=True, help="Instead: every placement, by a question of its own.")
@click.option("--neural", is_flag=True, help="Rows for neumf, wide-deep, mult-vae, item2vec too: needs PyTorch, hours.")
@click.option("--attributes", type=click.Path(path_type=Path), help="JSON of what is known of --sequences' items.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output instead of the table.")
def recommend(
    transactions: Path | None,
    sequences: Path | None,
    demo: bool,
    products: Path | None,
    protocol: str | None,
    cut: datetime | None,
    holdout_days: float | None,
    cuts: int,
    ks: tuple[int, ...],
    budget: int,
    tune_served: bool,
    pareto: Path | None,
    placements: bool,
    neural: bool,
    attributes: Path | None,
    seed: int,
    as_json_: bool,
) -> None:
    """Rank for every customer as the gateway does, and compare with what the customer then bought.

    \b
    storegate evaluate recommend --demo
    storegate evaluate recommend --transactions online_retail.csv.gz --json
    storegate evaluate recommend --transactions sales.parquet --cut 2011-11-12 -k 10
    storegate evaluate recommend --transactions baskets.csv.gz --products products.csv.gz --protocol next-week --cuts 4
    storegate evaluate recommend --sequences Beauty.txt.gz --protocol leave-last-out -k 10 --json
    storegate evaluate recommend --demo --pareto tradeoffs.svg
    storegate evaluate recommend --demo --placements
    storegate evaluate recommend --demo --neural --budget 4
    """
    check(transactions, sequences, demo, protocol, cut)
    check_instead(sequences, attributes, pareto is not None, placements)
    rows = _neural_rows(sequences is not None, pareto is not None or placements) if neural else ()
    check_week(protocol, products, transactions, holdout_days, cuts)
    from model_repo.evaluate import recommend as flow  # heavy: only when it runs
    from model_repo.evaluate.report import as_json, report

    say = partial(_say, Console(stderr=True))
    weekly = protocol == "next-week"
    after = holdout_days or (WEEK_DAYS if weekly else HOLDOUT_DAYS)
    known = datasets_of(
        transactions, sequences, seed, cut, after, say, products=products, cuts=cuts, attributes=attributes
    )
    if weekly:
        asked = [(dataset, flow.next_week(dataset, cut_s, cuts)) for dataset, cut_s in known]
    elif sequences is not None:
        asked = [(dataset, flow.next_item(dataset)) for dataset, _ in known]
    else:
        asked = [(dataset, flow.next_basket(dataset, cut_s)) for dataset, cut_s in known]
    asked = [(dataset, replace(task, contenders=(*task.contenders, *rows))) for dataset, task in asked]
    command = "evaluate recommend" + (" --neural" if neural else "")
    if pareto is not None:
        from model_repo.evaluate.picture import svg
        from model_repo.evaluate.tradeoffs import tradeoffs

        result = tradeoffs(*asked[-1], seed=seed, say=say, command=f"{command} --pareto")
        pareto.write_text(svg(result.rows, f"{result.data}: relevance against revenue, margin and diversity"))
    elif placements:
        from model_repo.evaluate.placements import placements as judge

        result = judge(*asked[-1], seed=seed, say=say, command=f"{command} --placements")
    else:
        result = flow.evaluate_cuts(
            asked,
            ks=sorted(set(ks or (10, 20))),
            seed=seed,
            budget=budget,
            say=say,
            command=command,
            tune_served=tune_served,
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
    if sequences is not None and protocol in ("next-basket", "next-week"):
        raise click.UsageError("--sequences has no times to cut at: use --protocol leave-last-out")
    if sequences is None and protocol == "leave-last-out":
        raise click.UsageError("--protocol leave-last-out is for --sequences FILE")
    if sequences is not None and cut is not None:
        raise click.UsageError("--cut is for --transactions and --demo: --sequences has no times")


def check_instead(sequences: Path | None, attributes: Path | None, pareto: bool, placements: bool) -> None:
    """The same for the other tables."""
    if attributes is not None and sequences is None:
        raise click.UsageError("--attributes is for --sequences FILE")
    if pareto and placements:
        raise click.UsageError("give one of --pareto and --placements")
    if (pareto or placements) and sequences is not None:
        raise click.UsageError("--pareto and --placements are for --transactions and --demo")


def _neural_rows(sequences: bool, instead: bool) -> tuple[Contender, ...]:
    """Raises click.UsageError for a table without baselines, NotReady where PyTorch is missing."""
    if instead:
        raise click.UsageError("--neural is for the table of baselines, not for --pareto and --placements")
    from model_repo.evaluate.neural import contenders

    return contenders(sequences=sequences)


def check_week(
    protocol: str | None, products: Path | None, transactions: Path | None, holdout_days: float | None, cuts: int
) -> None:
    """The same for what belongs to one kind of data or protocol."""
    if products is not None and transactions is None:
        raise click.UsageError("--products is for --transactions FILE")
    if cuts > 1 and protocol != "next-week":
        raise click.UsageError("--cuts is for --protocol next-week")
    if protocol == "next-week" and holdout_days is not None and holdout_days < WEEK_DAYS:
        raise click.UsageError(
            f"--protocol next-week looks {WEEK_DAYS} days ahead: use --holdout-days {WEEK_DAYS} or more"
        )


def dataset_of(
    transactions: Path | None,
    sequences: Path | None,
    seed: int,
    cut: datetime | None,
    holdout_days: float,
    say: Callable[[str], None],
) -> tuple[Dataset, int]:
    """The data that was asked for, as it was known at the cut, and the cut in epoch seconds. Raises DataError."""
    return datasets_of(transactions, sequences, seed, cut, holdout_days, say)[0]


def datasets_of(
    transactions: Path | None,
    sequences: Path | None,
    seed: int,
    cut: datetime | None,
    holdout_days: float,
    say: Callable[[str], None],
    *,
    products: Path | None = None,
    cuts: int = 1,
    attributes: Path | None = None,
) -> list[tuple[Dataset, int]]:
    """The same for `cuts` cuts, 7 days apart, the oldest first; `cut` is the newest. Raises DataError."""
    if sequences is not None:
        from model_repo.datasets.sequences import read_sequences

        say(f"reading {sequences}")
        return [(read_sequences(sequences, attributes).to_dataset(), 0)]
    if transactions is not None:
        from model_repo.datasets.transactions import read_transactions

        say(f"reading {transactions}")
        whole = read_transactions(transactions, products=products)
    else:
        from model_repo.datasets.demo_store import generate

        say("making the demo store")
        whole = generate(seed=seed)
    newest = cut_before_end(whole.events, holdout_days) if cut is None else int(cut.replace(tzinfo=UTC).timestamp())
    moments = [newest - back * WEEK_DAYS * DAY_S for back in reversed(range(cuts))]
    if transactions is None:
        return [(whole, cut_s) for cut_s in moments]
    known = []
    for cut_s in moments:
        say("reading it again, up to the cut")
        past = read_transactions(transactions, until_s=cut_s, products=products)
        known.append((joined(past, whole, cut_s), cut_s))
    return known


def _say(log: Console, line: str) -> None:
    log.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
