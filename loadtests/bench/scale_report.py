"""What the bench at scale found: tables for people, lines for RESULTS.md. The JSON is report.as_json's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench.report import Result
from loadtests.bench.timing import Row
from model_repo.evaluate.machine import machine, peak_rss_mib

HEAD = (
    "| date | items | case | batch | p50 us | p90 us | p99 us | machine | command |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
WHOLE = "pipeline"


def show(result: Result, console: Console) -> None:
    """A table of the timings, then one line for everything else."""
    timed, others = _parted(result.rows)
    sizes = sorted({int(str(row["batch"])) for row in timed})
    table = Table(box=box.SIMPLE_HEAD, title="microseconds a request: p50 / p90 / p99")
    table.add_column("case and stage", no_wrap=True)
    for size in sizes:
        table.add_column(f"batch {size}", justify="right", no_wrap=True)
    lines: dict[str, dict[int, str]] = {}
    for row in timed:
        lines.setdefault(str(row["name"]), {})[int(str(row["batch"]))] = _figures(row, " / ")
    for name, by_size in lines.items():
        table.add_row(name, *(by_size.get(size, "") for size in sizes))
    for row in others:
        console.print(_spelt(row), highlight=False)
    console.print(table)
    for note in result.notes:
        console.print(f"note: {note}", highlight=False)
    console.print(f"seed {result.seed}, {result.seconds:.0f} s, peak memory {peak_rss_mib():,} MiB", highlight=False)


def markdown(result: Result) -> str:
    """The whole pipeline of every case as lines of a table, then the stages and the rest as sentences."""
    timed, others = _parted(result.rows)
    told, day = machine(), result.when.date().isoformat()
    where = f"{told['cores']} cores, {told['cpu']}"
    items = f"{int(str(result.data['items'])):,}"
    whole = [row for row in timed if str(row["name"]).endswith(f": {WHOLE}")]
    lines = [
        f"| {day} | {items} | {str(row['name']).removesuffix(f': {WHOLE}')} | {row['batch']} | "
        f"{_figures(row, ' | ')} | {where} | `{result.command}` |"
        for row in whole
    ]
    stages = "; ".join(
        f"{row['name']} {_figures(row, ' / ')}" for row in timed if row["batch"] == 1 and row not in whole
    )
    return "\n".join(
        [
            HEAD, *lines, "",
            f"{day}, {items} items, {where}, `{result.command}`: {'; '.join(map(_spelt, others))}; "
            f"peak memory {peak_rss_mib():,} MiB.",
            f"At batch 1, microseconds p50 / p90 / p99: {stages}.",
            *(f"Note: {note}." for note in result.notes),
        ]
    )  # fmt: skip


def _parted(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Timings, and all else."""
    return [row for row in rows if "batch" in row], [row for row in rows if "batch" not in row]


def _figures(row: Mapping[str, object], between: str) -> str:
    return between.join(f"{float(str(row[key])):,.0f}" for key in ("micros", "p90", "p99"))


def _spelt(row: Row) -> str:
    """ "build index: seconds 1.2, grown mib 3.0"."""
    return f"{row['name']}: " + ", ".join(
        f"{key.replace('_', ' ')} {value}" for key, value in row.items() if key != "name"
    )
