"""`storegate evaluate rankers`: should the ranker be a network or trees?

past --> moments, oldest first: retrievers fitted before each --> examples, answers known before the judge's moment
                                                                     |
     all but the two newest moments --> tries --> judged at the newest but one: values are chosen
     all but the newest one --> the chosen values --> judged at the newest: what is reported
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table

from model_repo.evaluate.machine import machine, peak_rss_mib
from model_repo.evaluate.search import spelt
from model_repo.evaluate.splits import HOLDOUT_DAYS, cut_before_end
from serving.core.errors import InvalidInput

if TYPE_CHECKING:
    from model_repo.datasets.tables import Dataset
    from model_repo.ranker.compare import Line, Stage
    from model_repo.recommend import Plan

KIND_NAMES = ("next-basket", "basket", "click")
MOMENTS_MIN = 3
"""One to learn from, one to choose on, one to report on."""
EVERYTHING = 1_000_000
"""A judge is asked about every group, and about every candidate of it."""

Say = Callable[[str], None]


@click.command()
@click.option("--transactions", type=click.Path(path_type=Path), help="CSV or Parquet of a shop's sales, gz allowed.")
@click.option("--demo", is_flag=True, help="The built-in demo store.")
@click.option("--kind", type=click.Choice(KIND_NAMES), default=KIND_NAMES[0], show_default=True, help="What is asked.")
@click.option(
    "--cut", type=click.DateTime(["%Y-%m-%d"]), help="Nothing after it is used (UTC). [28 days before the end]"
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output instead of the table.")
def rankers(transactions: Path | None, demo: bool, kind: str, cut: datetime | None, seed: int, as_json: bool) -> None:
    """Network or trees: NDCG@10 of both at equal latency, on moments that neither has seen.

    \b
    storegate evaluate rankers --demo
    storegate evaluate rankers --transactions online_retail.csv.gz --kind basket --json
    """
    if (transactions is not None) + demo != 1:
        raise click.UsageError("give exactly one of --transactions FILE and --demo")
    console = Console(stderr=True)
    say = partial(console.print, style="dim", markup=False, highlight=False, soft_wrap=True)
    main(_known(transactions, cut, seed, say), kind, seed=seed, as_json=as_json, say=say)


@dataclass(frozen=True, slots=True)
class Found:
    """What one run compares. groups: examples learned from and judged by, at either stage."""

    lines: list[Line]
    winner: str
    groups: dict[str, int]


def main(dataset: Dataset, kind: str, *, seed: int, as_json: bool, say: Say) -> None:
    """Compares on `dataset`, of which everything may be used, and prints a table, or one JSON object."""
    since = perf_counter()
    found = evaluate(dataset, kind, seed=seed, say=say)
    seconds = perf_counter() - since
    if as_json:
        sys.stdout.write(_as_json(found, dataset, kind, seed, seconds) + "\n")
    else:
        _report(found, dataset, kind, seed, seconds)


def evaluate(dataset: Dataset, kind: str, *, seed: int, say: Say, plan: Plan | None = None) -> Found:
    """Examples at the plan's moments, then the comparison. Raises InvalidInput when the history is too short."""
    from model_repo.ranker.compare import compare, winner
    from model_repo.recommend import Plan
    from serving.features import FEATURES

    choosing, reporting = stages(dataset, kind, plan or Plan(), seed=seed, say=say)
    lines = compare(choosing, reporting, FEATURES, seed=seed, say=say)
    groups = {
        "choosing_known": len(choosing.known), "choosing_judge": len(choosing.judge),
        "reporting_known": len(reporting.known), "reporting_judge": len(reporting.judge),
    }  # fmt: skip
    return Found(lines, winner(lines), groups)


