"""What Place was judged at, for people: one table a question, one line a method."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from model_repo.evaluate.machine import peak_rss_mib
from model_repo.evaluate.report import Result, Row


def show(result: Result, console: Console) -> None:
    """Rows with the same figures stand together."""
    console.print(f"[bold]{result.data}[/bold]: {result.protocol}", highlight=False)
    console.print(", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in result.counts.items()))
    slots = [row for row in result.rows if "metres_per_order" in row.metrics]
    bounded = [row for row in result.rows if "above_bound_pct" in row.metrics]
    for rows in ([row for row in result.rows if row not in slots and row not in bounded], bounded, slots):
        if rows:
            console.print(_table(rows))
    for note in result.notes:
        console.print(f"note: {note}", highlight=False)
    console.print(f"seed {result.seed}, {result.seconds:.1f} s, peak memory {peak_rss_mib()} MiB", highlight=False)


def _table(rows: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("method", no_wrap=True)
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    for name in (*names, "seconds"):
        table.add_column(name.replace("_pct", " %").replace("_", " "), justify="right")
    for row in rows:
        cells = (row.metrics.get(name) for name in names)
        table.add_row(row.name, *("" if value is None else _figure(value) for value in cells), f"{row.seconds:.1f}")
    return table


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.2f}"
