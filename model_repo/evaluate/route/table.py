"""Gaps to the best known plans, for people and for programs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from model_repo.evaluate.machine import peak_rss_mib
from model_repo.evaluate.report import Result, Row
from model_repo.evaluate.route.flow import Found, metrics


def result_of(
    found: Sequence[Found],
    data: str,
    sha256: str,
    objective: str,
    asked_s: float,
    threads: int,
    seed: int,
    spent: float,
) -> Result:
    """The object that --json prints: one row a contender."""
    names = list(dict.fromkeys(one.contender for one in found))
    rows = []
    for name in names:
        own = [one for one in found if one.contender == name]
        rows.append(Row(name, metrics(own), sum(one.seconds for one in own)))
    return Result(
        command="evaluate route",
        data=data,
        sha256=sha256,
        seed=seed,
        protocol=f"{objective} objective, {asked_s:g} s an instance, gaps to the best known in %",
        counts={
            "instances": len({one.instance for one in found}),
            "threads": threads,
            "cores": len(os.sched_getaffinity(0)),
        },
        rows=rows,
        seconds=spent,
        notes=[
            "served runs our own engine and PyVRP: at the same time with two threads on two cores, otherwise in turn; "
            "the others run alone",
            "stream is the same in steps, from bytes to bytes, as PlanRoutes makes it; served is one run",
            "every plan was checked by code that no engine shares; one that leaves a stop out counts as not feasible",
            *(
                ["gaps are of the plans with as few vehicles as the best known"]
                if objective == "hierarchical"
                else ["distances are rounded to 1/10,000 of their unit where the file has coordinates alone"]
            ),
        ],
    )


def show(result: Result, found: Sequence[Found], console: Console) -> None:
    """One line an instance, then one a contender."""
    console.print(f"[bold]{result.data}[/bold]: {result.protocol}", highlight=False)
    names = [row.name for row in result.rows]
    by = {(one.instance, one.contender): one for one in found}
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("instance", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right")
    for instance in dict.fromkeys(one.instance for one in found):
        table.add_row(instance, *(_cell(by[instance, name]) for name in names))
    for label, key in (("mean", "gap_pct"), ("median", "gap_pct_median"), ("worst", "gap_pct_worst")):
        table.add_row(label, *(_gap(row.metrics.get(key)) for row in result.rows), style="bold")
    table.add_row("vehicles", *(f"{row.metrics['vehicles']:.0f}" for row in result.rows))
    if any("vehicles_above_best_known" in row.metrics for row in result.rows):
        above = (row.metrics.get("vehicles_above_best_known") for row in result.rows)
        table.add_row("above the best known", *("" if one is None else f"{one:+.0f}" for one in above))
    table.add_row("distance", *(f"{row.metrics['distance']:,.1f}" for row in result.rows))
    table.add_row("feasible", *(f"{row.metrics['feasible']:.0f}/{row.metrics['instances']:.0f}" for row in result.rows))
    console.print(table)
    for note in result.notes:
        console.print(f"note: {note}", highlight=False)
    console.print(f"seed {result.seed}, {result.seconds:.1f} s, peak memory {peak_rss_mib()} MiB", highlight=False)


def _cell(one: Found) -> str:
    if not one.feasible:
        return f"{one.dropped} left out"
    return f"{_gap(one.gap_pct)} ({one.vehicles})"


def _gap(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f} %"