def stages(dataset: Dataset, kind: str, plan: Plan, *, seed: int, say: Say) -> tuple[Stage, Stage]:
    """The stage that chooses and the one that reports.

    An answer counts only if it came before the stage's judge is asked: a basket of the judge's time must not be
    learned from as the answer to an earlier question.
    """
    from model_repo.examples import Examples, examples
    from model_repo.histories import Histories
    from model_repo.ranker.compare import Stage
    from model_repo.retrievers import described, fit
    from serving.core.catalogue import Catalogue
    from serving.decisions.recommend.params import Params

    histories, params = Histories.of(dataset), Params()
    items = [replace(item, stock={}, deleted=False) for item in dataset.items]
    timeless = Catalogue.build(items, model_ids=[item.item_id for item in items])
    words = described(dataset, plan.recipe, seed)
    moments, horizon = moments_of(dataset, plan)
    *_, choose_s, report_s = moments
    known: dict[float, list[Examples]] = {choose_s: [], report_s: []}
    judges: dict[float, Examples] = {}
    for place, moment in enumerate(moments):
        say(f"examples of moment {place + 1}/{len(moments)}")
        models = fit(dataset, histories, timeless, moment, plan.recipe, params, seed=seed, words=words)
        asked = partial(
            examples, dataset, histories, models, timeless, moment, params=params, kind=kind,
            records_max=plan.recipe.records_max, seed=seed,
        )  # fmt: skip
        for judge_s in known:
            until = min(moment + horizon, judge_s)
            if moment < judge_s:
                known[judge_s].append(
                    asked(until_s=until, groups_max=plan.groups_max, negatives_max=plan.negatives_max)
                )
            elif moment == judge_s:
                until = min(moment + horizon, report_s if judge_s == choose_s else moment + horizon)
                judges[judge_s] = asked(until_s=until, groups_max=EVERYTHING, negatives_max=EVERYTHING)
    found = [Stage(Examples.joined(known[judge_s]), judges[judge_s]) for judge_s in (choose_s, report_s)]
    if not all(len(stage.known) and len(stage.judge) for stage in found):
        raise InvalidInput("transactions", f"no {kind} question with an answer", "customers who come back")
    return found[0], found[1]


def moments_of(dataset: Dataset, plan: Plan) -> tuple[list[float], float]:
    """Past moments, oldest first, each with a fifth of the history before it, and how long an answer is waited for (s).

    Raises InvalidInput when there are fewer than MOMENTS_MIN.
    """
    from serving.kernels.history import DAY_S

    first, last = float(dataset.events.time_s[0]), float(dataset.events.time_s[-1]) + 1.0
    horizon = min(plan.horizon_days * DAY_S, 0.2 * (last - first))
    every = [last - horizon - k * plan.step_days * DAY_S for k in reversed(range(plan.moments))]
    found = [moment for moment in every if moment >= first + 0.2 * (last - first)]
    if len(found) < MOMENTS_MIN:
        days = (last - first) / DAY_S
        raise InvalidInput("transactions", f"{days:.0f} days", f"a history with {MOMENTS_MIN} moments to ask at")
    return found, horizon


def _known(transactions: Path | None, cut: datetime | None, seed: int, say: Say) -> Dataset:
    """The data as it was known at the cut. Raises DataError."""
    if transactions is None:
        from model_repo.datasets.demo_store import generate

        say("making the demo store")
        whole = generate(seed=seed)
        until = _seconds(cut) or cut_before_end(whole.events)
        return replace(whole, events=whole.events.where(whole.events.time_s < until))
    from model_repo.datasets.transactions import read_transactions

    say(f"reading {transactions}")
    until = _seconds(cut) or cut_before_end(read_transactions(transactions).events, HOLDOUT_DAYS)
    return read_transactions(transactions, until_s=until)


def _seconds(cut: datetime | None) -> int:
    return int(cut.replace(tzinfo=UTC).timestamp()) if cut else 0


def _as_json(found: Found, dataset: Dataset, kind: str, seed: int, seconds: float) -> str:
    rows = [
        {
            "name": line.name, "ndcg@10": round(line.ndcg, 6), "choosing_ndcg@10": round(line.chosen_at, 6),
            "us_200_rows": round(line.micros, 1), "tried": line.tried, "chosen": dict(line.values),
            "train_seconds": round(line.seconds, 2),
        }
        for line in found.lines
    ]  # fmt: skip
    return json.dumps(
        {
            "command": "evaluate rankers",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "data": {"name": dataset.name, "sha256": dataset.sha256},
            "kind": kind,
            "seed": seed,
            "seconds": round(seconds, 1),
            "peak_rss_mib": peak_rss_mib(),
            "groups": found.groups,
            "winner": found.winner,
            "rows": rows,
        },
        allow_nan=False,
    )


def _report(found: Found, dataset: Dataset, kind: str, seed: int, seconds: float) -> None:
    console = Console(width=None if sys.stdout.isatty() else 130)
    groups = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in found.groups.items())
    console.print(f"[bold]{dataset.name}[/bold]: {kind}; groups: {groups}", highlight=False)
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("model", "NDCG@10", "us for 200 rows", "tries", "training s", "chosen"):
        table.add_column(column, justify="left" if column in ("model", "chosen") else "right")
    for line in found.lines:
        cells = (f"{line.ndcg:.4f}", f"{line.micros:.0f}", str(line.tried), f"{line.seconds:.1f}", spelt(line.values))
        table.add_row(f"[bold]{line.name}[/bold]" if line.name == found.winner else line.name, *cells)
    console.print(table)
    console.print(f"better at equal latency: {found.winner}; seed {seed}, {seconds:.1f} s", highlight=False)
