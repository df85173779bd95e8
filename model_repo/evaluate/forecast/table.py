"""The rows for people: a table for each grain and level, and the coverage of what is served by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from model_repo.evaluate.forecast.scores import INTERVALS
from model_repo.evaluate.machine import peak_rss_mib
from model_repo.evaluate.report import Result, Row
from model_repo.forecast.classes import NAMES

ERRORS: Final = ("smape", "mase", "owa", "rmsse", "wrmsse", "pinball", "spl", "wspl")
"""The smallest is the best."""
SHOWN: Final = (*ERRORS, "bias", *(f"coverage@{each}" for each in INTERVALS))


def show(result: Result, console: Console) -> None:
    """Errors: smaller is better, the best in bold. Coverage: the nearer to its name the better."""
    console.print(f"[bold]{result.data}[/bold]: {result.protocol}", highlight=False)
    console.print(", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in result.counts.items()))
    keys = dict.fromkeys(name.rsplit(".", 1)[0] for row in result.rows for name in row.metrics)
    for key in keys:
        console.print(_table(key, result.rows))
        for line in against_best(key, result.rows):
            console.print(line, highlight=False, markup=False)
    ours = [row for row in result.rows if row.name.startswith(result.rows[0].name)]
    classes = _classes(ours[-1])  # of all items, where the others answered a sample
    if classes.row_count:
        console.print(classes)
    for note in result.notes:
        console.print(f"note: {note}", highlight=False, markup=False)
    console.print(f"seed {result.seed}, {result.seconds:.1f} s, peak memory {peak_rss_mib()} MiB", highlight=False)


def against_best(key: str, rows: Sequence[Row]) -> list[str]:
    """The first row against the best of the others, metric by metric; nothing without others."""
    ours = rows[0]
    others = [row for row in rows if not row.name.startswith(ours.name)]
    parts = []
    for metric in ERRORS:
        name = f"{key}.{metric}"
        best = min((row for row in others if name in row.metrics), key=lambda row: row.metrics[name], default=None)
        if best is not None and name in ours.metrics:
            change = 100.0 * (ours.metrics[name] / best.metrics[name] - 1.0)
            parts.append(f"{metric} {change:+.1f} % ({best.name})")
    return [f"{ours.name} against the best other row: {', '.join(parts)}"] if parts else []


def _table(key: str, rows: Sequence[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=key.replace(".", ", "), title_justify="left")
    table.add_column("row", no_wrap=True)
    mine = [(row, _of(key, row.metrics)) for row in rows]
    shown = [metric for metric in SHOWN if any(metric in metrics for _, metrics in mine)]
    for metric in shown:
        table.add_column(metric, justify="right")
    best = {
        metric: min(metrics[metric] for _, metrics in mine if metric in metrics) for metric in shown if metric in ERRORS
    }
    for row, metrics in mine:
        if metrics:
            table.add_row(row.name, *(_cell(metric, metrics.get(metric), best.get(metric)) for metric in shown))
    return table


def _of(key: str, metrics: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix(f"{key}."): value for name, value in metrics.items() if name.startswith(f"{key}.")}


def _cell(metric: str, value: float | None, best: float | None) -> str:
    if value is None:
        return ""
    if metric.startswith("coverage") or metric == "bias":
        return f"{100 * value:.1f} %"
    shown = f"{value:.4g}" if value >= 100 else f"{value:.4f}"
    return f"[bold]{shown}[/bold]" if value == best else shown


def _classes(row: Row) -> Table:
    """Coverage by class, a line a class of each grain; inside: the plain share of counts between the whole ends."""
    table = Table(box=box.SIMPLE_HEAD, title=f"{row.name}: coverage by class", title_justify="left")
    table.add_column("class", no_wrap=True)
    columns = [f"{kind}@{interval}" for kind in ("coverage", "inside") for interval in INTERVALS]
    for column in columns:
        table.add_column(column, justify="right")
    for key in dict.fromkeys(name.split("coverage@")[0] for name in row.metrics if "coverage@" in name):
        for each in NAMES:
            cells = [row.metrics.get(f"{key}{column}_{each}") for column in columns]
            if any(cell is not None for cell in cells):
                label = f"{key.rstrip('.').replace('.', ', ')} {each}"
                table.add_row(label, *("" if cell is None else f"{100 * cell:.1f}" for cell in cells))
    return table
